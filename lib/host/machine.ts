import { join } from 'node:path'
import { isOtaError, unreachable, type Clock, type Disk, type Log } from '../base/index.ts'
import { inBackground, Life } from '../base/life.ts'
import { compactLines, pointerIn, recover, type Command } from '../cutover/index.ts'
import type { Event, Slot, State, Step } from '../cutover/index.ts'
import { decodePointer, type JournalDraft, type Pointer } from '../records/index.ts'
import { LauncherClient } from './app/client.ts'
import { Beside, type BesideCommand } from './beside.ts'
import { CrashPoint } from './files/crash.ts'
import { Home } from './files/home.ts'
import { JournalFile, type Notes } from './files/journal-file.ts'
import type { LauncherEvent, LauncherView, SlotView } from './launcher/config.ts'
import { takeLock } from './files/lock.ts'
import { FilePerformer, type ReleaseFacts } from './performer.ts'
import { Processes, slotOf } from './app/processes.ts'
import type { Facts, LocalApp } from './app/runspec.ts'
import type { AppUser } from './rights/user.ts'
import { shadowMeans } from './shadow/means.ts'
import { Rehearsal, type RehearsalOptions } from './shadow/rehearsal.ts'
import type { Freezer } from './snapshot/take.ts'
import { StateWork } from './state/work.ts'

export interface MachineOptions {
  /** Absolute path. */
  readonly home: string
  /** Asked at each `prepare`, so that a change of the config is in force from then on. */
  readonly local: () => LocalApp
  readonly facts: Facts
  /** The artifact of a release for this platform, null if there is none or it is unknown. */
  readonly release: (name: string) => ReleaseFacts | null
  /** Edges after whose journal line this process is to die; for tests. */
  readonly crashAfter?: string | undefined
  /** Whom the app runs as; left out: as ourselves. */
  readonly user?: AppUser | null
  /** What a rehearsal finds here; left out: what this machine has. */
  readonly means?: Pick<RehearsalOptions, 'jail' | 'watches'>
  /** The launcher went: a daemon has nothing to do then. */
  readonly onLost: () => void
}

/**
 * The machine in the hands of the daemon: its lock, journal and pointer, its version folders, and
 * through the launcher its processes. Opened, it has recovered; then it is told commands and tells
 * events, one at a time, in the order in which they happened.
 */
export class Machine extends Life {
  readonly home: Home
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Log
  readonly #options: MachineOptions
  readonly #files: FilePerformer
  readonly #crash: CrashPoint
  #journal: JournalFile | null = null
  #client: LauncherClient | null = null
  #processes: Processes | null = null
  #beside: Beside | null = null
  /** As of the last step. */
  #state: State | null = null
  #recovered: Step | null = null
  #listener: ((event: Event) => void) | null = null
  #early: Event[] = []
  #earlyNews: LauncherEvent[] = []
  #turn: Promise<void> = Promise.resolve()

  constructor(clock: Clock, disk: Disk, log: Log, options: MachineOptions) {
    super()
    this.#clock = clock
    this.#disk = disk
    this.#log = log
    this.#options = options
    this.home = new Home(disk, options.home, options.user ?? null)
    this.#files = new FilePerformer(disk, this.home, options)
    this.#crash = new CrashPoint(this.home.run, options.crashAfter)
  }

  /**
   * What recovery found: journal its lines, perform its commands, go on from its state. Valid once
   * open.
   */
  get recovered(): Step {
    if (this.#recovered === null) throw new Error('the machine is not open')
    return this.#recovered
  }

  /** What other rooms asked to be kept with `note`, as of opening and since. */
  get notes(): ReadonlyMap<string, string> {
    return this.#open().notes
  }

  /** Hears every event from now on, those before included. One listener. */
  onEvent(listener: (event: Event) => void): void {
    this.#listener = listener
    const early = this.#early
    this.#early = []
    for (const event of early) listener(event)
  }

  /**
   * Makes the lines of a step durable, and what others remember of it in the same write; only then
   * may its commands be performed. `NO_SPACE` and `NO_PERMISSION` reject: the step must not be
   * taken.
   */
  async append(lines: readonly JournalDraft[], state: State, notes: Notes = []): Promise<void> {
    const journal = this.#open()
    await journal.append(lines, notes)
    this.#state = state
    this.#crash.passed(lines)
    if (journal.isLong && state.op === null) await journal.compact(compactLines(state))
  }

  /** Keeps a text of another room in the journal, durable when it resolves. */
  async note(key: string, text: string): Promise<void> {
    await this.#open().note(key, text)
  }

  /**
   * Performs a command of the machine's own; its answer comes as an event. False for those that
   * others perform: `fetch`, `confirm`, `report`, `alarm`. Commands are performed in order, one
   * after the other.
   */
  perform(command: Command): boolean {
    const work = this.#workOf(command)
    if (work === null) return false
    this.#enqueue(work)
    return true
  }

  /** Resolves when the commands given so far are performed. */
  async idle(): Promise<void> {
    await this.#turn
  }

  /** Slots, ports, pids, traffic and lost requests, as the launcher knows them. */
  async view(): Promise<LauncherView> {
    if (this.#client === null) throw new Error('the machine is not open')
    const answer = await this.#client.request('list')
    // The launcher is our own program and of our own version range.
    return answer as unknown as LauncherView
  }

  protected async start(): Promise<void> {
    await this.home.prepare()
    this.own(await takeLock(join(this.home.path, 'lock')))
    const nowMs = (): number => this.#clock.wallMs()
    const journal = await JournalFile.open(this.#disk, this.home.path, nowMs)
    this.#journal = journal
    const { client, view } = await LauncherClient.open(
      this.home.run,
      (event) => this.#take(event),
      this.#options.onLost
    )
    this.#client = this.own(client)
    const processes = new Processes(this.#clock, this.#disk, this.#log, {
      home: this.home,
      client,
      emit: (event) => this.#emit(event),
      verify: async (release) => await this.#files.verifyInstalled(release)
    })
    this.#processes = this.own(processes)
    this.#beside = this.own(this.#makeBeside())
    await processes.adopt(view)
    const pointer = await this.#readPointer(journal)
    this.#recovered = recover(
      {
        lines: journal.lines,
        fault: pointer.fault ?? journal.fault,
        pointer: pointer.found,
        slots: { a: foundSlot(view.slots.a), b: foundSlot(view.slots.b) },
        routed: view.routed,
        alive: view.daemonStarts > 1
      },
      nowMs()
    )
    await this.home.sweep(this.#recovered.state.op?.op ?? null)
    // Whatever was rehearsed died with the daemon that began it.
    await this.#disk.remove(join(this.home.path, 'snapshots'))
    for (const event of this.#earlyNews.splice(0)) this.#take(event)
  }

  async #readPointer(
    journal: JournalFile
  ): Promise<{ found: Pointer | null | 'damaged'; fault: State['fault'] }> {
    const bytes = await this.#disk.read(join(this.home.path, 'current'))
    if (bytes === null) return { found: null, fault: null }
    try {
      return { found: decodePointer(bytes), fault: null }
    } catch (error) {
      this.#log('pointer-damaged', { path: join(this.home.path, 'current') })
      if (isOtaError(error, 'JOURNAL_DAMAGED')) return { found: 'damaged', fault: null }
      if (!isOtaError(error, 'JOURNAL_NEWER')) throw error
      return { found: pointerIn(journal.lines), fault: 'JOURNAL_NEWER' }
    }
  }

  #enqueue(work: () => Promise<void>): void {
    const before = this.#turn
    const run = async (): Promise<void> => {
      await before
      await work()
    }
    this.#turn = run().catch((error: unknown) => {
      if (this.closing !== null) return
      // Neither a disk nor a release is at fault, so we are, and the next start recovers.
      throw error
    })
  }

  #workOf(command: Command): (() => Promise<void>) | null {
    switch (command.tag) {
      case 'preflight':
      case 'verify':
      case 'place':
      case 'prepare':
      case 'flip':
      case 'gc':
        return async () => {
          const event = await this.#files.perform(command)
          if (event !== null) this.#emit(event)
        }
      case 'start':
      case 'keep':
      case 'route':
      case 'arm':
      case 'disarm':
      case 'end':
      case 'release':
      case 'takeover':
      case 'resume':
        return async () => await this.#processes?.perform(command)
      case 'snapshot':
      case 'rehearse':
      case 'shadow':
      case 'end-shadow':
      case 'migrate':
      case 'down':
      case 'discard':
        return async () => await Promise.resolve(this.#goBeside(command))
      case 'fetch':
      case 'confirm':
      case 'report':
      case 'alarm':
        return null
      default:
        return unreachable(command)
    }
  }

  /** Begun in its turn; nothing behind it waits for its end. */
  #goBeside(command: BesideCommand): void {
    this.#beside?.perform(command).catch((error: unknown) => {
      if (this.closing === null) inBackground(error)
    })
  }

  #makeBeside(): Beside {
    const [clock, disk, log] = [this.#clock, this.#disk, this.#log]
    const { means = shadowMeans(), local } = this.#options
    const { home } = this
    const verify = async (release: string) => await this.#files.verifyInstalled(release)
    const emit = (event: Event): void => this.#emit(event)
    const state = new StateWork(clock, disk, log, { home, local, jail: means.jail, verify })
    const rehearsal = new Rehearsal(clock, disk, log, {
      ...means,
      home,
      state,
      verify,
      app: () => this.#freezer(),
      onEvent: emit
    })
    const discard = async (op: number): Promise<void> => {
      await this.#files.perform({ tag: 'discard', op })
    }
    return new Beside({ rehearsal, state, discard, emit })
  }

  /** Whoever writes the state now, so that it can be asked to stand still; null: nobody. */
  #freezer(): Freezer | null {
    const { live, slots } = this.#state ?? this.recovered.state
    const control = this.#processes?.control
    const status = slots[live]?.status
    if (control === undefined || status === undefined || status === 'down') return null
    return {
      freeze: async () => await control.freeze(live),
      thaw: async () => await control.thaw(live)
    }
  }

  #take(event: LauncherEvent): void {
    if (this.#recovered === null || this.#processes === null) {
      this.#earlyNews.push(event)
      return
    }
    this.#processes.take(event)
    if (isLoaded(event)) this.#emit({ tag: 'loaded', slot: event.slot })
  }

  #emit(event: Event): void {
    if (this.#listener === null) this.#early.push(event)
    else this.#listener(event)
  }

  #open(): JournalFile {
    if (this.#journal === null) throw new Error('the machine is not open')
    return this.#journal
  }
}

/** A process that waits says so when it lacks nothing but the lock. */
function isLoaded(event: LauncherEvent): boolean {
  if (event.what !== 'said' || event.said.tag !== 'state') return false
  return event.said.state === 'idle' || event.said.state === 'synced'
}

/** One that let go and was not put in charge again is so also for a daemon that comes anew. */
function foundSlot(view: SlotView | null): Slot | null {
  const slot = slotOf(view)
  if (slot === null || slot.status !== 'starting') return slot
  return view?.word?.state === 'released' ? { ...slot, status: 'released' } : slot
}
