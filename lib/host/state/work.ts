import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isOtaError, type Clock, type Disk, type Log } from '../../base/index.ts'
import type { Command, Event, Reason } from '../../cutover/index.ts'
import type { Pair } from '../../records/index.ts'
import { readOtaJson, readRunSpec, type LocalApp } from '../app/runspec.ts'
import { onDisk } from '../failure.ts'
import type { Home } from '../files/home.ts'
import type { Jail, JailFound } from '../jail/jail.ts'
import { reasonOf } from '../performer.ts'
import { runLocalHook } from './local-hook.ts'
import { goWay, type Version, type Way, type WayEnd } from './transition.ts'
import { firstDifference } from './walk.ts'

export type StateCommand = Extract<Command, { tag: 'migrate' | 'down' }>

export interface StateOptions {
  readonly home: Home
  readonly local: () => LocalApp
  /** Asked once for each job: a machine may get one later. */
  readonly jail: () => Promise<JailFound>
  /** Hashes an installed tree again; a reason if it is not what was signed. */
  readonly verify: (release: string) => Promise<Reason | null>
}

/**
 * Makes new generations of the app's state, for good and for trial, by programs of the releases in
 * a jail. It never touches the generation that `current` names.
 */
export class StateWork {
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Log
  readonly #at: StateOptions

  constructor(clock: Clock, disk: Disk, log: Log, at: StateOptions) {
    this.#clock = clock
    this.#disk = disk
    this.#log = log
    this.#at = at
  }

  /** `migrate` and `down`, each on state that nobody writes; told again it begins anew. */
  async perform(command: StateCommand): Promise<Event> {
    const { op } = command
    try {
      const end = await (command.tag === 'migrate' ? this.#migrate(command) : this.#down(command))
      if (end.tag === 'failed') await this.#at.home.discardGens(op)
      return end
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === null) throw error
      this.#log('state-not-moved', { reason, text: isOtaError(error) ? error.message : '' })
      await this.#at.home.discardGens(op)
      return { tag: 'failed', op, reason }
    }
  }

  /**
   * The whole transition on a copy that nobody else writes, twice: what a second run makes must be
   * the same, else the first told nothing about the one that counts (S73). What was made lies in
   * `home.rehearsed(op)`; nothing is made where the schema stays.
   */
  async rehearse(op: number, release: string, from: Pair | null, copy: string): Promise<Event> {
    if (from === null) return { tag: 'rehearsed', op }
    try {
      const end = await this.#rehearse({ op, release, from }, copy)
      if (end.tag === 'retry') return { tag: 'retry-later', op }
      return end.tag === 'failed' ? { tag: 'failed', op, reason: end.reason } : end.event
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === null) throw error
      return { tag: 'failed', op, reason }
    }
  }

  async #rehearse(
    { op, release, from }: Asked,
    copy: string
  ): Promise<Exclude<WayEnd, { tag: 'done' }> | { readonly tag: 'event'; readonly event: Event }> {
    const rehearsed = { tag: 'event', event: { tag: 'rehearsed', op } } as const
    const [before, after] = [await this.#version(from.release), await this.#version(release)]
    const moves = isMoved(before, after)
    if (!moves && after.ota.check === null) return rehearsed
    const jail = await this.#jail()
    if (jail === null) {
      return { tag: 'event', event: { tag: 'unavailable', op, what: 'rehearse' } }
    }
    const broken = await this.#at.verify(release)
    if (broken !== null) return { tag: 'failed', reason: broken, text: 'the tree changed' }
    const startMs = this.#clock.steadyMs()
    const made = this.#at.home.rehearsed(op)
    const way = { down: false, before, after, old: copy, scratch: this.#at.home.stateWork(op) }
    const end = await this.#way(jail, { ...way, made: moves ? await emptied(made) : null })
    if (end.tag !== 'done') return end
    this.#log('rehearsed', { op, ms: Math.round(this.#clock.steadyMs() - startMs) })
    if (!moves) return rehearsed
    const again = `${made}.again`
    try {
      const second = await this.#way(jail, { ...way, made: await emptied(again) })
      if (second.tag !== 'done') return second
      const path = await firstDifference(made, again)
      if (path === null) return rehearsed
      this.#log('state-not-moved', { reason: 'migrate', text: 'a second run differs', path })
      return { tag: 'failed', reason: 'migrate', text: `a second run differs at "${path}"` }
    } finally {
      await onDisk('remove', again, async () => await rm(again, { recursive: true, force: true }))
    }
  }

  async #migrate({ op, release, from }: StateCommand): Promise<Event> {
    const { home, verify } = this.#at
    const failed = (reason: Reason): Event => ({ tag: 'failed', op, reason })
    const [before, after] = [await this.#version(from.release), await this.#version(release)]
    if (!isMoved(before, after)) return { tag: 'sealed', op, gen: from.gen }
    const jail = await this.#jail()
    if (jail === null) return failed('unavailable')
    await home.preflight({ bytes: 0, state: await home.stateSize(from.gen) })
    const broken = await verify(release)
    if (broken !== null) return failed(broken)
    if (!(await this.#isAgreed({ op, release, from }))) return failed('hook')
    return await this.#make(jail, { op, from, way: { down: false, before, after } })
  }

  /** By the program of the later version; else what was left, where its signers accept a loss. */
  async #down(command: StateCommand & { tag: 'down' }): Promise<Event> {
    const { op, from, to } = command
    const [before, after] = [await this.#version(from.release), await this.#version(to.release)]
    const { downTo, lossOk } = before.ota.state
    if (from.gen === to.gen) return { tag: 'sealed', op, gen: to.gen }
    const made = downTo.includes(after.ota.state.schema)
      ? await this.#makeDown(command, { down: true, before, after })
      : ({ tag: 'failed', op, reason: 'migrate' } as const)
    return made.tag === 'failed' && lossOk ? { tag: 'sealed', op, gen: to.gen } : made
  }

  async #makeDown({ op, from }: StateCommand & { tag: 'down' }, way: Ends): Promise<Event> {
    const jail = await this.#jail()
    if (jail === null) return { tag: 'failed', op, reason: 'unavailable' }
    const broken = await this.#at.verify(from.release)
    if (broken !== null) return { tag: 'failed', op, reason: broken }
    return await this.#make(jail, { op, from, way })
  }

  async #make(
    jail: Jail,
    { op, from, way }: { readonly op: number; readonly from: Pair; readonly way: Ends }
  ): Promise<Event> {
    const { home } = this.#at
    const { gens } = home
    await gens.check(from.gen)
    await home.discardGens(op)
    const { schema, class: kind } = way.after.ota.state
    const gen = await gens.make({ schema, class: kind, from: from.gen, op })
    const paths = { old: gens.path(from.gen), made: gens.path(gen), scratch: home.stateWork(op) }
    const end = await this.#way(jail, { ...way, ...paths })
    // on quiet state nobody waits for another try: the old version is served again at once
    if (end.tag === 'retry') return { tag: 'failed', op, reason: 'migrate' }
    if (end.tag === 'failed') return { tag: 'failed', op, reason: end.reason }
    try {
      await gens.seal(gen)
    } catch (error) {
      if (!isOtaError(error, 'BAD_TREE')) throw error
      this.#log('state-not-moved', { reason: 'migrate', text: error.message })
      return { tag: 'failed', op, reason: 'migrate' }
    }
    return { tag: 'sealed', op, gen }
  }

  async #way(jail: Jail, way: Way): Promise<WayEnd> {
    return await goWay({ clock: this.#clock, log: this.#log, jail }, way)
  }

  async #version(release: string): Promise<Version> {
    const { home } = this.#at
    const ota = await readOtaJson(this.#disk, home.tree(release))
    const { limits } = await readRunSpec(this.#disk, home.runSpec(release))
    return { ota, tree: home.tree(release), limits }
  }

  async #jail(): Promise<Jail | null> {
    const found = await this.#at.jail()
    if (found.tag === 'none') this.#log('no-jail', { why: found.why })
    return found.tag === 'none' ? null : found.jail
  }

  /** The operator's own program before a change of version; false: it says no. */
  async #isAgreed({ op, release, from }: Asked): Promise<boolean> {
    const { home, local } = this.#at
    const env = { OTA_OP: String(op), OTA_RELEASE: release, OTA_FROM_RELEASE: from.release }
    const places = home.places(release, from.gen)
    const no = await runLocalHook(local().hooks, 'before', { ...env, OTA_STATE_DIR: places.state })
    if (no !== null) this.#log('hook-failed', { when: 'before', ...no })
    return no === null
  }
}

interface Asked {
  readonly op: number
  readonly release: string
  readonly from: Pair
}

type Ends = Pick<Way, 'down' | 'before' | 'after'>

/** A generation is made where the schema changes, and only of state that we keep. */
function isMoved({ ota: before }: Version, { ota: after }: Version): boolean {
  return after.state.class === 'snapshot' && before.state.schema !== after.state.schema
}

async function emptied(path: string): Promise<string> {
  await onDisk('make folder', path, async () => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await rm(path, { recursive: true, force: true })
    await mkdir(path, { mode: 0o700 })
  })
  return path
}
