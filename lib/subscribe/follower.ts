import {
  equal,
  isOtaError,
  MINUTE,
  OtaError,
  type Bytes,
  type Clock,
  type Dice,
  type Disk,
  type Log
} from '../base/index.ts'
import { inBackground, Life } from '../base/life.ts'
import { Authority } from '../authority/index.ts'
import { Pool, type Offer } from '../crowd/index.ts'
import { Store } from '../feed/index.ts'
import { parseHostPort, Wire, type WireOptions } from '../gossip/index.ts'
import { decide, type Decision } from '../rollout/index.ts'
import {
  admittedReleases,
  fromName,
  parseJoin,
  permission,
  refusals,
  signedDateMs,
  toName,
  type KeyPair,
  type KnownRelease
} from '../trust/index.ts'
import type { Events } from './events.ts'
import { openIdentity } from './identity.ts'
import { describe, treeFor } from './info.ts'
import { Memory } from './memory.ts'
import { freshnessOf, Outlook } from './outlook.ts'
import { Settled } from './settled.ts'
import { Teller } from './teller.ts'
import type { FetchOptions, Freshness, ReleaseInfo, SubscribeOptions } from './subscription.ts'

/** Events in quick succession are looked at together. */
const gatherMs = 200
/** First byte of evidence, which a feed may carry beside statements. */
const evidenceByte = 0x01
/** Windows and clocks move without an event. */
const lookMs = MINUTE
/** A turn whose bytes could not be had is told again. */
const againMs = MINUTE

/** The machine, as the shell hands it in. */
export interface Machine {
  readonly clock: Clock
  readonly dice: Dice
  readonly disk: Disk
  readonly log: Log
}

/** What is there once the subscription is open. */
interface Parts {
  readonly pair: KeyPair
  readonly memory: Memory
  readonly authority: Authority
  readonly pool: Pool
  readonly store: Store
  readonly wire: Wire
}

/**
 * A node that installs nothing: it takes in statements and evidence, decides as every node does,
 * and tells what it finds. It reports nothing, so it counts in no arm of a measurement.
 */
export class Follower extends Life {
  readonly #machine: Machine
  readonly #options: SubscribeOptions
  readonly #platform: string
  readonly #events: Events
  readonly #settled = new Settled()
  readonly #teller: Teller
  readonly #outlook: Outlook
  #parts: Parts | null = null
  #staged: Bytes | null = null
  #halted: readonly Bytes[] = []
  #timer: (() => void) | null = null
  #timerAtMs = 0

  constructor(machine: Machine, options: SubscribeOptions, given: Given) {
    super()
    this.#machine = machine
    this.#options = options
    this.#platform = given.platform
    this.#events = given.events
    this.#teller = new Teller(given.events, given.platform)
    this.#outlook = new Outlook(given.events, given.platform)
  }

  protected override async start(): Promise<void> {
    const { clock, dice, disk, log } = this.#machine
    const { folder, network, running } = this.#options
    for (const name of ['', '/trusted', '/pending']) await disk.makeFolder(folder + name, 0o700)
    const pair = await openIdentity(disk, dice, folder)
    const memory = this.own(await Memory.open(disk, log, folder))
    if (running !== undefined && memory.value.running === null) memory.set({ running })
    const nowMs = (): number => clock.wallMs()
    const authority = await Authority.open(disk, log, { folder, join: parseJoin(network), nowMs })
    const pool = new Pool(authority.believed)
    // First of all: a brake heard before a restart runs on from when it was heard (S104).
    pool.restore(memory.value.kept, nowMs())
    const hadDigest = (digest: Bytes): boolean => authority.hadDigest(digest)
    pool.setContext({ believed: authority.believed, hadDigest })
    const store = this.own(this.#makeStore())
    await store.ready()
    const wire = this.own(this.#makeWire(authority, pool))
    this.#parts = { pair, memory, authority, pool, store, wire }
    this.own({ close: () => this.#timer?.() })
    await this.#connect(this.#parts)
    this.#lookIn(0)
  }

  #makeStore(): Store {
    const { clock, dice, disk, log } = this.#machine
    const { folder, store } = this.#options
    const own = store === undefined ? {} : { corestore: store }
    const options = { disk, folder: `${folder}/store`, cache: true, ...own }
    return new Store(clock, dice, log, options)
  }

  #makeWire(authority: Authority, pool: Pool): Wire {
    const { clock, dice, log } = this.#machine
    const { network, bootstrap, peers, host, port, swarm } = this.#options
    return new Wire(clock, dice, log, {
      authority,
      pool,
      options: {
        network: parseJoin(network).network,
        keyPair: null,
        port: port ?? null,
        host: host ?? null,
        peers: peers ?? [],
        bootstrap: entriesOf(bootstrap),
        rendezvous: false,
        membership: null,
        nodePair: null,
        ...(swarm === undefined ? {} : { swarm })
      }
    })
  }

  /** Statements come in from feeds and peers; each change is looked at. */
  async #connect({ authority, pool, store, wire }: Parts): Promise<void> {
    const stops = [
      wire.onStream((stream) => store.replicate(stream)),
      wire.onChange(() => this.#lookIn(gatherMs)),
      store.onBlock(async (feed, _index, bytes) => {
        if (bytes[0] === evidenceByte) return isOfUse(wire.publish(bytes))
        const verdict = await authority.intake(bytes, `feed ${toName(feed)}`)
        return verdict.tag !== 'refused'
      }),
      authority.onChange((believed) => {
        pool.setContext({ believed })
        this.#openFeeds().catch(inBackground)
        this.#lookIn(gatherMs)
      })
    ]
    this.own({ close: () => stops.forEach((stop) => stop()) })
    await this.#openFeeds()
    await wire.ready()
  }

  async #openFeeds(): Promise<void> {
    const { authority, store } = this.#open()
    const { trust } = authority.believed
    if (trust !== null) await store.openFeeds(trust.body.feeds)
  }

  releases(): readonly ReleaseInfo[] {
    if (this.#parts === null) return []
    return this.#admitted().map((known) => describe(known, this.#platform))
  }

  freshness(): Freshness {
    if (this.#parts === null) return { state: 'none', ageMs: null, withheld: false }
    return freshnessOf(this.#parts.pool, this.#nowMs())
  }

  /** Says what the app runs now. Throws `USAGE` for what is no release id. */
  running(release: string | null): void {
    if (release !== null) fromName(release)
    const { memory } = this.#open()
    const { running, previous } = memory.value
    if (release === running) return
    memory.set({ running: release, previous: running ?? previous })
    this.#teller.turnAgain(null)
    this.#lookIn(0)
  }

  async fetch(name: string, folder: string, options: FetchOptions): Promise<void> {
    const known = this.#wanted(name)
    const artifact = treeFor(known, this.#platform)
    const { store } = this.#open()
    const { signal, reuse } = options
    try {
      await store.fetchTree(artifact, {
        into: folder,
        reuse: reuse ?? [],
        ...(signal === undefined ? {} : { signal })
      })
    } catch (error) {
      this.#teller.turnAgain(known.id)
      this.#lookIn(againMs)
      throw error
    }
    this.#events.emit({ tag: 'fetched', release: describe(known, this.#platform), folder })
    // From its own files it becomes one more seeder; the app need not wait for that.
    store.rebuild(artifact, folder).catch((error: unknown) => this.#notSeeding(name, error))
  }

  #notSeeding(release: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    if (!this.closing) this.#machine.log('subscribe.not-seeding', { release, text })
    if (!isOtaError(error)) inBackground(error)
  }

  /** The release, if it may be had now: permission is judged again each time (S19). */
  #wanted(name: string): KnownRelease {
    const { authority } = this.#open()
    const id = fromName(name)
    const known = this.#admitted().find((one) => equal(one.id, id))
    if (known === undefined) {
      throw new OtaError('THRESHOLD_NOT_MET', `release ${name} is not admitted here`, {
        hint: 'wait for its release event'
      })
    }
    const { have, need } = permission(authority.believed, known)
    if (have < need) {
      const facts = { have, need }
      const text = `release ${name} has ${have} of ${need} signatures of current keys`
      throw new OtaError('THRESHOLD_NOT_MET', text, { facts })
    }
    const isHalted = this.#halted.some((halted) => equal(halted, id))
    if (isHalted || refusals(authority.believed, id).aborted.length > 0) {
      throw new OtaError('HALTED', `release ${name} was halted, nobody may start it`)
    }
    return known
  }

  #admitted(): readonly KnownRelease[] {
    const { authority } = this.#open()
    return admittedReleases(authority.believed, this.#channel)
  }

  get #channel(): string {
    return this.#options.channel ?? 'stable'
  }

  #open(): Parts {
    if (this.#parts === null || this.closing) {
      throw new OtaError('USAGE', 'the subscription is not open', {
        hint: 'wait for ready(), and do nothing after close()'
      })
    }
    return this.#parts
  }

  /** Looks again after `delayMs`, or sooner if that was said before. */
  #lookIn(delayMs: number): void {
    if (this.#parts === null || this.closing) return
    const { clock } = this.#machine
    const atMs = clock.steadyMs() + delayMs
    if (this.#timer !== null && this.#timerAtMs <= atMs) return
    this.#timer?.()
    this.#timerAtMs = atMs
    this.#timer = clock.after(delayMs, () => {
      this.#timer = null
      this.#look()
    })
  }

  #look(): void {
    if (this.closing) return
    const nowMs = this.#nowMs()
    const decision = this.#decide(nowMs)
    const { memory, pool, wire } = this.#open()
    memory.set({ rollout: decision.memory, kept: pool.kept() })
    this.#halted = decision.halted
    this.#outlook.look(pool, this.#admitted(), nowMs)
    const { state, withheld } = freshnessOf(pool, nowMs)
    // A search that is on stays on, one that is off stays off.
    wire.search(state === 'stale' || state === 'frozen' || withheld)
    this.#teller.tell(decision, this.#admitted(), nowMs)
    const { act } = decision
    if (act.tag === 'fetch') {
      // Bytes are the app's to bring, and it brings them when it is told its turn.
      this.#staged = act.release
      return this.#lookIn(0)
    }
    const untilMs = act.tag === 'undo' ? act.atMs : (decision.untilMs ?? nowMs + lookMs)
    this.#lookIn(Math.min(lookMs, Math.max(gatherMs, untilMs - nowMs)))
  }

  /** Read once per step, and not below the newest quorum-signed date (S47). */
  #nowMs(): number {
    const { authority } = this.#open()
    return Math.max(this.#machine.clock.wallMs(), signedDateMs(authority.believed))
  }

  #decide(nowMs: number): Decision {
    const { pair, memory, authority, pool, wire } = this.#open()
    const { clock } = this.#machine
    const { running, previous, rollout } = memory.value
    const { believed } = authority
    const peers = wire.peers()
    const versions = peers.map(({ trustVersion }) => trustVersion)
    const steadyMs = clock.steadyMs()
    return decide({
      nowMs,
      believed,
      pool,
      self: {
        nodeKey: pair.key,
        member: false,
        platform: this.#platform,
        channel: this.#channel,
        tier: 0,
        level: 'auto',
        hold: false,
        pinned: null,
        skipped: [],
        applied: []
      },
      node: {
        running: running === null ? null : fromName(running),
        previous: previous === null ? null : fromName(previous),
        quarantine: [],
        staged: this.#staged,
        busy: null,
        treatment: null
      },
      network: {
        peers: peers.length,
        settledSince: (sinceMs) => wire.settled(steadyMs - (nowMs - sinceMs)),
        coverage: (release, resume) => wire.coverage(release, resume),
        clockSkewMs: wire.clockSkewMs(),
        trustSettled: this.#settled.look({ believed, versions, steadyMs })
      },
      memory: rollout
    })
  }
}

function isOfUse({ answer }: Offer): boolean {
  return answer === 'accepted' || answer === 'duplicate'
}

/** An empty list: no DHT at all, only the peers that were named. */
function entriesOf(bootstrap: readonly string[] | undefined): WireOptions['bootstrap'] {
  if (bootstrap === undefined) return 'public'
  return bootstrap.length === 0 ? 'none' : bootstrap.map(parseHostPort)
}

/** What the factory gives beside the options. */
export interface Given {
  readonly platform: string
  readonly events: Events
}
