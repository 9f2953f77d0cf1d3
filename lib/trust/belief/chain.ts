import { compare, equal, toHex, trustStepsMax, type Bytes } from '../../base/index.ts'
import { criticalExt } from '../../records/index.ts'
import type { KnownTrust } from './known.ts'
import { countSigners, isMet, type Count } from './quorum.ts'

/** A trust named from outside the chain: by the join string, or by what was adopted before. */
export interface Checkpoint {
  readonly version: number
  readonly id: Bytes
}

export interface Chain {
  /** The trust this node stands on, or null before the first one is here. */
  readonly current: KnownTrust | null
  /** The own branch, history included, ascending by version. */
  readonly path: readonly KnownTrust[]
  /** Two or more valid successors of one trust, none of which ends the others: installs stop. */
  readonly fork: readonly KnownTrust[]
}

/** How far a trust got on each side; both must be met (S14, S18). */
export interface Sides {
  readonly before: Count
  readonly own: Count
}

export function sidesOf(before: KnownTrust, next: KnownTrust): Sides {
  return {
    before: countSigners(before.body, 'root', next),
    own: countSigners(next.body, 'root', next)
  }
}

/**
 * design 1: T(m) follows T(n), m > n, if it meets the root threshold of T(n) and its own; versions
 * between may be missing (S16). Same name, and the epoch never falls.
 */
export function follows(before: KnownTrust, next: KnownTrust): boolean {
  const known = followers.get(before)?.get(next)
  if (known !== undefined) return known
  const does = doesFollow(before, next)
  const of = followers.get(before) ?? new WeakMap<KnownTrust, boolean>()
  followers.set(before, of.set(next, does))
  return does
}

// Both are values that never change; a chain of a thousand is walked again at each of its trusts.
const followers = new WeakMap<KnownTrust, WeakMap<KnownTrust, boolean>>()

function doesFollow(before: KnownTrust, next: KnownTrust): boolean {
  if (next.body.version <= before.body.version) return false
  if (next.body.name !== before.body.name || next.body.epoch < before.body.epoch) return false
  const sides = sidesOf(before, next)
  return isMet(sides.before) && isMet(sides.own)
}

/** Whether this version of the code understands every part of the trust it must (S10). */
export function isReadable({ body }: KnownTrust): boolean {
  return !criticalExt({ tag: 'trust', trust: body })
}

export interface ChainInput {
  readonly trusts: readonly KnownTrust[]
  readonly network: Bytes
  /** Where to start: T1, or a trust that is known from outside the chain. */
  readonly start: Bytes
  readonly checkpoint: Checkpoint | null
}

/**
 * Walks from `start` to the newest trust, at most 256 steps at a time (S20); the next call goes on
 * from there. Null as long as `start` itself is not held.
 */
export function walk(input: ChainInput): Chain {
  const trusts = input.trusts.filter(isReadable).toSorted(newestFirst)
  const start = trusts.find((trust) => equal(trust.id, input.start) && meetsItself(trust))
  const first = trusts.find(({ id }) => equal(id, input.network))
  if (start === undefined) return { current: null, path: first ? [first] : [], fork: [] }
  let current = start
  for (let step = 0; step < trustStepsMax; step++) {
    const next = nextOf(current, trusts)
    if (next === null) break
    current = next
  }
  const path = pathTo(current, first ?? start, trusts)
  return { current, path, fork: forkAt(current, { path, trusts, checkpoint: input.checkpoint }) }
}

/** A trust known by its id alone must still be signed by its own roots. */
function meetsItself(trust: KnownTrust): boolean {
  return isMet(countSigners(trust.body, 'root', trust))
}

function newestFirst(a: KnownTrust, b: KnownTrust): number {
  return b.body.version - a.body.version || compare(a.id, b.id)
}

/**
 * The newest successor that stands alone in its version, or one that heals a fork of them (S17).
 */
function nextOf(current: KnownTrust, trusts: readonly KnownTrust[]): KnownTrust | null {
  const above = trusts.filter(({ body }) => body.version > current.body.version)
  const successors = above.filter((trust) => follows(current, trust))
  for (const trust of successors) {
    const rivals = successors.filter(({ body }) => body.version === trust.body.version)
    if (rivals.length === 1) return trust
    const healer = above.find((healing) => rivals.every((rival) => follows(rival, healing)))
    if (healer !== undefined && isAlone(healer, above, rivals)) return healer
  }
  return null
}

function isAlone(
  healer: KnownTrust,
  above: readonly KnownTrust[],
  rivals: readonly KnownTrust[]
): boolean {
  return !above.some(
    (other) =>
      other !== healer &&
      other.body.version === healer.body.version &&
      rivals.every((rival) => follows(rival, other))
  )
}

/** Every trust between the first and the current one: reached from there, and leading here. */
function pathTo(
  current: KnownTrust,
  first: KnownTrust,
  trusts: readonly KnownTrust[]
): readonly KnownTrust[] {
  const ascending = trusts.toReversed().filter(({ body }) => body.version < current.body.version)
  const reached: KnownTrust[] = ascending.includes(first) ? [first] : []
  for (const trust of ascending) {
    if (trust !== first && reached.findLast((before) => follows(before, trust))) reached.push(trust)
  }
  const leading: KnownTrust[] = [current]
  for (const trust of reached.toReversed()) {
    if (leading.findLast((next) => follows(trust, next))) leading.push(trust)
  }
  return leading.toReversed()
}

interface Around {
  readonly path: readonly KnownTrust[]
  readonly trusts: readonly KnownTrust[]
  readonly checkpoint: Checkpoint | null
}

/**
 * The other valid successors beside or above the current trust. Older forks are over for a node
 * that stands on a later trust: it judges its own branch only, so that keys retired since then
 * cannot stop it (S17).
 */
function forkAt(current: KnownTrust, { path, trusts, checkpoint }: Around): readonly KnownTrust[] {
  const isFixed = checkpoint !== null && equal(checkpoint.id, current.id)
  const before = path.findLast((trust) => trust !== current && follows(trust, current))
  const beside = trusts.filter(
    (trust) =>
      !isFixed &&
      trust !== current &&
      before !== undefined &&
      trust.body.version === current.body.version &&
      follows(before, trust)
  )
  if (beside.length > 0) return [current, ...beside].toSorted(newestFirst)
  // Above it only rivals are left: a lone successor would have been taken.
  const above = trusts.filter((trust) => follows(current, trust))
  const rivals = above.filter(({ body }) => body.version === above[0]?.body.version)
  return rivals.length > 1 ? rivals : []
}

/** The trust of this id among these, or null. */
export function trustOf(trusts: readonly KnownTrust[], id: Bytes): KnownTrust | null {
  if (trusts.length <= 8) {
    for (const trust of trusts) if (equal(trust.id, id)) return trust
    return null
  }
  const known = byId.get(trusts) ?? new Map(trusts.map((trust) => [toHex(trust.id), trust]))
  byId.set(trusts, known)
  return known.get(toHex(id)) ?? null
}

// A list of trusts is a value, and every statement asks it for the one that it names.
const byId = new WeakMap<readonly KnownTrust[], ReadonlyMap<string, KnownTrust>>()
