import {
  authoritySetBytesMax,
  authoritySetMax,
  compare,
  equal,
  lastingMax,
  releasesKeptMax,
  toHex,
  type Bytes
} from '../../base/index.ts'
import type { Believed, Held } from '../belief/believed.ts'
import type { AnyKnown, KnownRelease } from '../belief/known.ts'
import type { Ledger } from '../belief/ledger.ts'
import { isLiveControl, isNewestEra } from '../views/digest.ts'

/** So far a batch may grow beyond the bound before what is too much is looked for. */
const slack = 256

/**
 * Lets the oldest go of what no longer matters, once there are more than 256 statements or 8 MiB.
 * Never forgotten: a trust, a refusal that no resume has lifted, a floor and the release it names,
 * a resume (it keeps dead what it lifted), the newest eras, revokes in force, the newest releases
 * of each channel, and what the node says is in use. So nothing that a digest is made of changes,
 * and no flood of any statements can push a refusal out: the bound gives way instead, up to the
 * share that each trust has (`isCrowded`).
 */
export function forget(ledger: Ledger, inUse: readonly Bytes[], isLast = true): void {
  const most = authoritySetMax + (isLast ? 0 : slack)
  if (ledger.settledCount <= most && ledger.settledBytes <= authoritySetBytesMax) return
  for (const hex of oldestFirst(ledger, inUse)) {
    if (ledger.settledCount <= authoritySetMax && ledger.settledBytes <= authoritySetBytesMax)
      return
    ledger.drop([hex])
  }
}

/**
 * Whether the trust that it names has its share of statements that are never forgotten (for a
 * revoke: the key that signed it). First come stays, so that nobody pushes out a refusal with
 * others; a later trust has a share of its own, out of reach of keys that left before it.
 */
export function isCrowded(ledger: Ledger, any: AnyKnown): boolean {
  if (ledger.settledCount < lastingMax || !isLasting(any)) return false
  let others = 0
  for (const held of ledger.held.values()) {
    if (held.settled && isLasting(held.any) && isOfShare(held.any, any)) others++
  }
  return others >= lastingMax
}

function isLasting(any: AnyKnown): boolean {
  switch (any.tag) {
    case 'control':
      return any.known.body.action !== 'widen'
    case 'release':
      return any.known.body.floor.tag !== 'none'
    case 'era':
    case 'revoke':
      return true
    case 'trust':
    case 'other':
    default:
      return false
  }
}

function isOfShare(held: AnyKnown, any: AnyKnown): boolean {
  if (any.tag === 'revoke' || held.tag === 'revoke') {
    if (held.tag !== any.tag) return false
    return held.known.signers.some((key) => any.known.signers.some((other) => equal(key, other)))
  }
  const isNamed = 'head' in any.known.body && 'head' in held.known.body
  if (!isNamed || held.tag !== any.tag) return false
  return equal(held.known.body.head.trustId, any.known.body.head.trustId)
}

interface Candidate {
  readonly hex: string
  readonly rank: number
  readonly issuedMs: number
  readonly id: Bytes
}

/** Ids, in hex, of all that may be forgotten, in the order in which it is. */
function oldestFirst(ledger: Ledger, inUse: readonly Bytes[]): readonly string[] {
  const kept = neededReleases(ledger)
  for (const id of inUse) kept.add(toHex(id))
  const found: Candidate[] = []
  ledger.held.forEach((held, hex) => {
    const rank = rankOf(held, ledger)
    if (rank === null || ledger.waiting.has(hex) || kept.has(hex)) return
    found.push({ hex, rank, issuedMs: issuedMs(held.any), id: held.any.known.id })
  })
  return found.toSorted(goesFirst).map(({ hex }) => hex)
}

function goesFirst(a: Candidate, b: Candidate): number {
  return a.rank - b.rank || a.issuedMs - b.issuedMs || compare(a.id, b.id)
}

/** Who goes first; null: never. */
function rankOf({ any, standing }: Held, believed: Believed): number | null {
  switch (any.tag) {
    case 'trust':
      return null
    case 'control': {
      const { action } = any.known.body
      if (action === 'resume') return null
      if (action === 'widen') {
        return standing.tag === 'admitted' && isLiveControl(believed, any.known) ? null : 1
      }
      return believed.lifted.has(toHex(any.known.id)) ? 1 : null
    }
    case 'era':
      return isNewestEra(believed, any.known) ? null : 1
    case 'revoke':
      return standing.tag === 'admitted' ? null : 0
    case 'release':
      return standing.tag === 'refused' ? 0 : 3
    case 'other':
    default:
      return 2
  }
}

/** Releases that something which is never forgotten needs, and the newest of each channel. */
function neededReleases(ledger: Ledger): Set<string> {
  const needed = new Set<string>()
  addNewest(ledger.releases, needed)
  const draws = new Map<number, string>()
  for (const [hex, { any, settled }] of ledger.held) {
    if (any.tag === 'control') {
      const { action, release, floor } = any.known.body
      if (action === 'resume') needed.add(toHex(release))
      if (action !== 'abort' || ledger.lifted.has(hex)) continue
      if (floor.tag !== 'none') needed.add(toHex(floor.tag === 'self' ? release : floor.id))
    }
    if (any.tag !== 'release' || !settled) continue
    const { floor, drawNumber } = any.known.body
    if (floor.tag !== 'none' && !ledger.lifted.has(hex)) {
      needed.add(hex)
      if (floor.tag === 'release') needed.add(toHex(floor.id))
    }
    // Both of one draw number are the proof, and without the first the second would be in force.
    const other = drawNumber === null ? undefined : draws.get(drawNumber)
    if (other !== undefined) needed.add(hex).add(other)
    if (drawNumber !== null) draws.set(drawNumber, hex)
  }
  return needed
}

/** Newest first by channel; two of one number are its proof, more of them add nothing (S42). */
function addNewest(releases: readonly KnownRelease[], needed: Set<string>): void {
  let channel = ''
  let kept = 0
  let twins = 0
  let last: KnownRelease | null = null
  for (const release of releases) {
    const { body } = release
    if (body.channel !== channel) {
      channel = body.channel
      kept = 0
      last = null
    }
    const isTwin = last?.body.epoch === body.epoch && last.body.seq === body.seq
    twins = isTwin ? twins + 1 : 0
    last = release
    if (twins > 1 || kept >= releasesKeptMax) continue
    kept++
    needed.add(toHex(release.id))
  }
}

/** The date inside; 0 for a type that cannot be read. */
export function issuedMs(any: AnyKnown): number {
  if (any.tag === 'other') return 0
  return any.tag === 'trust' ? any.known.body.issuedMs : any.known.body.head.issuedMs
}
