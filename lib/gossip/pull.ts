import { equal, isOtaError, MINUTE, toHex, type Bytes, type Code } from '../base/index.ts'
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
/** An id that was asked for and not given: ask the next peer. */
const unansweredMs = 10_000
/** An answer later than that is still no unasked one. */
const lateMs = 2 * MINUTE
/** The same two digests are not talked over again before. */
const samePairMs = MINUTE

/** Refusals that no honest peer can cause: it judged the same bytes before it offered them. */
const faults: ReadonlySet<Code> = new Set<Code>(['NOT_CANONICAL', 'WRONG_NETWORK', 'WRONG_TYPE'])
/** The same, unless it stands on a newer trust than we do. */
const faultsOfEquals: ReadonlySet<Code> = new Set<Code>(['BAD_SIGNATURE', 'BAD_KEY', 'BAD_TRUST'])

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
      cancel: null,
      cancelServe: null
    })
    if (this.#hub.catchingUp()) this.#sendIds(peer)
    else this.#compare(peer)
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
    if (ids.length === 0) this.#sendIds(peer)
    else this.#compare(peer)
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
    this.#takeIn(peer, bytes).catch(inBackground)
  }

  /** Tells one peer where we stand; the answer to a SUM ends with it. */
  tell(peer: Peer): void {
    peer.send(FRAME.heads, encodeHeads(this.#last))
  }

  async #takeIn(peer: Peer, bytes: Bytes): Promise<void> {
    const verdict = await this.#hub.authority.intake(bytes, `peer ${peer.label}`)
    if (verdict.tag === 'refused') {
      const { code } = verdict
      this.#hub.log('gossip-refused', { peer: peer.label, code })
      const isAhead = (peer.heads?.trustVersion ?? 0) > this.#last.trustVersion
      if (faults.has(code) || (!isAhead && faultsOfEquals.has(code)))
        this.#fault(peer, `auth: ${code}`)
    }
    this.#ask()
  }

  #changed(): void {
    const heads = this.#hub.authority.heads()
    for (const state of this.#states.values()) state.answered.clear()
    this.#ask()
    if (equal(heads.digest, this.#last.digest)) return
    this.#last = heads
    this.#later.once('heads', headsDelayMs, () => this.#spread())
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
    const ids = this.#hub.authority.list().toSorted(newestTrustFirst).slice(0, authIdsMax)
    peer.send(FRAME.authIds, encodeAuthIds(ids))
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
      const lacking = new Set(this.#hub.authority.wants(offers).map(toHex))
      const waiting = [...state.asked.values()].filter((atMs) => nowMs < atMs + unansweredMs)
      const wanted = offers
        .filter(({ id }) => lacking.has(toHex(id)))
        .toSorted(newestTrustFirst)
        .slice(0, authWantMax - waiting.length)
      if (wanted.length === 0) continue
      for (const { id } of wanted) {
        state.asked.set(toHex(id), nowMs)
        pending.add(toHex(id))
      }
      peer.send(FRAME.authWant, encodeAuthWant(wanted.map(({ id }) => id)))
    }
    if (pending.size > 0) this.#later.once('ask', unansweredMs, () => this.#ask())
  }
}

/** Trust before all else, newest first; then releases, and what is said about them. */
function newestTrustFirst(x: AuthId, y: AuthId): number {
  return x.type - y.type || y.a - x.a || y.b - x.b
}
