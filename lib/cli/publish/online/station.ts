import { alloc, equal, type Bytes, type Log, type OtaError } from '../../../base/index.ts'
import { Life, inBackground } from '../../../base/life.ts'
import type { Authority } from '../../../authority/index.ts'
import { Pool } from '../../../crowd/index.ts'
import { Store } from '../../../feed/index.ts'
import { Wire } from '../../../gossip/index.ts'
import { feedPairs, readLineFile, toLine, type Desk } from '../../../publish/index.ts'
import { authorityDigest, keyPairFromSeed, wipe, type KeyPair } from '../../../trust/index.ts'
import { writeCensus } from './census.ts'
import type { Network } from './network.ts'

/** First byte of a statement in a feed block; evidence has another. */
const STATEMENT_BYTE = 0x75

/**
 * A publisher's end of the network: its store, the feeds it reads and writes, and, when online, the
 * wire. It installs nothing and reports nothing.
 */
export class Station extends Life {
  readonly #desk: Desk
  readonly #authority: Authority
  readonly #network: Network | null
  readonly #log: Log
  readonly store: Store
  readonly pool: Pool
  #wire: Wire | null = null

  /** `network` null: only the store, nobody is reached. */
  constructor(
    desk: Desk,
    authority: Authority,
    { network, log }: { readonly network: Network | null; readonly log: Log }
  ) {
    super()
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
    this.own(this.store)
    await this.store.ready()
    this.own({ close: this.store.onBlock(async (_, __, bytes) => await this.#takeBlock(bytes)) })
    this.own({ close: this.#authority.onChange(() => this.#believesAnew()) })
    await this.#openFeeds()
    if (this.#network === null) return
    const { clock, dice } = this.#desk
    const wire = new Wire(clock, dice, this.#log, {
      authority: this.#authority,
      pool: this.pool,
      options: {
        ...this.#network,
        network: this.#authority.believed.network,
        keyPair: this.#network.port === null ? null : await this.#swarmPair(),
        rendezvous: false,
        membership: null,
        nodePair: null
      }
    })
    this.#wire = this.own(wire)
    wire.onStream((stream) => this.store.replicate(stream))
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
    if (bytes[0] !== STATEMENT_BYTE) return false
    const verdict = await this.#authority.intake(bytes, 'feed')
    return verdict.tag !== 'refused'
  }

  #believesAnew(): void {
    this.pool.setContext({ believed: this.#authority.believed })
    this.#openFeeds().catch(inBackground)
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
