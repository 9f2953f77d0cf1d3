import { isPeerFault } from '../authority/index.ts'
import { equal, isOtaError, MINUTE, toHex, type Bytes } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import {
  authIdsMax,
  authWantMax,
  decodeStatement,
  encodeAuthIds,
  encodeAuthWant,
  encodeHeads,
  FRAME,
  type AuthId,
  type Heads
} from '../records/index.ts'
import { statementId } from '../trust/index.ts'
import { Bucket } from './bucket.ts'
import { Later } from './later.ts'
import type { Peer } from './peer.ts'
import { shed } from './pick.ts'
import type { Hub } from './ports.ts'

/** HEADS follow a change within 200 ms. */
const headsDelayMs = 100
/** Who takes in one statement after the other does not tell of each. */
const catchUpDelayMs = 500
/** An id that was asked for and not given: ask the next peer. */
const unansweredMs = 10_000
/** An answer later than that is still no unasked one. */
const lateMs = 2 * MINUTE
/** The same two digests are not talked over again before. */
const samePairMs = MINUTE

interface State {
  offers: readonly AuthId[]
  /** Asked of this peer, by hex id: when. */
  readonly asked: Map<string, number>
  /** Answered by this peer since our own set last changed: with how many signatures. */
  readonly answered: Map<string, number>
  readonly serve: Bytes[]
  readonly idsOut: Bucket
  readonly idsIn: Bucket
  readonly authOut: Bucket
  readonly headsOut: Bucket
  lastPair: string
  lastPairMs: number
  /** Its list will be asked for as soon as the rate allows. */
  isAsking: boolean
  cancel: (() => void) | null
  cancelServe: (() => void) | null
}

/**
 * Authority by id: digests are compared, ids exchanged, missing statements asked for, newest trust
 * first. Nothing is pushed, and what comes unasked is a reject.
 */
export class Pull {
  readonly #hub: Hub
  readonly #fault: (peer: Peer, why: string) => void
  readonly #states = new Map<Peer, State>()
  readonly #stop: () => void
  readonly #later: Later
  #last: Heads

  constructor(hub: Hub, fault: (peer: Peer, why: string) => void) {
    this.#hub = hub
    this.#fault = fault
    this.#last = hub.authority.heads()
    this.#later = new Later(hub.clock)
    this.#stop = hub.authority.onChange(() => this.#changed())
  }

  close(): void {
    this.#stop()
    this.#later.close()
    for (const { cancel, cancelServe } of this.#states.values()) {
      cancel?.()
      cancelServe?.()
    }
    this.#states.clear()
  }

  joined(peer: Peer): void {
    const { clock } = this.#hub
    const rate = (burst: number, perSecond: number): Bucket =>
      new Bucket(clock, { burst, perSecond: () => perSecond })
    this.#states.set(peer, {
      offers: [],
      asked: new Map(),
      answered: new Map(),
      serve: [],
      idsOut: rate(3, 0.2),
      idsIn: rate(5, 0.25),
      authOut: rate(16, 0.4),
      headsOut: rate(3, 1),
      lastPair: '',
      lastPairMs: 0,
      isAsking: false,
      cancel: null,
      cancelServe: null
    })
    if (this.#hub.catchingUp()) this.#sendIds(peer)
    else this.#compare(peer)
    if (this.#hub.searching()) this.#askFor(peer)
  }

  /**
   * Asks every peer what it keeps, equal digests or not: something is known to exist that no digest
   * of theirs has shown (S39, S40, S44).
   */
  askAll(): void {
    for (const peer of this.#states.keys()) this.#askFor(peer)
  }

  left(peer: Peer): void {
    const state = this.#states.get(peer)
    state?.cancel?.()
    state?.cancelServe?.()
    this.#states.delete(peer)
    this.#ask()
  }

  /** HEADS of a peer. */
  heads(peer: Peer, heads: Heads): void {
    peer.heads = heads
    this.#compare(peer)
  }

  /** Whether a peer believes what we believe. */
  agrees(peer: Peer): boolean {
    return peer.heads !== null && equal(peer.heads.digest, this.#last.digest)
  }

  /** AUTH_IDS of a peer; none asks for ours. */
  ids(peer: Peer, ids: readonly AuthId[]): void {
    const state = this.#states.get(peer)
    if (state === undefined || !state.idsIn.take()) return
    state.offers = ids
    this.#ask()
    if (ids.length > 0) this.#compare(peer)
    // Two that have nothing would ask each other without end.
    else if (this.#hub.authority.list(0).length > 0) this.#sendIds(peer)
  }

  /** AUTH_WANT of a peer: given in order, at the rate of one connection. */
  wanted(peer: Peer, ids: readonly Bytes[]): void {
    const state = this.#states.get(peer)
    if (state === undefined) return
    state.serve.push(...ids.slice(0, 2 * authWantMax - state.serve.length))
    this.#serve(peer, state)
  }

  /** AUTH of a peer. */
  auth(peer: Peer, bytes: Bytes): void {
    const state = this.#states.get(peer)
    if (state === undefined) return
    let id: Bytes
    try {
      id = statementId(decodeStatement(bytes).canonical)
    } catch (error) {
      if (!isOtaError(error)) throw error
      return this.#fault(peer, `auth: ${error.message}`)
    }
    const name = toHex(id)
    if (!state.asked.delete(name)) return this.#fault(peer, 'auth: nobody asked for it')
    const sigs = state.offers.find((offer) => equal(offer.id, id))?.sigs ?? 0
    state.answered.set(name, sigs)
    shed(state.answered, 4 * authIdsMax)
    this.#takeIn(peer, bytes).catch((error: unknown) => {
      // A disk that fails is no fault of the peer's, and must not be silent either.
      if (isOtaError(error))
        this.#hub.log('gossip-intake', { code: error.code, why: error.message })
      else inBackground(error)
    })
  }

  /** Tells one peer where we stand; the answer to a SUM ends with it. */
  tell(peer: Peer): void {
    peer.send(FRAME.heads, encodeHeads(this.#last))
  }

  async #takeIn(peer: Peer, bytes: Bytes): Promise<void> {
    const verdict = await this.#hub.authority.intake(bytes, `peer ${peer.label}`)
    if (verdict.tag === 'refused') {
      this.#hub.log('gossip-refused', { peer: peer.label, code: verdict.code })
    }
    // Only what stands with a peer is offered by it: such a refusal is its own fault.
    if (isPeerFault(verdict)) this.#fault(peer, `auth: ${verdict.tag}`)
    this.#ask()
  }

  #changed(): void {
    const heads = this.#hub.authority.heads()
    for (const state of this.#states.values()) state.answered.clear()
    this.#ask()
    if (equal(heads.digest, this.#last.digest)) return
    this.#last = heads
    const isAsking = [...this.#states.values()].some(({ asked }) => asked.size > 0)
    this.#later.once('heads', isAsking ? catchUpDelayMs : headsDelayMs, () => this.#spread())
  }

  #spread(): void {
    let waitMs = 0
    for (const [peer, state] of this.#states) {
      if (state.headsOut.take()) this.tell(peer)
      else waitMs = Math.max(waitMs, state.headsOut.waitMs())
      this.#compare(peer)
    }
    if (waitMs > 0) this.#later.once('heads', waitMs, () => this.#spread())
  }

  #compare(peer: Peer): void {
    const state = this.#states.get(peer)
    if (state === undefined || peer.heads === null || this.agrees(peer)) return
    const pair = toHex(this.#last.digest) + toHex(peer.heads.digest)
    const nowMs = this.#hub.clock.steadyMs()
    if (pair === state.lastPair && nowMs < state.lastPairMs + this.#hub.scaled(samePairMs)) return
    this.#sendIds(peer)
  }

  #sendIds(peer: Peer): void {
    const state = this.#states.get(peer)
    if (state === undefined || state.cancel !== null) return
    if (!state.idsOut.take()) {
      const waitMs = state.idsOut.waitMs()
      state.cancel = this.#hub.clock.after(waitMs, () => {
        state.cancel = null
        this.#compare(peer)
      })
      return
    }
    state.lastPair = toHex(this.#last.digest) + toHex(peer.heads?.digest ?? this.#last.digest)
    state.lastPairMs = this.#hub.clock.steadyMs()
    const peerTrust = peer.heads?.trustVersion ?? 0
    const ids = this.#hub.authority.list(peerTrust).slice(0, authIdsMax)
    peer.send(FRAME.authIds, encodeAuthIds(ids))
  }

  /** An empty list asks for the other's; at the rate of lists, so that peers answer. */
  #askFor(peer: Peer): void {
    const state = this.#states.get(peer)
    if (state === undefined || state.isAsking) return
    if (state.idsOut.take()) return peer.send(FRAME.authIds, encodeAuthIds([]))
    state.isAsking = true
    this.#later.after(state.idsOut.waitMs(), () => {
      state.isAsking = false
      this.#askFor(peer)
    })
  }

  #serve(peer: Peer, state: State): void {
    if (state.cancelServe !== null) return
    while (state.serve.length > 0) {
      if (!state.authOut.take()) {
        state.cancelServe = this.#hub.clock.after(state.authOut.waitMs(), () => {
          state.cancelServe = null
          this.#serve(peer, state)
        })
        return
      }
      const id = state.serve.shift()
      const bytes = id === undefined ? null : this.#hub.authority.read(id)
      if (bytes !== null) peer.send(FRAME.auth, bytes)
    }
  }

  /** Asks for what is missing, each id of one peer at a time. */
  #ask(): void {
    const nowMs = this.#hub.clock.steadyMs()
    const pending = new Set<string>()
    for (const { asked } of this.#states.values()) {
      for (const [name, atMs] of asked) {
        if (nowMs >= atMs + lateMs) asked.delete(name)
        else if (nowMs < atMs + unansweredMs) pending.add(name)
      }
    }
    for (const [peer, state] of this.#states) {
      const offers = state.offers.filter((offer) => {
        const name = toHex(offer.id)
        if (pending.has(name) || state.asked.has(name)) return false
        const answered = state.answered.get(name)
        return answered === undefined || answered < offer.sigs
      })
      if (offers.length === 0) continue
      const open = [...state.asked.values()].filter((atMs) => nowMs < atMs + unansweredMs).length
      const wanted = this.#hub.authority.wants(offers).slice(0, authWantMax - open)
      if (wanted.length === 0) continue
      for (const name of wanted.map(toHex)) {
        state.asked.set(name, nowMs)
        pending.add(name)
      }
      peer.send(FRAME.authWant, encodeAuthWant(wanted))
    }
    if (pending.size > 0) this.#later.once('ask', unansweredMs, () => this.#ask())
  }
}
