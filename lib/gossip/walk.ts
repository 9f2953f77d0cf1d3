import { alloc, equal, fromHex, isZero, SECOND, toHex, type Bytes } from '../base/index.ts'
import type { SetView } from '../crowd/index.ts'
import {
  bucketCount,
  encodeBuckets,
  encodeIds,
  encodeSums,
  FRAME,
  idsMax,
  setKey,
  sumMax,
  type Buckets,
  type Ids,
  type SetRef,
  type Sum
} from '../records/index.ts'
import { Bucket } from './bucket.ts'
import { Later } from './later.ts'
import type { Peer } from './peer.ts'
import { pick } from './pick.ts'
import type { Hub } from './ports.ts'
import type { Spread } from './spread.ts'

const sumEveryMs = 30 * SECOND
const sumSpreadMs = 20 * SECOND
/** SUM frames sent on connect; more sets come with later rounds. */
const firstFrames = 8
/** After the last frame of a walk its pushes are on their way. */
const pushesMs = 5 * SECOND
const roundsKept = 64

interface State {
  readonly sums: Bucket
  readonly steps: Bucket
  /** Where the next SUM begins when there are more sets than fit. */
  offset: number
  /** Our SUM that the peer has not finished answering. */
  startedMs: number | null
  differs: boolean
}

/** One SUM that was answered to the end. */
export interface Round {
  readonly peer: string
  readonly startedMs: number
  /** When what it brought had time to arrive. */
  readonly doneMs: number
  readonly counted: boolean
}

/**
 * Anti-entropy: SUM, BUCKETS, IDS, then what either side lacks. Repairs both directions; equal sets
 * cost one frame and one HEADS, which ends every answer.
 */
export class Walk {
  readonly #hub: Hub
  readonly #spread: Spread
  readonly #states = new Map<Peer, State>()
  readonly #later: Later
  readonly #rounds: Round[] = []

  constructor(hub: Hub, spread: Spread) {
    this.#hub = hub
    this.#spread = spread
    this.#later = new Later(hub.clock)
    this.#schedule()
  }

  close(): void {
    this.#later.close()
    this.#states.clear()
  }

  /** Rounds answered to the end, oldest first. */
  get rounds(): readonly Round[] {
    return this.#rounds
  }

  joined(peer: Peer): void {
    const shrunk = (burst: number, perTenSeconds: number): Bucket =>
      new Bucket(this.#hub.clock, {
        burst,
        perSecond: () => (perTenSeconds * SECOND) / this.#hub.scaled(10 * SECOND)
      })
    const sums = shrunk(2 * firstFrames, 1)
    const steps = shrunk(4 * firstFrames * sumMax, sumMax)
    this.#states.set(peer, { sums, steps, offset: 0, startedMs: null, differs: false })
  }

  left(peer: Peer): void {
    this.#states.delete(peer)
  }

  /** Begins a walk with every peer: a verdict is near and must rest on all there is. */
  startAll(): void {
    for (const peer of this.#states.keys()) this.start(peer)
  }

  /** Begins a walk with `count` peers drawn at random. */
  startSome(count: number): void {
    for (const peer of pick(this.#hub.dice, [...this.#states.keys()], count)) this.start(peer)
  }

  /** Sends SUM of all live sets that fit; the rest in the next rounds. */
  start(peer: Peer, frames = 1): void {
    const state = this.#states.get(peer)
    if (state === undefined) return
    const views = [...this.#hub.pool.sets()].toSorted(firstFirst)
    state.startedMs = this.#hub.clock.steadyMs()
    state.differs = false
    for (let frame = 0; frame < frames; frame++) {
      if (state.offset >= views.length) state.offset = 0
      const part = views.slice(state.offset, state.offset + sumMax)
      state.offset += sumMax
      peer.send(FRAME.sums, encodeSums(part.map((view) => summary(peer, view))))
      if (state.offset >= views.length) return
    }
  }

  /** SUM of a peer; false if it came too often and gets no answer. */
  sums(peer: Peer, sums: readonly Sum[]): boolean {
    const state = this.#states.get(peer)
    if (state?.sums.take() !== true) return false
    const views = new Map(this.#hub.pool.sets().map((view) => [setKey(view.ref), view]))
    for (const theirs of sums) {
      const view = views.get(setKey(theirs.set)) ?? emptySet(theirs.set)
      const mine = summary(peer, view)
      if (mine.count === theirs.count && equal(mine.fingerprint, theirs.fingerprint)) continue
      peer.send(
        FRAME.buckets,
        encodeBuckets({ set: theirs.set, fingerprints: fingerprints(peer, view) })
      )
    }
    return true
  }

  /** HEADS of a peer: the end of its answer, if we asked. */
  answered(peer: Peer): void {
    const state = this.#states.get(peer)
    if (state === undefined || state.startedMs === null) return
    const nowMs = this.#hub.clock.steadyMs()
    const doneMs = state.differs ? nowMs + this.#hub.scaled(pushesMs) : nowMs
    const { startedMs } = state
    state.startedMs = null
    this.#rounds.push({ peer: toHex(peer.key), startedMs, doneMs, counted: peer.counted })
    if (this.#rounds.length > roundsKept) this.#rounds.shift()
  }

  /** BUCKETS of a peer: it gets our short ids of those that differ. */
  buckets(peer: Peer, { set, fingerprints: theirs }: Buckets): void {
    const state = this.#states.get(peer)
    if (state?.steps.take() !== true) return
    const view = this.#view(set)
    const mine = fingerprints(peer, view)
    const mask = alloc(bucketCount / 8)
    theirs.forEach((fingerprint, bucket) => {
      if (!equal(fingerprint, mine[bucket] ?? alloc(8))) mark(mask, bucket)
    })
    if (isZero(mask)) return
    state.differs = true
    const sids: Bytes[] = []
    for (const [sid, id] of peer.sids(view)) {
      const bytes = fromHex(sid)
      if (!isMarked(mask, bucketOf(bytes)) || sids.length >= idsMax) continue
      this.#spread.advertise(peer, sid, id)
      sids.push(bytes)
    }
    this.#spread.expect(peer, idsMax)
    peer.send(FRAME.ids, encodeIds({ set, mask, sids }))
  }

  /** IDS of a peer: we ask for what we lack and give what it lacks. */
  ids(peer: Peer, { set, mask, sids }: Ids): void {
    const state = this.#states.get(peer)
    if (state?.steps.take() !== true) return
    const theirs = new Set(sids.map(toHex))
    this.#spread.wishes.list(peer, set, [...theirs])
    for (const [sid, id] of peer.sids(this.#view(set))) {
      if (theirs.has(sid) || !isMarked(mask, bucketOf(fromHex(sid)))) continue
      const item = this.#hub.pool.get(id)
      if (item !== null) this.#spread.give(peer, item)
    }
  }

  /** A set we do not hold is an empty one. */
  #view(set: SetRef): SetView {
    const name = setKey(set)
    const held = this.#hub.pool.sets().find(({ ref }) => setKey(ref) === name)
    return held ?? emptySet(set)
  }

  #schedule(): void {
    const everyMs = sumEveryMs - sumSpreadMs / 2 + this.#hub.dice.next() * sumSpreadMs
    this.#later.once('sum', this.#hub.scaled(everyMs), () => {
      const counted = [...this.#states.keys()].filter((peer) => peer.counted)
      // Half of the rounds go to those whose word settles anything.
      const [peer] = this.#hub.dice.next() < 0.5 ? pick(this.#hub.dice, counted, 1) : []
      if (peer === undefined) this.startSome(1)
      else this.start(peer)
      this.#schedule()
    })
  }
}

function emptySet(set: SetRef): SetView {
  return { ref: set, count: 0, kthRank: alloc(8).fill(0xff), members: [] }
}

/** Slots make the rest readable, acts and verdicts stop or spare it; then the newest. */
function firstFirst(x: SetView, y: SetView): number {
  return urgency(x.ref) - urgency(y.ref) || y.ref.a - x.ref.a || y.ref.b - x.ref.b
}

function urgency({ type }: SetRef): number {
  if (type === 0) return 0
  // Attestations, brakes, beacons and verdicts: few, small, and a step may hang on each.
  if (type === 35 || type >= 48) return 1
  return type === 32 ? 2 : 3
}

function summary(peer: Peer, view: SetView): Sum {
  const fingerprint = alloc(8)
  for (const sid of peer.sids(view).keys()) fold(fingerprint, fromHex(sid))
  return { set: view.ref, count: view.count, kthRank: view.kthRank, fingerprint }
}

function fingerprints(peer: Peer, view: SetView): Bytes[] {
  const all = Array.from({ length: bucketCount }, () => alloc(8))
  for (const sid of peer.sids(view).keys()) {
    const bytes = fromHex(sid)
    const fingerprint = all[bucketOf(bytes)]
    if (fingerprint !== undefined) fold(fingerprint, bytes)
  }
  return all
}

function fold(into: Bytes, bytes: Bytes): void {
  for (let index = 0; index < into.byteLength; index++) {
    into[index] = (into[index] ?? 0) ^ (bytes[index] ?? 0)
  }
}

function bucketOf(sid: Bytes): number {
  return (sid[0] ?? 0) >> 2
}

function mark(mask: Bytes, bucket: number): void {
  mask[bucket >> 3] = (mask[bucket >> 3] ?? 0) | (1 << (bucket & 7))
}

function isMarked(mask: Bytes, bucket: number): boolean {
  return (((mask[bucket >> 3] ?? 0) >> (bucket & 7)) & 1) === 1
}
