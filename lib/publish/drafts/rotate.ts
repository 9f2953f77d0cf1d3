import { OtaError, toHex, type Bytes } from '../../base/index.ts'
import {
  ROLE,
  type Card,
  type Member,
  type Role,
  type RoleName,
  type Trust
} from '../../records/index.ts'
import type { Believed } from '../../trust/index.ts'
import { currentTrust } from './control.ts'
import { builderOf, checkThresholds, drawerOf, memberOf } from './found.ts'
import { draftOf, type Draft } from '../papers/request.ts'

/** Somebody who comes into a role. */
export interface Newcomer {
  readonly role: RoleName
  readonly card: Card
  /** Role `build` only; null elsewhere. */
  readonly organisation: string | null
}

export interface Rotation {
  readonly add: readonly Newcomer[]
  readonly drop: readonly { readonly role: RoleName; readonly label: string }[]
  readonly need: readonly { readonly role: RoleName; readonly threshold: number }[]
  /** New set of feeds; null keeps those there are. */
  readonly feeds: readonly Bytes[] | null
  /** The version to take; null: the next one that nobody here has seen or signed. */
  readonly number: number | null
  /** The highest version that a key here has signed. */
  readonly signed: number
  readonly raiseEpoch: boolean
  readonly expiresMs: number
  readonly allowSplit: boolean
  readonly nowMs: number
}

/**
 * The next trust, as a draft that the root keys of both must sign. `USAGE` for a label that the
 * role lacks, `SPLIT_QUORUM` as `init` (S95). A corrected draft takes the version above (S98), so
 * the version is one more than any this home has seen or signed.
 */
export function proposeTrust(believed: Believed, rotation: Rotation): Draft {
  const before = currentTrust(believed).body
  const roles = before.roles
    .map((role) => changed(role, rotation))
    .filter(({ members }) => members.length > 0)
  for (const { role } of rotation.add) {
    if (!roles.some((one) => one.role === ROLE[role])) roles.push(newRole(role, rotation))
  }
  const trust: Trust = {
    ...before,
    version: versionFor(believed, rotation),
    epoch: before.epoch + (rotation.raiseEpoch ? 1 : 0),
    issuedMs: rotation.nowMs,
    expiresMs: rotation.nowMs + rotation.expiresMs,
    roles,
    feeds: rotation.feeds ?? before.feeds
  }
  checkThresholds(trust, rotation.allowSplit, (role) => `--need ${role}=`)
  return draftOf(believed.network, { tag: 'trust', trust })
}

function versionFor(believed: Believed, { number, signed }: Rotation): number {
  const next = Math.max(highestVersion(believed), signed) + 1
  const least = (believed.trust?.body.version ?? 0) + 1
  if (number === null || number >= least) return number ?? next
  throw new OtaError('USAGE', `--number ${number}: trust ${least - 1} is in force already`, {
    hint: `take ${next}, or leave --number away`
  })
}

/** Every role that `label` has gets `card` in its place; role by role, for `trust rotate`. */
export function replaceSigner(
  trust: Trust,
  label: string,
  card: Card
): Pick<Rotation, 'add' | 'drop'> {
  const drop = dropEverywhere(trust, label)
  const add = drop.map(({ role, organisation }) => ({ role, card, organisation }))
  return { add, drop }
}

/** Every role that `label` has; `USAGE` when it has none. */
export function dropEverywhere(
  trust: Trust,
  label: string
): readonly { role: RoleName; label: string; organisation: string | null }[] {
  const parts = trust.roles.flatMap(({ role, members }) => {
    const name = nameOfRole(role)
    const member = members.find((one) => one.label === label)
    if (name === null || member === undefined) return []
    return [{ role: name, label, organisation: member.organisation }]
  })
  if (parts.length > 0) return parts
  const labels = new Set(trust.roles.flatMap(({ members }) => members.map((one) => one.label)))
  throw new OtaError('USAGE', `trust ${trust.version} lists no "${label}"`, {
    hint: `it lists ${[...labels].toSorted().join(', ')}`
  })
}

function changed(role: Role, { add, drop, need }: Rotation): Role {
  const name = nameOfRole(role.role)
  if (name === null) return role
  const leaving = drop.filter((one) => one.role === name).map(({ label }) => label)
  for (const label of leaving) {
    if (role.members.some((member) => member.label === label)) continue
    throw new OtaError('USAGE', `role ${name} has no "${label}"`, {
      hint: `it has ${role.members.map((member) => member.label).join(', ')}`
    })
  }
  const staying = role.members.filter(({ label }) => !leaving.includes(label))
  const coming = add.filter((one) => one.role === name).map(asMember)
  const threshold = need.find((one) => one.role === name)?.threshold ?? role.threshold
  return { role: role.role, threshold, members: [...staying, ...coming] }
}

function newRole(name: RoleName, { add, need }: Rotation): Role {
  const members = add.filter((one) => one.role === name).map(asMember)
  const threshold = need.find((one) => one.role === name)?.threshold ?? 1
  return { role: ROLE[name], threshold, members }
}

function asMember({ role, card, organisation }: Newcomer): Member {
  if (role === 'build') return builderOf({ card, organisation: organisation ?? '' })
  return role === 'draw' ? drawerOf(card) : memberOf(card)
}

function nameOfRole(role: number): RoleName | null {
  for (const [name, number] of Object.entries(ROLE)) {
    // Cast: the keys of ROLE are the role names.
    if (number === role) return name as RoleName
  }
  return null
}

function highestVersion({ trusts, held, trust }: Believed): number {
  const versions = trusts.map(({ body }) => body.version)
  for (const { any } of held.values()) {
    if (any.tag === 'trust') versions.push(any.known.body.version)
  }
  return Math.max(trust?.body.version ?? 0, ...versions)
}

/** Whether a draft of a trust lists the same key set as before; for the sentence of `propose`. */
export function movedKeys(before: Trust, next: Trust): { added: string[]; dropped: string[] } {
  const [old, now] = [partsOf(before), partsOf(next)]
  return {
    added: [...now].filter(([part]) => !old.has(part)).map(([, text]) => text),
    dropped: [...old].filter(([part]) => !now.has(part)).map(([, text]) => text)
  }
}

/** Every key in every role, and how to say it. */
function partsOf(trust: Trust): Map<string, string> {
  const parts = trust.roles.flatMap(({ role, members }) =>
    members.map(({ key, label }) => {
      const name = nameOfRole(role) ?? String(role)
      return [`${role} ${toHex(key)}`, `${name}=${label}`] as const
    })
  )
  return new Map(parts)
}
