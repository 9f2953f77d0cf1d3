import { SECOND, toHex, type Bytes } from '../base/index.ts'
import { encodeExchange, exchangeMax, FRAME } from '../records/index.ts'
import { Bucket } from './bucket.ts'
import { Later } from './later.ts'
import type { Peer } from './peer.ts'
import { pick, shed } from './pick.ts'
import type { Hub } from './ports.ts'

/** Outbound connections below which keys of others are asked for and dialled. */
const outboundLeast = 12
/** Keys kept in memory for a later dial. */
const viewMax = 256
const dialsAtOnce = 4
const dialEveryMs = 10 * SECOND
const dialMs = 15 * SECOND

export interface Dials {
  dial(key: Bytes): void
  forget(key: Bytes): void
}

export interface ExchangeOptions {
  readonly peers: () => readonly Peer[]
  /** False: keys alone reach nobody, as without any DHT. */
  readonly dials: boolean
}

/** Peer keys from peers, so that nodes that start together do not hang on one. */
export class Exchange {
  readonly #hub: Hub
  readonly #swarm: Dials
  readonly #options: ExchangeOptions
  readonly #view = new Map<string, Bytes>()
  readonly #buckets = new Map<Peer, Bucket>()
  readonly #dialling = new Map<string, () => void>()
  readonly #later: Later

  constructor(hub: Hub, swarm: Dials, options: ExchangeOptions) {
    this.#hub = hub
    this.#swarm = swarm
    this.#options = options
    this.#later = new Later(hub.clock)
  }

  close(): void {
    this.#later.close()
    for (const cancel of this.#dialling.values()) cancel()
    this.#dialling.clear()
  }

  joined(peer: Peer): void {
    this.#buckets.set(peer, new Bucket(this.#hub.clock, { burst: 2, perSecond: () => 0.1 }))
    if (this.#lacks()) peer.send(FRAME.exchange, encodeExchange([]))
  }

  left(peer: Peer): void {
    this.#buckets.delete(peer)
    if (this.#lacks()) this.#dialLater(0)
  }

  /**
   * Dials `count` keys of the view at random, however many peers there are, and asks all of these
   * for more keys: whoever knows only each other must hear of somebody else (S37).
   */
  reachOut(count: number): void {
    for (const peer of this.#options.peers()) {
      if (peer.ready) peer.send(FRAME.exchange, encodeExchange([]))
    }
    if (this.#options.dials) this.#dialSome(count)
  }

  /** PX of a peer; none asks for some. */
  keys(peer: Peer, keys: readonly Bytes[]): void {
    if (this.#buckets.get(peer)?.take() !== true) return
    if (keys.length === 0) return this.#answer(peer)
    if (!this.#options.dials) return
    for (const key of keys) {
      this.#view.set(toHex(key), key)
      shed(this.#view, viewMax)
    }
    this.#dialLater(this.#hub.dice.next() * SECOND)
  }

  #answer(peer: Peer): void {
    const others = this.#options.peers().filter((other) => other.ready && other !== peer)
    const keys = pick(this.#hub.dice, others, exchangeMax).map(({ key }) => key)
    if (keys.length > 0) peer.send(FRAME.exchange, encodeExchange(keys))
  }

  #lacks(): boolean {
    const outbound = this.#options.peers().filter((peer) => peer.outbound && peer.ready)
    return this.#options.dials && outbound.length < outboundLeast
  }

  #dialLater(delayMs: number): void {
    this.#later.once('dial', delayMs, () => this.#dial())
  }

  #dial(): void {
    if (!this.#lacks()) return
    this.#dialSome(dialsAtOnce - this.#dialling.size)
    if (this.#view.size > 0) this.#dialLater(dialEveryMs)
  }

  #dialSome(count: number): void {
    const connected = new Set(this.#options.peers().map(({ key }) => toHex(key)))
    const free = [...this.#view.keys()].filter(
      (name) => !connected.has(name) && !this.#dialling.has(name)
    )
    for (const name of pick(this.#hub.dice, free, count)) {
      const key = this.#view.get(name)
      // A key that is fresh per boot is worth one try.
      this.#view.delete(name)
      if (key === undefined) continue
      this.#swarm.dial(key)
      const cancel = this.#hub.clock.after(dialMs, () => {
        this.#dialling.delete(name)
        this.#swarm.forget(key)
      })
      this.#dialling.set(name, cancel)
    }
  }
}
