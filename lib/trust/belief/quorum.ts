import { equal, toHex, type Bytes } from '../../base/index.ts'
import { ROLE, type Member, type Role, type RoleName, type Trust } from '../../records/index.ts'
import type { Known } from './known.ts'

/** A count of signatures that matter here: distinct keys of a role, never signatures (S2). */
export interface Count {
  readonly have: number
  readonly need: number
  readonly signers: readonly Member[]
}

/** Members of a role; empty where the trust leaves it out. */
export function membersOf(trust: Trust, name: RoleName): readonly Member[] {
  return roleOf(trust, name)?.members ?? []
}

function roleOf({ roles }: Trust, name: RoleName): Role | null {
  const wanted = ROLE[name]
  for (const role of roles) if (role.role === wanted) return role
  return null
}

/** Every key that a trust lists, in whatever role, each once. */
export function keysOf(trust: Trust): readonly Bytes[] {
  const keys = new Map<string, Bytes>()
  for (const { members } of trust.roles) {
    for (const { key } of members) keys.set(toHex(key), key)
  }
  return [...keys.values()]
}

export function hasKey(trust: Trust, name: RoleName, key: Bytes): boolean {
  const hex = toHex(key)
  return membersOf(trust, name).some((member) => toHex(member.key) === hex)
}

/**
 * k of n by distinct key: the members of `name` in `trust` among the signers, each once. A role
 * that the trust leaves out is out of reach, never met by nobody.
 */
export function countSigners(
  trust: Trust,
  name: RoleName,
  { signers }: Pick<Known<unknown>, 'signers'>
): Count {
  const role = roleOf(trust, name)
  const found = membersAmong(role?.members ?? [], signers)
  return { have: found.length, need: Math.max(1, role?.threshold ?? 1), signers: found }
}

export function isMet({ have, need }: Count): boolean {
  return have >= need
}

function membersAmong(members: readonly Member[], signers: readonly Bytes[]): readonly Member[] {
  // A handful of keys is compared faster than it is named
  if (members.length * signers.length <= 64) {
    const found: Member[] = []
    for (const member of members) if (includes(signers, member.key)) found.push(member)
    return found
  }
  const signed = hexesOf(signers)
  const keys = namesOf(members)
  return members.filter((_, index) => signed.has(keys[index] ?? ''))
}

function includes(keys: readonly Bytes[], key: Bytes): boolean {
  for (const one of keys) if (equal(one, key)) return true
  return false
}

// Both lists are values that never change, and are counted again at every change of belief.
const hexes = new WeakMap<readonly Bytes[], ReadonlySet<string>>()
const names = new WeakMap<readonly Member[], readonly string[]>()

function hexesOf(keys: readonly Bytes[]): ReadonlySet<string> {
  const known = hexes.get(keys) ?? new Set(keys.map(toHex))
  hexes.set(keys, known)
  return known
}

function namesOf(members: readonly Member[]): readonly string[] {
  const known = names.get(members) ?? members.map(({ key }) => toHex(key))
  names.set(members, known)
  return known
}
