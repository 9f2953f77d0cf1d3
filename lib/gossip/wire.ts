import type { Connection } from 'hyperswarm'
import {
  alloc,
  MINUTE,
  peersInMax,
  SECOND,
  toHex,
  type Bytes,
  type Clock,
  type Dice,
  type Facts,
  type Log
} from '../base/index.ts'
import { Life } from '../base/life.ts'
import type { Offer } from '../crowd/index.ts'
import { HELLO_ROLE, type Hello } from '../records/index.ts'
import { keyPairFromSeed, type KeyPair } from '../trust/index.ts'
import { parsePeer } from './door/address.ts'
import { Claims } from './search/claims.ts'
import { dispatch, type Parts } from './dispatch.ts'
import { Exchange } from './exchange.ts'
import { Later } from './later.ts'
import { Links } from './links.ts'
import { Passive } from './door/passive.ts'
import type { Peer } from './peer.ts'
import type { Hub } from './ports.ts'
import { Pull } from './pull.ts'
import { Search, type Rungs } from './search/search.ts'
import type { PeerView, WireOptions, WirePorts } from './options.ts'
import { sourceOf } from './source.ts'
import { Spread } from './spread.ts'
import { coverageOf, hasSettled, medianSkewMs } from './standing.ts'
import { GuestSwarm } from './door/guest.ts'
import { Swarm, type Door } from './door/swarm.ts'
import { noTraffic, type Traffic } from './traffic.ts'
import { Walk } from './walk.ts'

/** The version of the channel that this code speaks. */
const wireVersion = 1
const fullSettleMs = MINUTE
const shortestMs = 500
const gatherMs = 50
/** Keys of the view dialled by the second rung of a search. */
const strangersDialled = 8
/** Kept peers dialled at start, beside twelve connections by lookup (docs/gossip.md). */
const passiveDialled = 4
const outOfBand = 'no peer shows what is known to exist: bring the statements in a file'

/** What a replicating room learns of a stream. */
interface StreamInfo {
  readonly key: Bytes
  readonly outbound: boolean
}

type StreamListener = (stream: object, info: StreamInfo) => void
export type WireChange = 'peers' | 'evidence'

/**
 * The network as one node sees it: peers on the one topic and at fixed addresses, the authority set
 * pulled by id, evidence spread and repaired. `close` says goodbye and frees the sockets.
 */
export class Wire extends Life {
  readonly #hub: Hub
  readonly #options: WireOptions
  readonly #swarm: Door
  readonly #links: Links
  readonly #parts: Parts
  readonly #search: Search
  readonly #passive: Passive
  readonly #later: Later
  readonly #streamListeners = new Set<StreamListener>()
  readonly #listeners = new Set<(change: WireChange) => void>()
  /** Peers that have had their first walk. */
  readonly #walked = new WeakSet<Peer>()

  /** Throws `USAGE` for an address that cannot be read. */
  constructor(clock: Clock, dice: Dice, log: Log, given: WirePorts & { options: WireOptions }) {
    super()
    const { authority, pool, options } = given
    this.#options = options
    this.#hub = this.#makeHub({ clock, dice, log }, { authority, pool })
    const peers = options.peers.map(parsePeer)
    const freshPair = (): KeyPair => keyPairFromSeed(dice.fill(alloc(32)))
    const accept = (stream: Connection): void => this.#links.accept(stream)
    this.#swarm =
      options.swarm === undefined
        ? new Swarm(clock, { ...options, freshPair, peers }, accept)
        : new GuestSwarm(options.network, options.swarm, accept)
    this.#links = this.#makeLinks()
    this.#parts = this.#makeParts()
    const kept = options.passive ?? { kept: [], keep: () => undefined }
    this.#passive = new Passive(this.#hub, kept, this.#swarm)
    this.#search = this.#makeSearch()
    this.#later = new Later(clock)
    this.own(this.#swarm)
    this.own(this.#later)
    this.own(this.#passive)
    this.own(this.#search)
    this.own(this.#links)
    for (const part of Object.values(this.#parts)) this.own(part)
  }

  /** Binds the port and starts to listen and dial; throws `CONFIG_INVALID` if it is taken. */
  protected override async start(): Promise<void> {
    const stop = this.#hub.authority.onChange(() => this.#believesAnew())
    this.own({ close: stop })
    await this.#swarm.open(this.#failed('listen'))
    this.#passive.visit(passiveDialled)
    this.#sayMembership()
    this.#refreshLater(5 * SECOND + this.#hub.dice.next() * 25 * SECOND)
  }

  /** Calls `fn` for every stream that may replicate, those already there included. */
  onStream(fn: StreamListener): () => void {
    this.#streamListeners.add(fn)
    for (const { stream, peer } of this.#links.streams) fn(stream, peer)
    return () => this.#streamListeners.delete(fn)
  }

  /** Calls `fn` when peers came or went, or evidence was taken in. */
  onChange(fn: (change: WireChange) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  /** Offers an own statement to the pool and, if that takes it, to eight peers. */
  publish(wire: Bytes): Offer {
    return this.#parts.spread.publish(wire)
  }

  peers(): readonly PeerView[] {
    return this.#links.peers
      .filter(({ phase }) => phase !== 'closed')
      .map(({ key, outbound, hello, heads, member, ready }) => ({
        key,
        outbound,
        running: hello?.running ?? null,
        protoLow: hello?.low ?? 0,
        protoHigh: hello?.high ?? 0,
        trustVersion: heads?.trustVersion ?? 0,
        digest: heads?.digest ?? null,
        member,
        ready
      }))
  }

  /** Frames and bytes of gossip since the start, both ways. */
  get traffic(): Readonly<Traffic> {
    return { ...this.#hub.traffic }
  }

  /** `HOST:PORT#KEY` to be dialled at; null before it is open. */
  address(): string | null {
    return this.#swarm.address()
  }

  /** The swarm key in use. */
  get key(): Bytes {
    return this.#swarm.key
  }

  /**
   * Begins or ends the search for what peers do not show: at once all of them are asked for what
   * they keep, then every five minutes, each time by a further way (S37, S39, S40).
   */
  search(on: boolean): void {
    if (on && this.closing === null) this.#search.start()
    else this.#search.stop()
  }

  /** How far the search has gone, 1 to 6; 0 while there is none. */
  get rung(): number {
    return this.#search.rung
  }

  /** Asks all peers now for what they hold: a halt is near and must rest on all there is. */
  walk(): void {
    this.#parts.walk.startAll()
  }

  /**
   * Whether two SUM rounds, with two different peers that we chose or that hold a slot, began after
   * `sinceSteadyMs` and are through; with a single such peer, two rounds with that one.
   */
  settled(sinceSteadyMs: number): boolean {
    const nowMs = this.#hub.clock.steadyMs()
    return hasSettled(this.#links.peers, this.#parts.walk.rounds, { sinceSteadyMs, nowMs })
  }

  /**
   * `walks` share of the stage sets of a release under a resume number, least of all, in ppm: own
   * members beside those that at least three counted peers listed and did not give.
   */
  coverage(release: Bytes, resume: number): number {
    const sets = this.#hub.pool.sets()
    return coverageOf(sets, { release, resume }, (set) =>
      this.#counted().map((peer) => this.#parts.spread.wishes.unanswered(peer, set))
    )
  }

  /** Median of (their clock − ours) over at least 5 outbound peers, else null. */
  clockSkewMs(): number | null {
    return medianSkewMs(this.#links.peers)
  }

  #counted(): readonly Peer[] {
    return this.#links.peers.filter(({ counted }) => counted)
  }

  #makeHub(ports: { clock: Clock; dice: Dice; log: Log }, given: WirePorts): Hub {
    const { network, settleMs, catchingUp } = this.#options
    const authority = sourceOf(given.authority)
    const claims = new Claims(network, authority)
    return {
      ...ports,
      authority,
      pool: given.pool,
      network,
      traffic: noTraffic(),
      scaled: (ms) => {
        const share = Math.min(1, (settleMs?.() ?? fullSettleMs) / fullSettleMs)
        return Math.min(ms, Math.max(shortestMs, ms * share))
      },
      catchingUp: () => authority.heads().trustVersion === 0 || catchingUp?.() === true,
      searching: () => this.#search.isOn,
      accepted: (item, ref) => {
        // Asked for at once: whether to search on, and to wait, is decided elsewhere (S39, S40).
        if (claims.isNew(item, ref)) this.#parts.pull.askAll()
        this.#emit('evidence')
      }
    }
  }

  #makeSearch(): Search {
    const { pull, walk, exchange } = this.#parts
    const rungs: Rungs = {
      1: () => this.#swarm.refresh(this.#failed('refresh')),
      2: () => {
        exchange.reachOut(strangersDialled)
        this.#passive.visit(strangersDialled)
      },
      3: () => this.#swarm.revisit(this.#failed('static peers')),
      4: () => this.#renew(),
      5: () => this.#hub.log('search-shed', { peers: this.#links.shedInbound() }),
      6: () => this.#hub.log('out-of-band', { text: outOfBand })
    }
    return new Search(this.#hub, rungs, () => {
      pull.askAll()
      walk.startAll()
    })
  }

  #renew(): void {
    const before = this.#links.peers
    const report = this.#failed('renew')
    const renewed = this.#swarm.renew(report, () => {
      this.#links.leave(before)
      this.#hub.log('search-renewed', { key: toHex(this.#swarm.key) })
    })
    renewed.catch(report)
  }

  #makeLinks(): Links {
    const { membership, nodePair, versions, inboundMax, swarm } = this.#options
    const credential = membership && nodePair ? { membership, pair: nodePair } : null
    return new Links(
      this.#hub,
      {
        ...(versions ?? { low: wireVersion, high: wireVersion }),
        inboundMax: inboundMax ?? peersInMax,
        guest: swarm !== undefined,
        hello: () => this.#hello(),
        credential
      },
      {
        ready: (peer) => this.#joined(peer),
        left: (peer) => this.#left(peer),
        frame: (peer, number, bytes) => {
          dispatch(this.#parts, peer, { number, bytes })
          this.#walkOnce(peer)
        },
        member: (_, pair) => {
          this.#parts.spread.publish(pair)
          this.#emit('peers')
        },
        stream: (stream, peer) => {
          for (const fn of this.#streamListeners) fn(stream, peer)
        }
      }
    )
  }

  #makeParts(): Parts {
    const fault = (peer: Peer, why: string): void => this.#links.fault(peer, why)
    const spread = new Spread(this.#hub, fault)
    return {
      pull: new Pull(this.#hub, fault),
      spread,
      walk: new Walk(this.#hub, spread),
      exchange: new Exchange(this.#hub, this.#swarm, {
        peers: () => this.#links.peers,
        dials: this.#options.bootstrap !== 'none'
      })
    }
  }

  #hello(): Hello {
    const { keyPair, membership, nodePair, servesBytes, running, versions } = this.#options
    const { trustVersion, digest } = this.#hub.authority.heads()
    const roles =
      (servesBytes === false ? 0 : HELLO_ROLE.servesBytes) |
      (this.#hub.catchingUp() ? HELLO_ROLE.catchingUp : 0) |
      (membership !== null && nodePair !== null ? HELLO_ROLE.certified : 0) |
      (keyPair === null ? 0 : HELLO_ROLE.keepsKey)
    return {
      low: versions?.low ?? wireVersion,
      high: versions?.high ?? wireVersion,
      features: 0,
      roles,
      shardBits: 0,
      clockS: clampSeconds(this.#hub.clock.wallMs()),
      trustVersion,
      digest,
      running: running?.() ?? null,
      beaconTsS: 0,
      beaconSeq: 0
    }
  }

  #joined(peer: Peer): void {
    const { pull, spread, walk, exchange } = this.#parts
    spread.joined(peer)
    walk.joined(peer)
    pull.joined(peer)
    exchange.joined(peer)
    this.#passive.joined(peer)
    this.#walkOnce(peer)
    // Authority goes first; a peer that never agrees gets its walk a little later.
    this.#later.after(this.#hub.scaled(2 * SECOND), () => this.#firstWalk(peer))
    this.#emit('peers')
  }

  #left(peer: Peer): void {
    const { pull, spread, walk, exchange } = this.#parts
    for (const part of [pull, spread, walk, exchange, this.#passive]) part.left(peer)
    this.#emit('peers')
  }

  #walkOnce(peer: Peer): void {
    if (this.#parts.pull.agrees(peer)) this.#firstWalk(peer)
  }

  #firstWalk(peer: Peer): void {
    if (this.#walked.has(peer) || !peer.ready) return
    this.#walked.add(peer)
    this.#parts.walk.start(peer, 8)
  }

  /** A new belief opens sets that were not live before. */
  #believesAnew(): void {
    this.#sayMembership()
    this.#parts.spread.reconsider()
    this.#later.once('rewalk', this.#hub.scaled(2 * SECOND), () => this.#parts.walk.startSome(2))
  }

  #sayMembership(): void {
    const { membership } = this.#options
    if (membership === null) return
    // A little later: the pool learns of a new belief from the same event as we do.
    this.#later.once('membership', gatherMs, () => {
      if (this.#hub.authority.heads().trustVersion > 0) this.#parts.spread.publish(membership)
    })
  }

  /** Nodes that start together see only those before them: look again, and again while alone. */
  #refreshLater(delayMs: number): void {
    this.#later.once('refresh', this.#hub.scaled(delayMs), () => {
      this.#swarm.refresh(this.#failed('refresh'))
      if (this.#links.peers.length < 4) this.#refreshLater(Math.min(10 * MINUTE, 2 * delayMs))
    })
  }

  #failed(what: string): (error: unknown) => void {
    return (error) => {
      const facts: Facts = { what, error: error instanceof Error ? error.message : String(error) }
      if (!this.closing) this.#hub.log('gossip-swarm', facts)
    }
  }

  #emit(change: WireChange): void {
    for (const fn of this.#listeners) fn(change)
  }
}

function clampSeconds(ms: number): number {
  return Math.min(0xffffffff, Math.max(0, Math.floor(ms / SECOND)))
}
