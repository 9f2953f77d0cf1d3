import {
  evidenceBytesMax,
  frameBytesMax,
  frameStatementsMax,
  fromHex,
  SECOND,
  toHex,
  verifyPerPeerPerSecondMax,
  verifyPerSecondMax,
  type Bytes
} from '../base/index.ts'
import type { Offer } from '../crowd/index.ts'
import {
  encodeHave,
  encodePush,
  FRAME,
  fromSetKey,
  haveMax,
  setKey,
  type Have
} from '../records/index.ts'
import { Bucket } from './bucket.ts'
import { FANOUT } from './fanout.ts'
import { Later } from './later.ts'
import { Parking } from './parking.ts'
import type { Peer } from './peer.ts'
import { pick, shed } from './pick.ts'
import type { Hub } from './ports.ts'
import { Wishes } from './wishes.ts'

const { eagerPush, eagerHave, lazyHave, ownPush, flushMs, gatherMs } = FANOUT
/** Each id is given at most twice on a connection. */
const givenMax = 2
const advertisedMax = 2_048
const inboxMax = 1_024
/** Statements that the answer to one IDS may bring unasked. */
const idsCredit = 1_024
/** Statements of at most 1,024 bytes that surely fit in one frame. */
const perFrame = Math.min(frameStatementsMax, Math.floor(frameBytesMax / (evidenceBytesMax + 3)))

interface State {
  /** What we told it that we have: the id, and how often it was given. */
  readonly advertised: Map<string, { readonly id: Bytes; given: number }>
  /** Ids to tell it of, by set. */
  readonly haves: Map<string, Set<string>>
  readonly out: Bytes[]
  readonly inbox: Bytes[]
  /** Statements we asked for: they do not count against its rate. */
  credit: number
  readonly statements: Bucket
  readonly listed: Bucket
  readonly served: Bucket
  readonly verified: Bucket
}

/** Evidence from hand to hand: pushes, short ids, questions and answers. */
export class Spread {
  readonly wishes: Wishes
  readonly #hub: Hub
  readonly #fault: (peer: Peer, why: string) => void
  readonly #states = new Map<Peer, State>()
  readonly #verified: Bucket
  readonly #parking: Parking
  readonly #later: Later

  /** `fault` counts a reject: only accepted statements are forwarded, so it is the peer's own. */
  constructor(hub: Hub, fault: (peer: Peer, why: string) => void) {
    this.#hub = hub
    this.#fault = fault
    this.#verified = steady(hub, verifyPerSecondMax, verifyPerSecondMax)
    this.#parking = new Parking(hub.clock)
    this.#later = new Later(hub.clock)
    this.wishes = new Wishes(hub, (peer, count) => this.expect(peer, count))
  }

  close(): void {
    this.#later.close()
    this.wishes.close()
    this.#states.clear()
  }

  joined(peer: Peer): void {
    this.wishes.joined(peer)
    const listed = { burst: 2_048, perSecond: () => 2_048_000 / this.#hub.scaled(10 * SECOND) }
    this.#states.set(peer, {
      advertised: new Map(),
      haves: new Map(),
      out: [],
      inbox: [],
      credit: 0,
      statements: steady(this.#hub, 200, 40),
      listed: new Bucket(this.#hub.clock, listed),
      served: steady(this.#hub, 2 * haveMax, haveMax),
      verified: steady(this.#hub, 2 * verifyPerPeerPerSecondMax, verifyPerPeerPerSecondMax)
    })
  }

  left(peer: Peer): void {
    this.wishes.left(peer)
    this.#states.delete(peer)
  }

  /** Our own statement: into the pool, then to eight peers at once. */
  publish(item: Bytes): Offer {
    const offered = this.#hub.pool.offer(item, this.#hub.clock.wallMs())
    if (offered.answer !== 'accepted') return offered
    if (offered.id !== null) this.wishes.settle(offered.id)
    for (const peer of pick(this.#hub.dice, this.#peers(), ownPush)) this.give(peer, item)
    this.#hub.accepted(item, offered.ref)
    return offered
  }

  /** PUSH of a peer. */
  push(peer: Peer, items: readonly Bytes[]): void {
    const state = this.#states.get(peer)
    if (state === undefined) return
    const owed = Math.min(state.credit, items.length)
    // S114: above the rate the frame is dropped, and nothing else follows
    if (!state.statements.take(items.length - owed)) return
    state.credit -= owed
    state.inbox.push(...items.slice(0, inboxMax - state.inbox.length))
    this.#drain()
  }

  /** IHAVE of a peer. */
  have(peer: Peer, { set, sids }: Have): void {
    if (this.#states.get(peer)?.listed.take(sids.length) !== true) return
    this.wishes.list(peer, set, sids.map(toHex))
  }

  /** IWANT of a peer: only what we told it of. */
  want(peer: Peer, sids: readonly Bytes[]): void {
    const state = this.#states.get(peer)
    if (state === undefined) return
    for (const sid of sids.slice(0, state.served.takeSome(sids.length))) {
      const held = state.advertised.get(toHex(sid))
      if (held === undefined || held.given >= givenMax) continue
      held.given += 1
      const item = this.#hub.pool.get(held.id)
      if (item !== null) this.give(peer, item)
    }
  }

  /** Sends an item soon, together with others for the same peer. */
  give(peer: Peer, item: Bytes): void {
    const state = this.#states.get(peer)
    if (state === undefined || state.out.length >= inboxMax) return
    state.out.push(item)
    this.#later.once('push', gatherMs, () => this.#flushPushes())
  }

  /** Remembers that we told a peer of `id`, so that it may ask for it. */
  advertise(peer: Peer, sid: string, id: Bytes): void {
    const state = this.#states.get(peer)
    if (state === undefined || state.advertised.has(sid)) return
    state.advertised.set(sid, { id, given: 0 })
    shed(state.advertised, advertisedMax)
  }

  /** `count` statements of this peer are welcome beyond its rate. */
  expect(peer: Peer, count: number): void {
    const state = this.#states.get(peer)
    if (state !== undefined) state.credit = Math.min(idsCredit, state.credit + count)
  }

  /** Trust, releases or slots changed: what was not wanted may be wanted now. */
  reconsider(): void {
    this.wishes.reconsider()
    this.#later.once('parked', 50, () => {
      for (const item of this.#parking.takeAll()) this.#offer(null, item)
    })
  }

  #peers(): Peer[] {
    return [...this.#states.keys()]
  }

  /** In turns over the peers, so that a flood of one does not starve the others. */
  #drain(): void {
    let busy = true
    while (busy) {
      busy = false
      for (const [peer, state] of this.#states) {
        if (state.inbox.length === 0) continue
        // A signature costs 45 µs: no peer, and all together, may ask for more than this.
        if (!state.verified.take() || !this.#verified.take()) {
          this.#later.once('drain', 50, () => this.#drain())
          continue
        }
        const item = state.inbox.shift()
        if (item !== undefined) this.#offer(peer, item)
        busy = true
      }
    }
  }

  #offer(peer: Peer | null, item: Bytes): void {
    const offered = this.#hub.pool.offer(item, this.#hub.clock.wallMs())
    const { answer, id, ref, code } = offered
    // S48: the one whose key dates itself ahead may be any hop behind this peer
    if (code !== undefined) this.#hub.log('gossip-evidence', { code, id: id && toHex(id) })
    switch (answer) {
      case 'accepted':
        if (id !== null) this.wishes.settle(id)
        this.#forward(peer, item, offered)
        // A slot makes evidence of its node readable that was ignored before.
        if (ref?.type === 0) this.reconsider()
        this.#hub.accepted(item, ref)
        break
      case 'duplicate':
        if (id !== null) this.wishes.settle(id)
        break
      case 'ignored':
        if (peer === null) break
        this.#parking.park(item)
        if (id !== null) this.wishes.decline(peer, id)
        break
      case 'rejected':
        if (peer !== null) this.#fault(peer, 'evidence: its form or a signature is false')
        break
    }
  }

  #forward(source: Peer | null, item: Bytes, { id, ref, spread }: Offer): void {
    if (spread === 'none') return
    const [pushes, haves] = spread === 'eager' ? [eagerPush, eagerHave] : [0, lazyHave]
    const others = this.#peers().filter((peer) => peer !== source)
    const chosen = pick(this.#hub.dice, others, pushes + haves)
    for (const peer of chosen.slice(0, pushes)) this.give(peer, item)
    if (id === null || ref === null) return
    const name = setKey(ref)
    for (const peer of chosen.slice(pushes)) {
      const state = this.#states.get(peer)
      state?.haves.set(name, (state.haves.get(name) ?? new Set()).add(toHex(id)))
    }
    this.#later.once('have', this.#hub.scaled(flushMs), () => this.#flushHaves())
  }

  #flushPushes(): void {
    for (const [peer, { out }] of this.#states) {
      while (out.length > 0) peer.send(FRAME.push, encodePush(out.splice(0, perFrame)))
    }
  }

  #flushHaves(): void {
    for (const [peer, { haves }] of this.#states) {
      for (const [name, names] of haves) {
        const ids = [...names].map(fromHex)
        while (ids.length > 0) this.#tell(peer, name, ids.splice(0, haveMax))
      }
      haves.clear()
    }
  }

  #tell(peer: Peer, name: string, ids: readonly Bytes[]): void {
    const sids = ids.map((id) => {
      const sid = peer.sid(id)
      this.advertise(peer, sid, id)
      return fromHex(sid)
    })
    peer.send(FRAME.have, encodeHave({ set: fromSetKey(name), sids }))
  }
}

function steady(hub: Hub, burst: number, perSecond: number): Bucket {
  return new Bucket(hub.clock, { burst, perSecond: () => perSecond })
}
