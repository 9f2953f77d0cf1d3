import { Authority } from '../../lib/authority/index.ts'
import { unreachable, type Bytes, type Facts } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import {
  applyLine,
  emptyState,
  recover,
  type Command,
  type Event,
  type Found,
  type SlotName,
  type State,
  type Step,
  plainPlan
} from '../../lib/cutover/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import type { LauncherView } from '../../lib/host/index.ts'
import type { PeerView } from '../../lib/gossip/index.ts'
import { Node, Said, type NodeOptions, type NodeParts } from '../../lib/node/index.ts'
import type { JournalDraft, Pointer, Statement } from '../../lib/records/index.ts'
import { SimClock } from '../../lib/sim/clock.ts'
import { formatJoin, type Verdict } from '../../lib/trust/index.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { nodePair, testNowMs, wire, type TestNetwork } from '../tools/people.ts'

type Machine = NodeParts['machine']
type Store = NodeParts['store']
type Wire = NodeParts['wire']

const noTraffic = { connections: 0, open: 0, lost: 0 }

/**
 * A machine at the port: its journal, its pointer and its processes live as long as this value, the
 * node above it comes and goes. Every deed is written down in `deeds`, in order.
 */
export class FakeMachine implements Machine {
  readonly home: Home
  readonly deeds: string[]
  notes = new Map<string, string>()
  lines: JournalDraft[] = []
  pointer: Pointer | null = null
  slots: Record<SlotName, State['slots']['a']> = { a: null, b: null }
  routed: SlotName | null = null
  recovered: Step
  /** Called with the lines before they are durable; may throw what a disk throws. */
  beforeAppend: (lines: readonly JournalDraft[]) => void | Promise<void> = () => {}
  /** Releases that exit as soon as they are started. */
  readonly broken = new Set<string>()
  /** Releases that ask for what this machine does not have. */
  readonly unfit = new Set<string>()
  #listener: ((event: Event) => void) | null = null
  #early: Event[] = []

  constructor(disk: MemoryDisk, deeds: string[]) {
    this.home = new Home(disk, 'home')
    this.deeds = deeds
    this.recovered = this.recover(true)
  }

  /** What a daemon finds that starts now; `alive`: the processes lived on. */
  recover(alive: boolean): Step {
    if (!alive) {
      this.slots = { a: null, b: null }
      this.routed = null
    }
    this.#listener = null
    this.#early = []
    const { lines, pointer, slots, routed } = this
    const found: Found = { lines, fault: null, pointer, slots, routed, alive }
    this.recovered = recover(found, testNowMs)
    return this.recovered
  }

  /** The state that a replay of the journal gives. */
  get state(): State {
    return this.lines.reduce(applyLine, emptyState)
  }

  /** Something that happened to a process. */
  tell(event: Event): void {
    if (this.#listener === null) this.#early.push(event)
    else this.#listener(event)
  }

  onEvent(listener: (event: Event) => void): void {
    this.#listener = listener
    for (const event of this.#early.splice(0)) listener(event)
  }

  async append(
    lines: readonly JournalDraft[],
    _state: State,
    notes: readonly (readonly [string, string])[] = []
  ): Promise<void> {
    if (lines.length === 0 && notes.length === 0) return
    await this.beforeAppend(lines)
    this.lines.push(...lines)
    for (const [key, text] of notes) this.notes.set(key, text)
    const edges = lines.map((line) => (line.tag === 'edge' ? String(line.edge) : line.tag))
    this.deeds.push(`journal ${[...edges, ...notes.map(([key]) => key)].join(' ')}`)
  }

  async note(key: string, text: string): Promise<void> {
    await this.append([], this.state, [[key, text]])
  }

  perform(command: Command): boolean {
    this.deeds.push(`do ${command.tag}`)
    for (const event of this.#answers(command)) this.tell(event)
    return !['fetch', 'confirm', 'report', 'alarm'].includes(command.tag)
  }

  view(): Promise<LauncherView> {
    const plain = { pid: 1, daemonStarts: 1, routed: this.routed, armed: null, listens: {} }
    const traffic = { a: noTraffic, b: noTraffic }
    return Promise.resolve({ ...plain, slots: { a: null, b: null }, traffic, refused: 0 })
  }

  #answers(command: Command): readonly Event[] {
    switch (command.tag) {
      case 'preflight':
        return [{ tag: 'preflighted', op: command.op }]
      case 'verify':
        return [{ tag: 'verified', op: command.op }]
      case 'place':
        return [{ tag: 'placed', op: command.op }]
      case 'prepare': {
        const { op, release } = command
        if (this.unfit.has(release)) return [{ tag: 'failed', op, reason: 'not-eligible' }]
        const times = { warmMs: 60_000, observeMs: 600_000 }
        const plan = { ...plainPlan, gen: '0-1', handover: 'overlap' as const, ...times }
        return [{ tag: 'prepared', op: command.op, plan }]
      }
      case 'start': {
        const { slot, release } = command
        if (this.broken.has(release)) return [{ tag: 'exited', slot, restarting: false }]
        this.slots[slot] = { release, status: 'healthy', exits: [] }
        return [{ tag: 'healthy', slot }]
      }
      case 'end':
        this.slots[command.slot] = null
        return [{ tag: 'ended', slot: command.slot }]
      case 'route':
        this.routed = command.slot
        return []
      case 'flip':
        this.pointer = command.pointer
        return [{ tag: 'flipped', seq: command.pointer.seq }]
      case 'fetch':
      case 'confirm':
      case 'keep':
      case 'arm':
      case 'disarm':
      case 'report':
      case 'gc':
      case 'discard':
      case 'alarm':
      case 'snapshot':
      case 'rehearse':
      case 'shadow':
      case 'end-shadow':
      case 'migrate':
      case 'down':
      case 'release':
      case 'takeover':
      case 'resume':
        return []
      default:
        return unreachable(command)
    }
  }
}

/** Feeds and cores at the port: every tree comes at the first asking. */
class FakeStore implements Store {
  feeds: readonly Bytes[] = []
  onBlockOf: Parameters<Store['onBlock']>[0] | null = null
  onAlarmOf: Parameters<Store['onAlarm']>[0] | null = null

  /** Trees that were fetched and unpacked. */
  fetched = 0
  /** What happens in the world while a tree is fetched. */
  whileFetching: () => Promise<unknown> = () => Promise.resolve()

  async fetchTree(): Promise<void> {
    this.fetched += 1
    await this.whileFetching()
  }

  async fetchCore(): Promise<void> {}

  blocks(): AsyncIterable<Bytes> {
    throw new Error('no source is fetched here')
  }

  rebuild(): Promise<'whole'> {
    return Promise.resolve('whole')
  }

  async drop(): Promise<void> {}

  openFeeds(keys: readonly Bytes[]): Promise<void> {
    this.feeds = keys
    return Promise.resolve()
  }

  onBlock(fn: Parameters<Store['onBlock']>[0]): () => void {
    this.onBlockOf = fn
    return () => (this.onBlockOf = null)
  }

  onAlarm(fn: Parameters<Store['onAlarm']>[0]): () => void {
    this.onAlarmOf = fn
    return () => (this.onAlarmOf = null)
  }

  replicate(): void {}
}

/** The network at the port: nobody is there unless told. */
export class FakeWire implements Wire {
  readonly deeds: string[]
  readonly published: Bytes[] = []
  views: readonly PeerView[] = []
  skewMs: number | null = null
  searching = false
  changed: Parameters<Wire['onChange']>[0] = () => {}

  readonly #pool: Pool
  readonly #clock: SimClock

  constructor(deeds: string[], pool: Pool, clock: SimClock) {
    this.deeds = deeds
    this.#pool = pool
    this.#clock = clock
  }

  /** What a node says counts for itself first. */
  publish(bytes: Bytes): ReturnType<Wire['publish']> {
    this.published.push(bytes)
    this.deeds.push('publish')
    return this.#pool.offer(bytes, this.#clock.wallMs())
  }

  onStream(): () => void {
    return () => {}
  }

  onChange(fn: Parameters<Wire['onChange']>[0]): () => void {
    this.changed = fn
    return () => (this.changed = () => {})
  }

  peers(): readonly PeerView[] {
    return this.views
  }

  address(): null {
    return null
  }

  walk(): void {}

  settled(): boolean {
    return true
  }

  coverage(): number {
    return 1_000_000
  }

  clockSkewMs(): number | null {
    return this.skewMs
  }

  search(on: boolean): void {
    this.searching = on
    this.deeds.push(on ? 'search' : 'search off')
  }
}

export interface Told {
  readonly event: string
  readonly facts: Facts
}

/** All that microtasks do; disks in memory and fakes need nothing else. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}

export interface BoxOptions {
  readonly before?: Box | null
  readonly level?: NodeOptions['level']
  /** What its operator set beside the level. */
  readonly wants?: Partial<NodeOptions>
}

/** One whole node in a box: real conductor, intake and evidence, fakes at the ports. */
export class Box {
  readonly network: TestNetwork
  readonly disk: MemoryDisk
  readonly deeds: string[]
  readonly machine: FakeMachine
  readonly store = new FakeStore()
  readonly wire: FakeWire
  readonly clock = new SimClock(testNowMs)
  readonly told: Told[] = []
  readonly failures: unknown[] = []
  readonly authority: Authority
  readonly pool: Pool
  readonly node: Node

  private constructor(
    network: TestNetwork,
    kept: { readonly disk: MemoryDisk; readonly machine: FakeMachine },
    parts: { readonly authority: Authority; readonly said: Said; readonly options: NodeOptions }
  ) {
    this.network = network
    this.disk = kept.disk
    this.machine = kept.machine
    this.deeds = kept.machine.deeds
    this.authority = parts.authority
    const pool = (this.pool = new Pool(parts.authority.believed))
    this.wire = new FakeWire(this.deeds, pool, this.clock)
    const { clock, disk, machine, store, authority } = this
    this.node = new Node(
      { clock, disk, log: (event, facts = {}) => this.told.push({ event, facts }) },
      { authority, pool, said: parts.said, machine, store, wire: this.wire },
      parts.options,
      (error) => this.failures.push(error)
    )
  }

  /** A node that runs and takes part; the disk and the machine are those of `before`, if any. */
  static async open(
    network: TestNetwork,
    { before = null, level = 'auto', wants = {} }: BoxOptions = {}
  ): Promise<Box> {
    const disk = before?.disk ?? new MemoryDisk()
    const machine = before?.machine ?? new FakeMachine(disk, [])
    machine.deeds.length = 0
    disk.beforeWrite = (verb, path) => {
      if (path === 'home/said') machine.deeds.push(`${verb} said`)
    }
    const pair = nodePair(1)
    const authority = await Authority.open(disk, () => {}, {
      folder: 'home/statements',
      join: formatJoin(network.id, { version: 1, id: network.id }),
      nowMs: () => testNowMs
    })
    const said = await Said.open(disk, 'home/said', { network: network.id, pair })
    const options: NodeOptions = {
      network: network.id,
      pair,
      membership: null,
      platform: 'linux-x64',
      channel: 'stable',
      tier: 1,
      level,
      daemon: '0.1.0',
      pids: { daemon: 2, launcher: 1 },
      ...wants
    }
    const box = new Box(network, { disk, machine }, { authority, said, options })
    await box.node.ready()
    return box
  }

  /** Statements reach this node, one after the other; the verdict of the last. */
  async take(...statements: readonly Statement[]): Promise<Verdict | null> {
    let verdict: Verdict | null = null
    for (const one of statements) verdict = await this.authority.intake(wire(one), 'test')
    return verdict
  }

  /** Lets time pass, and everything happen that is due. */
  async run(ms: number): Promise<void> {
    const endMs = this.clock.wallMs() + ms
    await settle()
    for (let guard = 0; guard < 2_000 && this.clock.step(endMs); guard++) await settle()
  }

  async close(): Promise<void> {
    await this.node.close()
  }
}
