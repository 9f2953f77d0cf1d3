import { alloc, toHex, type Bytes, type Clock, type Dice } from '../../../lib/base/index.ts'
import type { EvidencePool, Offer, SetRef, SetView } from '../../../lib/crowd/index.ts'
import { dispatch, type Parts } from '../../../lib/gossip/dispatch.ts'
import type { Peer } from '../../../lib/gossip/peer.ts'
import type { Hub } from '../../../lib/gossip/ports.ts'
import { Spread } from '../../../lib/gossip/spread.ts'
import { Walk } from '../../../lib/gossip/walk.ts'
import { FRAME, type FrameNumber } from '../../../lib/records/index.ts'
import { hash128 } from '../../../lib/trust/index.ts'
import { Calendar } from './calendar.ts'
import type { Graph } from './graph.ts'
import { hopMs, type Outcome } from './outcome.ts'

const ref: SetRef = { type: 50, subject: alloc(8), a: 0, b: 0, c: 0 }
const kthRank = alloc(8).fill(0xff)
/** No authority statement passes here. */
const pull = { tell: () => undefined }

/** Holds the one statement, or nothing yet. */
class OnePool implements EvidencePool {
  held: Bytes | null = null
  offers = 0
  readonly #took: () => void
  readonly #spread: 'eager' | 'lazy'

  constructor(spread: 'eager' | 'lazy', took: () => void) {
    this.#spread = spread
    this.#took = took
  }

  offer(wire: Bytes): Offer {
    this.offers += 1
    const id = idOf(wire)
    if (this.held !== null) return { answer: 'duplicate', id, ref, spread: 'none' }
    this.held = wire
    this.#took()
    return { answer: 'accepted', id, ref, spread: this.#spread }
  }

  sets(): readonly SetView[] {
    const { held } = this
    const members = held === null ? [] : [{ id: idOf(held), wire: held }]
    return [{ ref, count: members.length, kthRank, members }]
  }

  get(): Bytes | null {
    return this.held
  }

  has(): boolean {
    return this.held !== null
  }
}

/**
 * One statement through the very code that nodes run, `Spread` and `Walk`, on one calendar instead
 * of clocks and in memory instead of connections: every frame is encoded, counted and read. Without
 * an item nothing passes but anti-entropy.
 */
export function playReal(
  graph: Graph,
  dice: Dice,
  given: { readonly item: Bytes | null; readonly spread: 'eager' | 'lazy'; readonly forMs: number }
): Outcome {
  const calendar = new Calendar<() => void>()
  const clock = clockOf(calendar)
  const arrivedMs = new Float64Array(graph.nodes).fill(Infinity)
  const hops = new Int32Array(graph.nodes)
  let bytes = 0
  let sender = -1
  const nodes = Array.from({ length: graph.nodes }, (_, node) => {
    const pool = new OnePool(given.spread, () => {
      arrivedMs[node] = calendar.nowMs
      hops[node] = sender < 0 ? 0 : (hops[sender] ?? 0) + 1
    })
    const hub = hubOf(clock, dice, pool)
    const spread = new Spread(hub, (_peer, why) => {
      throw new Error(why)
    })
    const walk = new Walk(hub, spread)
    // Cast: of the parts no more is asked here, since only evidence passes.
    return { pool, spread, walk, parts: { spread, walk, pull } as unknown as Parts }
  })
  const ends = Array.from({ length: graph.nodes }, () => new Map<number, Peer>())
  const deliver = (from: number, to: number, frame: Frame): void => {
    bytes += frame.bytes.byteLength
    calendar.at(calendar.nowMs + hopMs(dice.next()), () => {
      sender = from
      const peer = ends[to]?.get(from)
      const parts = nodes[to]?.parts
      if (peer !== undefined && parts !== undefined) dispatch(parts, peer, frame)
    })
  }
  for (let node = 0; node < graph.nodes; node++) {
    for (let at = graph.starts[node] ?? 0; at < (graph.starts[node + 1] ?? 0); at++) {
      const other = graph.links[at] ?? 0
      const peer = peerOf(node, other, (number, frame) =>
        deliver(node, other, { number, bytes: frame })
      )
      ends[node]?.set(other, peer)
      nodes[node]?.spread.joined(peer)
      nodes[node]?.walk.joined(peer)
    }
  }
  if (given.item !== null) nodes[0]?.spread.publish(given.item)
  calendar.play(given.forMs, (happen) => happen())
  const copies = nodes.reduce((sum, { pool }) => sum + pool.offers, 0)
  for (const { spread, walk } of nodes) {
    spread.close()
    walk.close()
  }
  return {
    nodes: graph.nodes,
    arrivedMs,
    hops: hops.reduce((a, b) => Math.max(a, b), 0),
    bytes,
    copies
  }
}

interface Frame {
  readonly number: FrameNumber
  readonly bytes: Bytes
}

function clockOf(calendar: Calendar<() => void>): Clock {
  return {
    wallMs: () => 1_760_000_000_000 + calendar.nowMs,
    steadyMs: () => calendar.nowMs,
    after: (delayMs, fn) => {
      let cancelled = false
      calendar.at(calendar.nowMs + delayMs, () => {
        if (!cancelled) fn()
      })
      return () => (cancelled = true)
    }
  }
}

function hubOf(clock: Clock, dice: Dice, pool: EvidencePool): Hub {
  const hub = {
    clock,
    dice,
    pool,
    log: () => undefined,
    scaled: (ms: number) => ms,
    accepted: () => undefined,
    authority: { heads: () => ({ trustVersion: 1, digest: alloc(32) }) }
  }
  // Cast: the rest of a hub is about authority statements, of which none passes here.
  return hub as unknown as Hub
}

function peerOf(
  node: number,
  other: number,
  send: (number: FrameNumber, bytes: Bytes) => void
): Peer {
  // Both ends of a connection derive the same key.
  const [low, high] = [Math.min(node, other), Math.max(node, other)]
  const linkKey = alloc(32)
  new DataView(linkKey.buffer, linkKey.byteOffset).setUint32(0, low)
  new DataView(linkKey.buffer, linkKey.byteOffset).setUint32(4, high)
  const sid = (id: Bytes): string => toHex(hash128([id], linkKey).subarray(0, 8))
  const facts = {
    key: alloc(32).fill(other & 255),
    outbound: node > other,
    ready: true,
    counted: true,
    label: String(other),
    sid,
    sids: (view: SetView) => new Map(view.members.map(({ id }) => [sid(id), id])),
    send: (number: FrameNumber, bytes: Bytes) => {
      if (number !== FRAME.heads) send(number, bytes)
    }
  }
  // Cast: what `Spread` and `Walk` use of a peer.
  return facts as unknown as Peer
}

function idOf(wire: Bytes): Bytes {
  return wire.subarray(0, 32)
}
