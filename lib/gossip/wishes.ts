import { fromHex, MINUTE, SECOND, type Bytes } from '../base/index.ts'
import { encodeWant, FRAME, haveMax, setKey, type SetRef } from '../records/index.ts'
import { Bucket } from './bucket.ts'
import { FANOUT } from './fanout.ts'
import { Later } from './later.ts'
import type { Peer } from './peer.ts'
import { shed } from './pick.ts'
import type { Hub } from './ports.ts'

/** The first answer spares the other questions. */
const { askEveryMs } = FANOUT
/** Unanswered for this long: ask again, or another. */
const answerMs = 5 * SECOND
/** A short id that nobody gave is a lie or a ghost after that. */
const wishMs = 2 * MINUTE
const wishesMax = 4_096
/** A peer gives each id at most twice. */
const triesMax = 2
const uselessMax = 4_096

interface Wish {
  readonly set: string
  readonly listedMs: number
  askedMs: number
  tries: number
}

interface State {
  /** Short ids that the peer listed and we lack. */
  readonly wishes: Map<string, Wish>
  /** Short ids that our pool did not want: since when. */
  readonly useless: Map<string, number>
  readonly asking: Bucket
}

/** What peers listed and this node lacks: asked for in turns, counted while it stays unanswered. */
export class Wishes {
  readonly #hub: Hub
  readonly #asked: (peer: Peer, count: number) => void
  readonly #states = new Map<Peer, State>()
  readonly #later: Later
  #turn = 0

  /** `asked` hears how many items a peer owes us. */
  constructor(hub: Hub, asked: (peer: Peer, count: number) => void) {
    this.#hub = hub
    this.#asked = asked
    this.#later = new Later(hub.clock)
  }

  close(): void {
    this.#later.close()
    this.#states.clear()
  }

  joined(peer: Peer): void {
    const asking = new Bucket(this.#hub.clock, { burst: haveMax, perSecond: () => haveMax })
    this.#states.set(peer, { wishes: new Map(), useless: new Map(), asking })
  }

  left(peer: Peer): void {
    this.#states.delete(peer)
  }

  /** Notes what a peer listed of a set; what we lack is asked for. */
  list(peer: Peer, set: SetRef, sids: readonly string[]): void {
    const state = this.#states.get(peer)
    if (state === undefined) return
    const nowMs = this.#hub.clock.steadyMs()
    const name = setKey(set)
    const view = this.#hub.pool.sets().find(({ ref }) => setKey(ref) === name)
    const held = view === undefined ? null : peer.sids(view)
    for (const sid of sids) {
      if (held?.has(sid) === true || this.#isUseless(state, sid, nowMs)) continue
      const old = state.wishes.get(sid)
      state.wishes.delete(sid)
      state.wishes.set(sid, { askedMs: 0, tries: 0, ...old, set: name, listedMs: nowMs })
      shed(state.wishes, wishesMax)
    }
    if (state.wishes.size > 0) this.#later.once('ask', askEveryMs, () => this.#ask())
  }

  /** We hold `id` now, wherever it came from. */
  settle(id: Bytes): void {
    for (const [peer, { wishes }] of this.#states) {
      if (wishes.size > 0) wishes.delete(peer.sid(id))
    }
  }

  /** Our pool did not want what this peer gave: do not ask it again each round. */
  decline(peer: Peer, id: Bytes): void {
    const state = this.#states.get(peer)
    if (state === undefined) return
    const sid = peer.sid(id)
    state.wishes.delete(sid)
    state.useless.set(sid, this.#hub.clock.steadyMs())
    shed(state.useless, uselessMax)
  }

  /** What was not wanted may be wanted now. */
  reconsider(): void {
    for (const { useless } of this.#states.values()) useless.clear()
  }

  /** Members of a set that a peer listed and did not give. */
  unanswered(peer: Peer, set: string): number {
    const nowMs = this.#hub.clock.steadyMs()
    let count = 0
    for (const wish of this.#states.get(peer)?.wishes.values() ?? []) {
      if (wish.set === set && !this.#isOver(wish, nowMs)) count++
    }
    return count
  }

  /** One peer per turn. */
  #ask(): void {
    const nowMs = this.#hub.clock.steadyMs()
    const states = [...this.#states]
    for (let step = 0; step < states.length; step++) {
      const [peer, state] = states[this.#turn++ % states.length] ?? []
      if (peer !== undefined && state !== undefined && this.#askOne(peer, state, nowMs)) break
    }
    const open = states.flatMap(([, { wishes }]) => [...wishes.values()])
    if (open.some(({ tries }) => tries === 0)) {
      this.#later.once('ask', askEveryMs, () => this.#ask())
    } else if (open.some(({ tries }) => tries < triesMax)) {
      this.#later.once('ask', answerMs, () => this.#ask())
    }
  }

  #askOne(peer: Peer, state: State, nowMs: number): boolean {
    const due: string[] = []
    for (const [sid, wish] of state.wishes) {
      if (this.#isOver(wish, nowMs)) state.wishes.delete(sid)
      else if (wish.tries === 0) due.push(sid)
      else if (wish.tries < triesMax && nowMs >= wish.askedMs + answerMs) due.push(sid)
    }
    const sids = due.slice(0, state.asking.takeSome(Math.min(due.length, haveMax)))
    if (sids.length === 0) return false
    for (const sid of sids) {
      const wish = state.wishes.get(sid)
      if (wish !== undefined) Object.assign(wish, { askedMs: nowMs, tries: wish.tries + 1 })
    }
    this.#asked(peer, sids.length)
    peer.send(FRAME.want, encodeWant(sids.map(fromHex)))
    return true
  }

  #isOver(wish: Wish, nowMs: number): boolean {
    return nowMs >= wish.listedMs + this.#hub.scaled(wishMs)
  }

  #isUseless(state: State, sid: string, nowMs: number): boolean {
    const atMs = state.useless.get(sid)
    return atMs !== undefined && nowMs < atMs + this.#hub.scaled(MINUTE)
  }
}
