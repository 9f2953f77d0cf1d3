import { alloc, equal, type Bytes, type Log, type OtaError } from '../../../base/index.ts'
import { Life, inBackground } from '../../../base/life.ts'
import type { Authority } from '../../../authority/index.ts'
import { Pool, type Offer } from '../../../crowd/index.ts'
import { Store } from '../../../feed/index.ts'
import { Wire } from '../../../gossip/index.ts'
import { KeptFile } from '../../../node/index.ts'
import { feedPairs, readLineFile, toLine, type Desk } from '../../../publish/index.ts'
import type { Evidence } from '../../../records/index.ts'
import { authorityDigest, keyPairFromSeed, wipe, type KeyPair } from '../../../trust/index.ts'
import { writeCensus } from './census.ts'
import type { Network } from './network.ts'

/** First byte of a statement in a feed block, and of evidence in its wire form. */
const STATEMENT_BYTE = 0x75
const EVIDENCE_BYTE = 0x01

export interface StationOptions {
  /** Null: only the store, nobody is reached. */
  readonly network: Network | null
  readonly log: Log
  /** False: no store is opened, so that it works beside a command that holds it; default true. */
  readonly feeds?: boolean
}

/**
 * A publisher's end of the network: its store, the feeds it reads and writes, and, when online, the
 * wire. It installs nothing and reports nothing; what single keys said (brakes, attestations,
 * beacons) it keeps on disk and passes on.
 */
export class Station extends Life {
  readonly #desk: Desk
  readonly #authority: Authority
  readonly #network: Network | null
  readonly #log: Log
  readonly #hasFeeds: boolean
  readonly store: Store
  readonly pool: Pool
  #wire: Wire | null = null
  #kept: KeptFile | null = null

  constructor(desk: Desk, authority: Authority, { network, log, feeds }: StationOptions) {
    super()
    this.#hasFeeds = feeds ?? true
    this.#desk = desk
    this.#authority = authority
    this.#network = network
    this.#log = log
    const { clock, dice, disk, places } = desk
    this.store = new Store(clock, dice, log, { disk, folder: places.store })
    this.pool = new Pool(authority.believed)
  }

  /** Null while offline. */
  get wire(): Wire | null {
    return this.#wire
  }

  protected override async start(): Promise<void> {
    this.#tellPool()
    // before anything is heard: receipt times stay, and numbers never fall
    this.#kept = await openKept(this.#desk, this.pool, this.#log)
    this.own({ close: async () => await this.#kept?.write() })
    if (this.#hasFeeds) await this.#startStore()
    this.own({ close: this.#authority.onChange(() => this.#believesAnew()) })
    if (this.#network !== null) await this.#startWire(this.#network)
  }

  async #startStore(): Promise<void> {
    this.own(this.store)
    await this.store.ready()
    this.own({ close: this.store.onBlock(async (_, __, bytes) => await this.#takeBlock(bytes)) })
    await this.#openFeeds()
  }

  async #startWire(network: Network): Promise<void> {
    const { clock, dice } = this.#desk
    const wire = new Wire(clock, dice, this.#log, {
      authority: this.#authority,
      pool: this.pool,
      options: {
        ...network,
        network: this.#authority.believed.network,
        keyPair: network.port === null ? null : await this.#swarmPair(),
        rendezvous: false,
        membership: null,
        nodePair: null
      }
    })
    this.#wire = this.own(wire)
    if (this.#hasFeeds) wire.onStream((stream) => this.store.replicate(stream))
    this.own({ close: wire.onChange((change) => this.#heard(change === 'evidence')) })
    await wire.ready()
    this.own({ close: async () => await this.keepCensus() })
  }

  /**
   * Appends a statement to every feed of the trust that this machine writes and that is not shut;
   * returns how many. Before the first append peers are asked for longer copies (S26).
   */
  async append(statement: Bytes, settleMs: number): Promise<number> {
    const feeds = this.#authority.believed.trust?.body.feeds ?? []
    const shut = this.store.feeds().filter(({ state }) => state !== 'reading')
    const pairs = await feedPairs(this.#desk)
    try {
      let appended = 0
      for (const pair of pairs) {
        const own = await this.store.ownFeed(pair)
        const isListed = feeds.some((feed) => equal(feed, own.key))
        if (!isListed || shut.some(({ key }) => equal(key, own.key))) continue
        if (this.#wire !== null) await own.settle({ peers: 2, withinMs: settleMs })
        await own.append(statement)
        appended += 1
      }
      return appended
    } finally {
      for (const { secret } of pairs) wipe(secret)
    }
  }

  /**
   * Says something of an own key: into the pool, on disk, and to peers if there are any. Returns
   * what the pool made of it: `ignored` is what every node would make of it.
   */
  async say({ wire }: Evidence): Promise<Offer> {
    const offer = this.#wire?.publish(wire) ?? this.pool.offer(wire, this.#desk.clock.wallMs())
    await this.#kept?.write()
    return offer
  }

  /** Peers whose authority digest is ours: they believe all that we do. */
  inAgreement(): number {
    const digest = authorityDigest(this.#authority.believed)
    const peers = this.#wire?.peers() ?? []
    return peers.filter((peer) => peer.digest !== null && equal(peer.digest, digest)).length
  }

  /** Size of the fleet as seen from here. */
  census(): number {
    return Math.round(this.pool.census(this.#desk.clock.wallMs()).nodes)
  }

  /** Writes the census down for `propose`, once somebody has been counted. */
  async keepCensus(): Promise<void> {
    const nodes = this.census()
    if (nodes > 0) await writeCensus(this.#desk, nodes)
  }

  async #takeBlock(bytes: Bytes): Promise<boolean> {
    if (bytes[0] === EVIDENCE_BYTE) return this.#takeEvidence(bytes)
    if (bytes[0] !== STATEMENT_BYTE) return false
    const verdict = await this.#authority.intake(bytes, 'feed')
    return verdict.tag !== 'refused'
  }

  /** An attestation in a feed; one that was known is of use too, or feeds would look like junk. */
  #takeEvidence(bytes: Bytes): boolean {
    const { answer } = this.pool.offer(bytes, this.#desk.clock.wallMs())
    if (answer === 'accepted') this.#kept?.write().catch(inBackground)
    return answer === 'accepted' || answer === 'duplicate'
  }

  #heard(isEvidence: boolean): void {
    if (isEvidence && this.closing === null) this.#kept?.write().catch(inBackground)
  }

  #tellPool(): void {
    const authority = this.#authority
    const hadDigest = (digest: Bytes): boolean => authority.hadDigest(digest)
    this.pool.setContext({ believed: authority.believed, hadDigest })
  }

  #believesAnew(): void {
    this.#tellPool()
    if (this.#hasFeeds) this.#openFeeds().catch(inBackground)
  }

  async #openFeeds(): Promise<void> {
    if (this.closing !== null) return
    await this.store.openFeeds(this.#authority.believed.trust?.body.feeds ?? [])
  }

  /** A fixed port is an address people write down, so its key stays. */
  async #swarmPair(): Promise<KeyPair> {
    const { disk, dice, places } = this.#desk
    const path = `${places.home}/swarm`
    if ((await disk.stat(path)) === null) {
      await disk.create(path, toLine(dice.fill(alloc(32))), 0o600)
    }
    return keyPairFromSeed(await readLineFile(disk, path))
  }
}

/** What single keys said, from the file of this home into the pool. */
export async function openKept(desk: Desk, pool: Pool, log: Log): Promise<KeptFile> {
  const { disk, clock, places } = desk
  const path = `${places.home}/evidence`
  return await KeptFile.open(disk, log, { path, pool, nowMs: clock.wallMs() })
}

/** Waits until `done` holds, looking twice a second; throws `late` when `withinMs` is over. */
export async function waitUntil(
  desk: Desk,
  done: () => boolean,
  options: {
    readonly withinMs: number
    readonly signal: AbortSignal
    readonly late: () => OtaError
  }
): Promise<void> {
  const endMs = desk.clock.steadyMs() + options.withinMs
  while (!done()) {
    options.signal.throwIfAborted()
    if (desk.clock.steadyMs() >= endMs) throw options.late()
    await pause(desk, 500, options.signal)
  }
}

/** `delayMs`, or less when the signal comes. */
export async function pause(desk: Desk, delayMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = desk.clock.after(delayMs, end)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
}

/** Facts of a log line for `--verbose`. */
export function logTo(detail: (text: string) => void): Log {
  return (event, facts) => detail(facts === undefined ? event : `${event} ${JSON.stringify(facts)}`)
}
