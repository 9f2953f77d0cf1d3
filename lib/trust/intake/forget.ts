import {
  authoritySetBytesMax,
  authoritySetMax,
  equal,
  lastingMax,
  releasesKeptMax,
  toHex,
  type Bytes
} from '../../base/index.ts'
import type { Believed, Held } from '../belief/believed.ts'
import type { AnyKnown, KnownControl, KnownRelease } from '../belief/known.ts'
import type { Ledger } from '../belief/ledger.ts'
import { byNumber } from '../belief/order.ts'
import { byChannel } from '../belief/settle.ts'
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
  const { loose, needed } = survey(ledger, inUse)
  for (const { hex } of loose.toSorted(goesFirst)) {
    if (!isOver(ledger)) return
    if (!needed.has(hex)) ledger.drop([hex])
  }
  const tails = tailsOf(ledger, needed)
  while (isOver(ledger)) {
    const oldest = takeOldest(tails)
    if (oldest === null) return
    ledger.drop([toHex(oldest.id)])
  }
}

function isOver({ settledCount, settledBytes }: Ledger): boolean {
  return settledCount > authoritySetMax || settledBytes > authoritySetBytesMax
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

/** Something other than a release in force, and when it goes. */
interface Loose {
  readonly hex: string
  readonly rank: number
  readonly issuedMs: number
}

function goesFirst(a: Loose, b: Loose): number {
  return a.rank - b.rank || a.issuedMs - b.issuedMs || (a.hex < b.hex ? -1 : 1)
}

interface Survey {
  readonly loose: readonly Loose[]
  /** Releases, in hex, that something which is never forgotten needs. */
  readonly needed: ReadonlySet<string>
}

/** One look at all that is held: what is of no use any more, and what others need. */
function survey(ledger: Ledger, inUse: readonly Bytes[]): Survey {
  const loose: Loose[] = []
  const needed = new Set(inUse.map(toHex))
  const draws = new Map<number, string>()
  const lapsed: KnownRelease[] = []
  ledger.held.forEach((held, hex) => {
    const { any, settled } = held
    if (any.tag === 'control') addControl(any.known, ledger, needed)
    if (any.tag === 'release' && settled) addRelease(any.known, hex, { ledger, needed, draws })
    if (ledger.waiting.has(hex)) return
    if (any.tag === 'release' && held.standing.tag === 'pending') lapsed.push(any.known)
    const rank = rankOf(held, ledger)
    if (rank !== null) loose.push({ hex, rank, issuedMs: issuedMs(any) })
  })
  addNewest(lapsed.toSorted(byChannel), needed)
  return { loose, needed }
}

/** Who goes first; null: never, or only as the oldest release of its channel. */
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
      if (standing.tag === 'admitted') return null
      return standing.tag === 'refused' ? 0 : 2
    case 'other':
    default:
      return 2
  }
}

/** A resume keeps its release, an abort that is not lifted the one that its floor names. */
function addControl({ id, body }: KnownControl, { lifted }: Ledger, needed: Set<string>): void {
  const { action, release, floor } = body
  if (action === 'resume') needed.add(toHex(release))
  if (action !== 'abort' || floor.tag === 'none' || lifted.has(toHex(id))) return
  needed.add(toHex(floor.tag === 'self' ? release : floor.id))
}

interface Marks {
  readonly ledger: Ledger
  readonly needed: Set<string>
  readonly draws: Map<number, string>
}

function addRelease({ body }: KnownRelease, hex: string, { ledger, needed, draws }: Marks): void {
  const { floor, drawNumber } = body
  if (floor.tag !== 'none' && !ledger.lifted.has(hex)) {
    needed.add(hex)
    if (floor.tag === 'release') needed.add(toHex(floor.id))
  }
  if (drawNumber === null) return
  // Both of one draw number are the proof, and without the first the second would be in force.
  const other = draws.get(drawNumber)
  if (other !== undefined) needed.add(hex).add(other)
  draws.set(drawNumber, hex)
}

/** The newest of each channel. Of one number two are the proof, more of them add nothing (S42). */
function addNewest(releases: readonly KnownRelease[], needed: Set<string>): void {
  for (let at = 0; at < releases.length; at++) {
    const isFirst = releases[at - 1]?.body.channel !== releases[at]?.body.channel
    if (isFirst) for (const { id } of newestFrom(releases, at)) needed.add(toHex(id))
  }
}

/** The newest eight of the channel that begins at `start`, two of a number at most. */
function newestFrom(releases: readonly KnownRelease[], start: number): readonly KnownRelease[] {
  const newest: KnownRelease[] = []
  for (let at = start; at < releases.length && newest.length < releasesKeptMax; at++) {
    const release = releases[at]
    if (release === undefined || release.body.channel !== releases[start]?.body.channel) break
    const before = newest.at(-2)
    if (before === undefined || byNumber(before, release) !== 0) newest.push(release)
  }
  return newest
}

/** The releases of each channel that may go, the oldest last. */
function tailsOf(
  { releases, held }: Ledger,
  needed: ReadonlySet<string>
): readonly KnownRelease[][] {
  const kept = new Set<unknown>([...needed].map((hex) => held.get(hex)?.any.known))
  const tails: KnownRelease[][] = []
  let tail: KnownRelease[] = []
  let channel: string | null = null
  for (const [at, release] of releases.entries()) {
    if (release.body.channel !== channel) {
      channel = release.body.channel
      tail = []
      tails.push(tail)
      for (const one of newestFrom(releases, at)) kept.add(one)
    }
    if (!kept.has(release)) tail.push(release)
  }
  return tails
}

/** Within a channel the lowest order goes first, among channels the one whose last is oldest. */
function takeOldest(tails: readonly KnownRelease[][]): KnownRelease | null {
  let oldest: KnownRelease[] | null = null
  for (const tail of tails) {
    const last = tail.at(-1)
    const held = oldest?.at(-1)
    const isOlder = held === undefined || (last?.body.head.issuedMs ?? 0) < held.body.head.issuedMs
    if (last !== undefined && isOlder) oldest = tail
  }
  return oldest?.pop() ?? null
}

/** The date inside; 0 for a type that cannot be read. */
export function issuedMs(any: AnyKnown): number {
  if (any.tag === 'other') return 0
  return any.tag === 'trust' ? any.known.body.issuedMs : any.known.body.head.issuedMs
}
