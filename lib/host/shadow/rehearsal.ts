import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { KIB, type Clock, type Disk, type Log } from '../../base/index.ts'
import type { Command, Event, Reason } from '../../cutover/index.ts'
import { readRunSpec, type RunSpec } from '../app/runspec.ts'
import { onDisk } from '../failure.ts'
import type { Home } from '../files/home.ts'
import type { Jail, JailFound } from '../jail/jail.ts'
import { giveOver } from '../jail/spawn.ts'
import { reasonOf } from '../performer.ts'
import type { Freezer } from '../snapshot/take.ts'
import { layBait } from './bait.ts'
import { judgeShadow, type Judged } from './judge.ts'
import {
  dropShadowReports,
  keepShadowReport,
  readShadowReport,
  type Answer,
  type ShadowReport
} from './report.ts'
import { runShadow, type ShadowEnd } from './run.ts'
import { noMeters } from './order.ts'
import type { StateWork } from '../state/work.ts'
import { stateFor, type Shown } from './state.ts'

/** What is asked before a hand-over; `from` is what runs, null at a first install. */
export type RehearsalCommand = Extract<
  Command,
  { tag: 'snapshot' | 'rehearse' | 'shadow' | 'end-shadow' }
>
type Asked<T extends RehearsalCommand['tag']> = Extract<RehearsalCommand, { tag: T }>

export interface RehearsalOptions {
  readonly home: Home
  /** Migrates and checks a copy: the part of whoever knows about state. */
  readonly state: Pick<StateWork, 'rehearse'>
  /** Hashes an installed tree again; a reason if it is not what was signed. */
  readonly verify: (release: string) => Promise<Reason | null>
  /** The running app, for a copy of its state; null: it does not run. */
  readonly app: () => Freezer | null
  /** What is told beside the answers: `shadow-ready`. */
  readonly onEvent: (event: Event) => void
  readonly jail: () => Promise<JailFound>
  /** Whether all destinations can be named here, or only packets counted, or neither. */
  readonly watches: (jail: Jail) => Promise<'full' | 'count' | null>
  /** Of a state that is copied byte by byte. */
  readonly copyMax?: number
}

const memoryFactor = 1.5

interface Shadowing {
  readonly op: number
  readonly ending: AbortController
  readonly ended: Promise<unknown>
}

/**
 * Performs what comes before a hand-over and touches nothing that is live: the copy of the state,
 * the rehearsal on it, and the shadow. All commands may be told again; `end-shadow` undoes them.
 */
export class Rehearsal {
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Log
  readonly #at: RehearsalOptions
  #shown: (Shown & { readonly op: number }) | null = null
  #shadowing: Shadowing | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(clock: Clock, disk: Disk, log: Log, options: RehearsalOptions) {
    this.#clock = clock
    this.#disk = disk
    this.#log = log
    this.#at = options
  }

  /**
   * The answer, null where there is none: `end-shadow`, and a shadow that it cut short. May be
   * called while another command is under way: copies are made one after the other, and a shadow
   * goes on beside whatever else is done until it ends or is ended.
   */
  async perform(command: RehearsalCommand): Promise<Event | null> {
    if (command.tag === 'shadow') {
      await this.#turn
      return await this.#answer(command)
    }
    return await this.#inTurn(async () => await this.#answer(command))
  }

  /** Ends the shadow of an op and drops its copies; null: of whichever is there. */
  async end(op: number | null): Promise<void> {
    await this.#inTurn(async () => await this.#drop(op))
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work)
    // who comes next waits for the end, not for the success
    this.#turn = mine.catch(() => undefined)
    return await mine
  }

  async #answer(command: RehearsalCommand): Promise<Event | null> {
    try {
      switch (command.tag) {
        case 'snapshot':
          return await this.#snapshot(command)
        case 'rehearse':
          return await this.#rehearse(command)
        case 'shadow':
          return await this.#shadow(command)
        case 'end-shadow':
          await this.#drop(command.op)
          return null
        default:
          return null
      }
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === null || command.tag === 'end-shadow') throw error
      this.#log('rehearsal-failed', { op: command.op, what: command.tag, reason })
      return { tag: 'failed', op: command.op, reason }
    }
  }

  async #drop(op: number | null): Promise<void> {
    await this.#stop(op)
    if (op === null || this.#shown?.op === op) this.#shown = null
    const { home } = this.#at
    await this.#disk.remove(op === null ? join(home.path, 'snapshots') : home.snapshots(op))
  }

  async #stop(op: number | null): Promise<void> {
    const shadowing = this.#shadowing
    if (shadowing === null || (op !== null && shadowing.op !== op)) return
    shadowing.ending.abort()
    await shadowing.ended
  }

  async #snapshot({ op, release, from }: Asked<'snapshot'>): Promise<Event> {
    if (this.#shown?.op === op) return { tag: 'snapped', op }
    // whatever another op left is of no use to anybody
    await this.#drop(null)
    const folder = await this.#folder(op)
    const shown = await stateFor(
      { clock: this.#clock, disk: this.#disk, home: this.#at.home, app: this.#at.app() },
      { release, from, folder, maxBytes: this.#at.copyMax, jail: this.#at.jail }
    )
    if (shown.tag === 'unavailable') {
      this.#log('snapshot-unavailable', { op, why: shown.why })
      await this.#drop(op)
      return { tag: 'unavailable', op, what: 'snapshot' }
    }
    const { how, consistency, bytes, ms } = shown.facts
    this.#log('snapshot', { op, how, consistency: consistency ?? 'none', bytes, ms })
    this.#shown = { ...shown, op }
    return { tag: 'snapped', op }
  }

  async #rehearse({ op, release, from }: Asked<'rehearse'>): Promise<Event> {
    const shown = this.#shownFor(op)
    if (shown === null) return { tag: 'unavailable', op, what: 'rehearse' }
    const { copy } = shown
    // nothing is migrated where nothing may be copied
    if (from === null || copy === null) return { tag: 'rehearsed', op }
    const event = await this.#at.state.rehearse(op, release, from, copy)
    const made = this.#at.home.rehearsed(op)
    if ((await this.#disk.stat(made))?.type === 'folder') {
      this.#shown = { ...shown, state: { tag: 'folder', path: made } }
    }
    return event
  }

  async #shadow(command: Asked<'shadow'>): Promise<Event | null> {
    const { op, shadow, phoneHome } = command
    // without a shadow nobody is watched; only who insists on it gets one for that alone
    if (shadow === 'off' && phoneHome !== 'require') {
      const look = phoneHome === 'off' ? 'off' : 'unavailable'
      return { tag: 'shadowed', op, shadow: 'off', phoneHome: look }
    }
    // told again, it begins anew
    await this.#stop(null)
    const ending = new AbortController()
    const done = this.#look(command, ending.signal)
    this.#shadowing = { op, ending, ended: done.catch(() => undefined) }
    try {
      return await done
    } finally {
      this.#shadowing = null
    }
  }

  async #look(command: Asked<'shadow'>, signal: AbortSignal): Promise<Event | null> {
    const { op, release, from } = command
    const broken = await this.#at.verify(release)
    if (broken !== null) return { tag: 'failed', op, reason: broken }
    const spec = await readRunSpec(this.#disk, this.#at.home.runSpec(release))
    const shown = this.#shownFor(op)
    const before = from === null ? null : await this.#report(from.release)
    const isTight = await lacksMemory(before?.meters.rssBytes ?? 0)
    const end = isTight
      ? unable('there is not 1.5 times the memory free that the version before used')
      : await this.#run(command, spec, shown, signal)
    if (signal.aborted) return null
    const judged = judgeShadow(end, {
      shadow: command.shadow,
      phoneHome: command.phoneHome,
      expect: spec.expect,
      before: before?.seen?.destinations ?? []
    })
    await this.#keep(command, { end, judged, shown })
    return answerOf(op, judged)
  }

  async #run(
    { op, release, from, phoneHome }: Asked<'shadow'>,
    spec: RunSpec,
    shown: Shown | null,
    signal: AbortSignal
  ): Promise<ShadowEnd> {
    if (shown === null) return unable('there is no copy of the state')
    const found = await this.#at.jail()
    if (found.tag === 'none') return unable(`there is no jail: ${found.why}`)
    const watch = phoneHome === 'off' ? null : await this.#at.watches(found.jail)
    const { home } = this.#at
    const folder = await this.#folder(op)
    const gen = from?.gen ?? `${spec.schema}-0`
    const places = home.places(release, gen)
    const bait = from === null ? null : { path: join(folder, 'bait'), at: places.state }
    if (bait !== null) {
      await this.#disk.remove(bait.path)
      await layBait(places.state, bait.path)
    }
    const staging = {
      spec,
      gen,
      tree: places.tree,
      config: await this.#config(places.config, folder, found.jail.path),
      state: shown.state,
      bait,
      scratch: join(folder, 'stage'),
      watch
    }
    return await runShadow(found.jail, staging, {
      log: this.#log,
      signal,
      onReady: () => this.#at.onEvent({ tag: 'shadow-ready', op })
    })
  }

  /** In a jail nobody is root, so files of the operator are shown as a copy that can be read. */
  async #config(config: string, folder: string, path: string): Promise<string | null> {
    if ((await this.#disk.stat(config))?.type !== 'folder') return null
    if (process.getuid?.() !== 0) return config
    const copy = join(folder, 'config')
    await onDisk('copy', config, async () => {
      await this.#disk.remove(copy)
      await fs.cp(config, copy, { recursive: true, verbatimSymlinks: true, errorOnExist: true })
    })
    await giveOver(copy, path)
    return copy
  }

  /** Null: this process made none; after a restart the rehearsal begins anew. */
  #shownFor(op: number): (Shown & { readonly op: number }) | null {
    return this.#shown?.op === op ? this.#shown : null
  }

  async #keep(
    { op, release }: Asked<'shadow'>,
    { end, judged, shown }: { end: ShadowEnd; judged: Judged; shown: Shown | null }
  ): Promise<void> {
    const { meters, readyMs, selfCheck, written, seen, output } = end
    const facts = { meters, readyMs, selfCheck, written, seen, output }
    const at = { v: 1, release, op, atMs: this.#clock.wallMs() } as const
    const report: ShadowReport = { ...at, ...judged, ...facts, state: shown?.facts ?? null }
    if (written.length > 0) this.#log('shadow-write', { op, release, paths: written.join(' ') })
    const { shadow, phoneHome, why } = judged
    this.#log('shadowed', { op, release, shadow, phoneHome, why: why.join('; ') })
    const home = this.#at.home.path
    await keepShadowReport(this.#disk, home, report)
    await dropShadowReports(this.#disk, home, await this.#disk.list(join(home, 'versions')))
  }

  async #report(release: string): Promise<ShadowReport | null> {
    return await readShadowReport(this.#disk, this.#at.home.path, release)
  }

  async #folder(op: number): Promise<string> {
    const folder = this.#at.home.snapshots(op)
    await this.#disk.makeFolder(folder, 0o700)
    return folder
  }
}

function answerOf(op: number, { shadow, phoneHome, reason }: Judged): Event {
  if (reason !== null) return { tag: 'failed', op, reason }
  return { tag: 'shadowed', op, shadow: passable(shadow), phoneHome: passable(phoneHome) }
}

/** Two versions at once must not bring the machine to its knees. */
async function lacksMemory(used: number): Promise<boolean> {
  const text = await fs.readFile('/proc/meminfo', 'latin1').catch(() => '')
  const free = /^MemAvailable: +(\d+) kB$/m.exec(text)?.[1]
  return free !== undefined && Number(free) * KIB < used * memoryFactor
}

/** A failure without a reason is none of the release: nobody can say what it would be for. */
function passable(answer: Answer): Exclude<Answer, 'fail'> {
  return answer === 'fail' ? 'unavailable' : answer
}

function unable(why: string): ShadowEnd {
  const facts = { meters: noMeters, seen: null, readyMs: null, selfCheck: 'silent' } as const
  return { answer: 'unavailable', reason: null, why, ...facts, written: [], output: '' }
}
