import sodium from 'sodium-native'
import { alloc, equal, isZero, toHex } from '../../lib/base/index.ts'
import {
  encodeBody,
  encodeCanonical,
  isCritical,
  ROLE,
  type KnownBody,
  type RoleName,
  type Trust
} from '../../lib/records/index.ts'
import { checkProof, type AnyKnown, type Believed, type KnownTrust } from '../../lib/trust/index.ts'
import { writtenTrusts } from './scenes.ts'

/**
 * What a mutated statement may bring about, judged by rules written down a second time and by
 * sodium alone: it believes no list of signers and no standing that the rooms under test made.
 * Null if all that `after` has and `before` had not is lawful, else what is not. `told`: trusts
 * a node may begin at because it knows their ids from itself.
 */
export function unlawful(
  before: Believed,
  after: Believed,
  told: ReadonlySet<string> = new Set()
): string | null {
  for (const [hex, held] of after.held) {
    const was = before.held.get(hex)
    const isNew = was?.standing.tag !== held.standing.tag || was.any !== held.any
    if (!isNew || held.standing.tag === 'refused') continue
    const { known } = held.any
    const fault =
      lacksForm(held.any) ??
      (held.standing.tag === 'pending'
        ? lacksAnybody(held.any)
        : lacksRight(held.any, after, held.standing.tag))
    if (fault !== null) {
      return `${held.standing.tag} ${held.any.tag} ${toHex(known.id).slice(0, 8)}: ${fault}`
    }
  }
  return chainFault(after, told)
}

/** What waits for more has somebody's valid signature (S99). */
function lacksAnybody({ known }: AnyKnown): string | null {
  return signersOf(known).length > 0 ? null : 'it is kept though nobody signed it'
}

/** The id is the hash of the very bytes, which are the only bytes of what was read. */
function lacksForm(any: AnyKnown): string | null {
  const { id, statement } = any.known
  const hash = alloc(32)
  sodium.crypto_generichash_batch(hash, [statement.canonical])
  if (!equal(hash, id)) return 'its id is not the hash of its bytes'
  if (any.tag === 'other') return null
  const { type, bytes } = encodeBody(bodyOf(any))
  const again = encodeCanonical(statement.network, type, bytes)
  return equal(again, statement.canonical) ? null : 'it was read from bytes nobody would write'
}

function bodyOf(any: Exclude<AnyKnown, { tag: 'other' }>): KnownBody {
  // Cast: tag and body belong together, as they do in what was read.
  return { tag: any.tag, [any.tag]: any.known.body } as unknown as KnownBody
}

function lacksRight(any: AnyKnown, { trust, trusts }: Believed, as: string): string | null {
  if (any.tag === 'trust') return null // Judged along the chain.
  if (trust === null) return 'there is no trust'
  const now = rolesOf(trust)
  if (any.tag === 'other') {
    const role = any.known.body.type === 1 ? 'root' : 'release'
    return any.known.body.type < 128 && as === 'admitted' ? 'unread' : short(now, role, any)
  }
  if (any.tag === 'revoke') return short(now, 'enrol', any) ?? unread(any, as)
  const { head } = any.known.body
  const named = trusts.find((one) => equal(one.id, head.trustId))
  if (named === undefined) return 'it names a trust that is not here'
  if (rolesOf(named).version !== head.trustVersion) return 'it names a trust by a wrong number'
  if (any.tag === 'control') return lacksControl(any, { now, named: rolesOf(named) })
  if (any.tag === 'release') {
    if (any.known.body.epoch !== now.epoch) return 'it is of another epoch'
    if (as === 'kept' && short(now, 'release', any) !== null)
      return short(rolesOf(named), 'release', any)
    return short(now, 'release', any) ?? lacksDraw(any, rolesOf(named)) ?? unread(any, as)
  }
  return short(now, 'release', any) ?? unread(any, as)
}

type Control = Extract<AnyKnown, { tag: 'control' }>

function lacksControl(any: Control, { now, named }: { now: Trust; named: Trust }): string | null {
  const { action, stage } = any.known.body
  if (action === 'pause' || action === 'abort') return short(named, 'release', any)
  if (action === 'widen' && (stage < 1 || stage > 64)) return 'no plan has such a stage'
  return short(now, 'release', any)
}

function unread(any: AnyKnown, as: string): string | null {
  if (as !== 'admitted' || any.tag === 'other') return null
  return isCritical(any.known.body.ext) ? 'it carries what this version cannot read' : null
}

function lacksDraw(any: Extract<AnyKnown, { tag: 'release' }>, named: Trust): string | null {
  const { drawers, drawNumber } = any.known.body
  const members = named.roles.find(({ role }) => role === ROLE.draw)?.members ?? []
  for (const key of drawers) {
    const draw = members.find((one) => equal(one.key, key))?.draw
    if (!draw || drawNumber === null) return 'it names a drawer that the trust does not list'
    const claim = { key, ...draw, drawNumber }
    const isShown = any.known.statement.entries.some(
      ({ bytes }) =>
        equal(bytes.subarray(0, 32), key) &&
        bytes.byteLength > 97 &&
        checkProof(bytes.slice(bytes.byteLength - 416), claim) !== null
    )
    if (!isShown) return 'a named draw value is missing'
  }
  return null
}

/** As it was written where it is one of ours; else what was read, whose signatures are checked. */
function rolesOf({ id, body }: KnownTrust): Trust {
  return writtenTrusts.get(toHex(id)) ?? body
}

/** Null if `role` of `trust` met its threshold with signatures that sodium takes. */
function short(trust: Trust, name: RoleName, { known }: AnyKnown): string | null {
  const role = trust.roles.find((one) => one.role === ROLE[name])
  if (role === undefined) return `there is no role ${name}`
  const keys = new Set(role.members.map(({ key }) => toHex(key)))
  const have = signersOf(known).filter((hex) => keys.has(hex)).length
  return have >= role.threshold ? null : `${have} of ${role.threshold} signatures of role ${name}`
}

// What a scene holds comes back run after run: each statement is verified once.
const signers = new WeakMap<object, readonly string[]>()

function signersOf(known: AnyKnown['known']): readonly string[] {
  const found = signers.get(known) ?? verified(known)
  signers.set(known, found)
  return found
}

function verified({ statement }: AnyKnown['known']): readonly string[] {
  const found = new Set<string>()
  for (const { alg, bytes } of statement.entries) {
    if (alg !== 1 || bytes.byteLength < 96) continue
    const [key, signature] = [bytes.slice(0, 32), bytes.slice(32, 96)]
    if (sodium.crypto_sign_verify_detached(signature, statement.canonical, key)) {
      found.add(toHex(key))
    }
  }
  return [...found]
}

/** Each trust on the way is T1 with all its keys, the checkpoint, or follows one before it. */
function chainFault(
  { network, checkpoint, trust, trusts }: Believed,
  told: ReadonlySet<string>
): string | null {
  const sound: KnownTrust[] = []
  for (const one of [...trusts, ...(trust === null ? [] : [trust])]) {
    const own = rolesOf(one)
    const any = { tag: 'trust', known: one } as const
    const isTold = told.has(toHex(one.id)) || (checkpoint !== null && equal(one.id, checkpoint.id))
    const isFirst = equal(one.id, network)
    const isFollowing = sound.some((before) => {
      const old = rolesOf(before)
      const isLater = own.version > old.version && own.epoch >= old.epoch && own.name === old.name
      return isLater && short(old, 'root', any) === null && short(own, 'root', any) === null
    })
    if (isFirst && (!isZero(one.statement.network) || !isProven(own, one))) {
      return 'trust 1 without the signature of each of its keys'
    }
    const isSound = isFirst || isFollowing || (isTold && short(own, 'root', any) === null)
    if (!isSound && !sound.includes(one)) return `trust ${own.version} without its root signatures`
    sound.push(one)
  }
  return null
}

function isProven(trust: Trust, known: KnownTrust): boolean {
  const keys = new Set(trust.roles.flatMap(({ members }) => members.map(({ key }) => toHex(key))))
  const signed = new Set(signersOf(known))
  return [...keys].every((key) => signed.has(key))
}
