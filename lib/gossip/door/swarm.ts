import HyperDHT, { type ConnectOptions, type DhtAddress } from 'hyperdht'
import Hyperswarm, { type Connection, type Discovery } from 'hyperswarm'
import {
  fromText,
  OtaError,
  peersOutMax,
  SECOND,
  toHex,
  type Bytes,
  type Clock
} from '../../base/index.ts'
import { hash, type KeyPair } from '../../trust/index.ts'
import { formatPeer, type HostPort, type StaticPeer } from './address.ts'

/**
 * hyperswarm counts inbound connections against `maxPeers` and up to four-fold with explicit peers,
 * but stops only our own dials with it: 4 × 48 must stay below, or strangers stop us (S86).
 */
const maxPeers = 256
/**
 * Dials by lookup stop here; four places stay for peers that are dialled by name, which hyperswarm
 * does not count against its limit: 32 nodes that started together had up to 18 (test:swarm).
 */
const lookedUpMax = peersOutMax - 4
/** Waits before a lost or unreached peer is dialled again; static peers repeat the last one. */
const backoffs = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND]
/** A name that the system does not know now is asked for again. */
const lookupEveryMs = 30 * SECOND
/** Time for taking our announcements back at the end. */
const goodbyeMs = 1_500

export interface SwarmOptions {
  readonly network: Bytes
  /** Swarm key to keep; null: a fresh one now and whenever the join is renewed. */
  readonly keyPair: KeyPair | null
  readonly freshPair: () => KeyPair
  /** Address to bind; null: all. On a loopback address nothing leaves the machine. */
  readonly host: string | null
  /** Fixed port; null: any. */
  readonly port: number | null
  readonly peers: readonly StaticPeer[]
  readonly bootstrap: readonly HostPort[] | 'public' | 'none'
  readonly rendezvous: boolean
}

/** A DHT that knows where the static peers are: a dial to one needs no other node. */
class Dialler extends HyperDHT {
  readonly #known = new Map<string, DhtAddress>()

  /** Remembers where a peer is; a host name is looked up, its address may have moved. */
  async learn({ key, host, port }: StaticPeer): Promise<void> {
    const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(host)
    const found = isAddress ? { host } : await this.udx.lookup(host, { family: 4 })
    this.#known.set(toHex(key), { host: found.host, port })
  }

  override connect(key: Uint8Array, options: ConnectOptions = {}): unknown {
    const address = this.#known.get(toHex(key))
    // A node that is asked for its own key answers itself: the handshake needs no relay.
    return super.connect(key, address ? { ...options, relayAddresses: [address] } : options)
  }
}

/** The one topic of a network. No date in it: a clock at 1970 misses nobody. */
export function topicOf(network: Bytes): Bytes {
  return hash([fromText('upswell/topic/1'), Uint8Array.of(0, 0, 0)], network)
}

/** A DHT node and the swarm upon it, under one key. */
interface Stand {
  readonly keyPair: KeyPair
  readonly dht: Dialler
  readonly swarm: Hyperswarm
  discovery: Discovery | null
}

/** What a node needs of a swarm, its own or an app's. */
export interface Door {
  /** The swarm key in use. */
  readonly key: Bytes
  open(onError: (error: unknown) => void): Promise<void>
  refresh(onError: (error: unknown) => void): void
  /** Dials the static peers again, looking their names up anew. */
  revisit(onError: (error: unknown) => void): void
  /**
   * Joins anew, under a fresh key and port where neither is an address; true if so. `leaving` is
   * called before the old one goes.
   */
  renew(onError: (error: unknown) => void, leaving: () => void): Promise<boolean>
  dial(key: Bytes): void
  /** Dials a peer where it was last, without asking anybody for the way. */
  visit(peer: StaticPeer): void
  forget(key: Bytes): void
  address(): string | null
  close(): Promise<void>
}

/** The door to the network: connections come in, static peers are dialled for ever. */
export class Swarm implements Door {
  readonly #clock: Clock
  readonly #options: SwarmOptions
  readonly #onConnection: (stream: Connection) => void
  #stand: Stand
  #isClosed = false
  #renewal: Promise<boolean> | null = null

  constructor(clock: Clock, options: SwarmOptions, onConnection: (stream: Connection) => void) {
    this.#clock = clock
    this.#options = options
    this.#onConnection = onConnection
    this.#stand = this.#makeStand(options.keyPair ?? options.freshPair())
  }

  get key(): Bytes {
    return this.#stand.keyPair.key
  }

  /** Binds and begins to listen and to dial; throws `CONFIG_INVALID` if the port is taken. */
  async open(onError: (error: unknown) => void): Promise<void> {
    await this.#open(this.#stand, onError)
  }

  /** Looks the topic up again. */
  refresh(onError: (error: unknown) => void): void {
    this.#stand.discovery?.refresh().catch(onError)
  }

  revisit(onError: (error: unknown) => void): void {
    for (const peer of this.#options.peers) this.#reach(this.#stand, peer, onError)
  }

  /**
   * Who surrounds a node does so by its key and by its place in the DHT, which is its address and
   * port: both are changed where they are fresh per boot. A key that was kept, or a fixed port, is
   * an address people wrote down: then the topic is joined anew, no more.
   */
  async renew(onError: (error: unknown) => void, leaving: () => void): Promise<boolean> {
    if (this.#isClosed || this.#renewal !== null) return false
    this.#renewal = this.#renew(onError, leaving)
    try {
      return await this.#renewal
    } catch (error) {
      onError(error)
      return false
    } finally {
      this.#renewal = null
    }
  }

  async #renew(onError: (error: unknown) => void, leaving: () => void): Promise<boolean> {
    const { keyPair, port, freshPair } = this.#options
    const old = this.#stand
    if (keyPair !== null || port !== null) {
      await old.discovery?.destroy()
      this.#join(old)
      return false
    }
    const fresh = this.#makeStand(freshPair())
    await this.#open(fresh, onError)
    if (this.#isClosed) {
      await this.#retire(fresh)
      return false
    }
    this.#stand = fresh
    leaving()
    await this.#retire(old)
    return true
  }

  /** Dials a key that a peer named; it counts as explicit only until `forget`. */
  dial(key: Bytes): void {
    this.#stand.swarm.joinPeer(key)
  }

  visit(peer: StaticPeer): void {
    const { dht, swarm } = this.#stand
    // What was kept is an address, not a name: there is nothing to look up and nothing to fail.
    const dial = (): void => void (this.#isClosed || swarm.destroyed || swarm.joinPeer(peer.key))
    dht.learn(peer).then(dial, noop)
  }

  forget(key: Bytes): void {
    this.#stand.swarm.leavePeer(key)
  }

  /** Where others can dial us: the bound port and the best address known; null before `open`. */
  address(): string | null {
    const { dht, keyPair } = this.#stand
    const local = dht.localAddress()
    if (local === null) return null
    const host = this.#options.host ?? dht.host ?? local.host
    return formatPeer({ host, port: local.port, key: keyPair.key })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#renewal?.catch(noop)
    await this.#retire(this.#stand)
  }

  #makeStand(keyPair: KeyPair): Stand {
    const { host, port, bootstrap, rendezvous } = this.#options
    const dht = new Dialler({
      ...(bootstrap === 'public' ? {} : { bootstrap: bootstrap === 'none' ? [] : bootstrap }),
      ...(host === null ? {} : { host }),
      ...(port === null ? {} : { port, anyPort: false }),
      ...(rendezvous ? { ephemeral: false } : {}),
      // Own address space: no NAT to find out about.
      ...(rendezvous || isLoopback(host) ? { firewalled: false } : {})
    })
    const swarm = new Hyperswarm({
      dht,
      keyPair: { publicKey: keyPair.key, secretKey: keyPair.secret },
      maxPeers,
      maxClientConnections: lookedUpMax,
      backoffs
    })
    swarm.on('connection', this.#onConnection)
    return { keyPair, dht, swarm, discovery: null }
  }

  async #open(stand: Stand, onError: (error: unknown) => void): Promise<void> {
    try {
      await stand.dht.bind()
    } catch (cause) {
      const { host, port } = this.#options
      throw new OtaError('CONFIG_INVALID', `cannot listen on ${host ?? '*'}:${port ?? 0} (UDP)`, {
        hint: 'another program may use this port; give another one',
        cause
      })
    }
    // Announcing asks the DHT and may take long; who knows our address can come in meanwhile.
    stand.swarm.listen().catch(onError)
    for (const peer of this.#options.peers) this.#reach(stand, peer, onError)
    this.#join(stand)
  }

  #join(stand: Stand): void {
    const { bootstrap, network, rendezvous } = this.#options
    if (this.#isClosed || (bootstrap === 'none' && !rendezvous)) return
    stand.discovery = stand.swarm.join(topicOf(network), { server: true, client: true })
  }

  /** Static peers are dialled for ever, those with a name once the name is known. */
  #reach(stand: Stand, peer: StaticPeer, onError: (error: unknown) => void): void {
    const isOver = (): boolean => this.#isClosed || stand.swarm.destroyed
    if (isOver()) return
    stand.dht.learn(peer).then(
      () => {
        if (!isOver()) stand.swarm.joinPeer(peer.key)
      },
      (error: unknown) => {
        onError(error)
        this.#clock.after(lookupEveryMs, () => this.#reach(stand, peer, onError))
      }
    )
  }

  async #retire({ swarm }: Stand): Promise<void> {
    const gentle = swarm.destroy().then(
      () => true,
      () => false
    )
    const timer = { cancel: noop }
    const late = new Promise<false>((resolve) => {
      timer.cancel = this.#clock.after(goodbyeMs, () => resolve(false))
    })
    // Unannouncing waits for nodes that may be gone; the sockets must not.
    const isGone = await Promise.race([gentle, late])
    timer.cancel()
    if (!isGone) await swarm.destroy({ force: true })
  }
}

function isLoopback(host: string | null): boolean {
  return host !== null && host.startsWith('127.')
}

function noop(): void {
  // A timer that is not set yet, or an error that its owner has told already.
}
