import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isOtaError, OtaError, type Bytes, type Code, type Disk } from '../base/index.ts'
import { verifyTree } from '../artifact/index.ts'
import type { Command, Event, Reason } from '../cutover/index.ts'
import { encodePointer, type Pair, type Pointer, type StateBefore } from '../records/index.ts'
import type { Home } from './files/home.ts'
import { environment, filler, makeRunSpec, readOtaJson } from './app/runspec.ts'
import { readRunSpec, writeRunSpec } from './app/runspec.ts'
import type { Deadlines, Facts, LocalApp, RunSpec } from './app/runspec.ts'
import { runLocalHook } from './state/local-hook.ts'
import { planOf } from './state/plan.ts'

/** What the signed release says about its artifact for this platform. */
export interface ReleaseFacts {
  readonly platform: string
  readonly treeDigest: Bytes
  readonly entries: number
  readonly bytes: number
  /** What the plan of the release bounds, where it is known. */
  readonly deadlines?: Deadlines
}

export type FileCommand = Extract<
  Command,
  { tag: 'preflight' | 'verify' | 'place' | 'prepare' | 'flip' | 'gc' | 'discard' }
>

export interface FileOptions {
  readonly local: () => LocalApp
  readonly facts: Facts
  readonly release: (name: string) => ReleaseFacts | null
}

/** Commands that end in files, each with the event that answers it, if any does. */
export class FilePerformer {
  readonly #disk: Disk
  readonly #home: Home
  readonly #options: FileOptions

  constructor(disk: Disk, home: Home, options: FileOptions) {
    this.#disk = disk
    this.#home = home
    this.#options = options
  }

  async perform(command: FileCommand): Promise<Event | null> {
    try {
      return await this.#perform(command)
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === null) throw error
      if (command.tag === 'flip') {
        return { tag: 'flip-failed', seq: command.pointer.seq, reason }
      }
      if (command.tag === 'gc' || command.tag === 'discard') return null
      const { op } = command
      if (command.tag === 'verify' && isOtaError(error, 'HASH_MISMATCH')) {
        await this.#home.discard(op)
        return { tag: 'hash-differs', op }
      }
      return { tag: 'failed', op, reason }
    }
  }

  /** Hashes an installed tree again; a reason if it is not what was signed. */
  async verifyInstalled(release: string): Promise<Reason | null> {
    const expected = this.#options.release(release)
    if (expected === null) return null
    try {
      await verifyTree(this.#disk, this.#home.tree(release), expected)
      return null
    } catch (error) {
      const reason = reasonOf(error)
      if (reason === null) throw error
      return reason
    }
  }

  async #perform(command: FileCommand): Promise<Event | null> {
    switch (command.tag) {
      case 'preflight':
        await this.#preflight(command.release)
        return { tag: 'preflighted', op: command.op }
      case 'verify': {
        const { op, release } = command
        const work = this.#home.work(op)
        const isWork = (await this.#disk.stat(work)) !== null
        const tree = isWork ? work : this.#home.tree(release)
        await verifyTree(this.#disk, tree, this.#expected(release))
        return { tag: 'verified', op }
      }
      case 'place':
        await this.#home.place(command.op, command.release)
        return { tag: 'placed', op: command.op }
      case 'prepare':
        return await this.#prepare(command)
      case 'flip':
        return await this.#flip(command.pointer)
      case 'gc':
        await this.#home.gc(command.keep)
        return null
      case 'discard':
        await this.#home.discard(command.op)
        return null
      default:
        return null
    }
  }

  /** Before anything is fetched: also for a copy of the state, should the release need one. */
  async #preflight(release: string): Promise<void> {
    const { bytes, entries } = this.#expected(release)
    const pointer = await this.#home.pointer()
    const state = pointer === null ? null : await this.#copied(pointer)
    await this.#home.preflight({ bytes, entries, ...(state === null ? {} : { state }) })
  }

  /** What a copy of the state in use would take; null where it is never copied. */
  async #copied({ release, gen }: Pair): Promise<Awaited<ReturnType<Home['stateSize']>> | null> {
    const path = this.#home.runSpec(release)
    if ((await this.#disk.stat(path)) === null) return await this.#home.stateSize(gen)
    const { stateClass } = await readRunSpec(this.#disk, path)
    const isOurs = stateClass === 'snapshot' || stateClass === 'append-only'
    return isOurs ? await this.#home.stateSize(gen) : null
  }

  async #prepare({ op, release, from }: Extract<Command, { tag: 'prepare' }>): Promise<Event> {
    const ota = await readOtaJson(this.#disk, this.#home.tree(release))
    const { deadlines = null } = this.#expected(release)
    const local = this.#options.local()
    const spec = makeRunSpec({ release, ota, deadlines }, local, this.#options.facts)
    const before = from === null ? null : await this.#stateOf(from)
    const gen = from?.gen ?? ''
    const plan = planOf({ spec, rules: ota.state, before, gen })
    if (spec.overridden) await this.#checkCommand(spec)
    if (plan.transition && from !== null) {
      await this.#home.preflight({ bytes: 0, state: await this.#home.stateSize(from.gen) })
    }
    await writeRunSpec(this.#disk, this.#home.runSpec(release), spec)
    if (from !== null) return { tag: 'prepared', op, plan }
    const { schema, class: kind } = ota.state
    const fresh = await this.#home.gens.fresh({ schema, class: kind, from: null, op })
    return { tag: 'prepared', op, plan: { ...plan, gen: fresh } }
  }

  /** What the running version declares of its state; its generation bears its schema. */
  async #stateOf(from: Pair): Promise<StateBefore> {
    const isThere = (await this.#disk.stat(this.#home.tree(from.release))) !== null
    if (!isThere) return { schema: Number(from.gen.split('-')[0]), rules: null }
    const { state } = await readOtaJson(this.#disk, this.#home.tree(from.release))
    return { schema: state.schema, rules: state }
  }

  /** The operator's own command whose program is not in the new tree: the old version stays. */
  async #checkCommand({ release, argv }: RunSpec): Promise<void> {
    const places = this.#home.places(release, '0-0')
    const program = filler(places)(argv[0] ?? '')
    const path = environment(places, release)['PATH'] ?? ''
    const paths = program.includes('/')
      ? [resolve(places.tree, program)]
      : path.split(':').map((folder) => join(folder, program))
    for (const one of paths) {
      if (await canRun(one)) return
    }
    throw new OtaError('CONFIG_INVALID', `[app] command: there is no program "${program}"`, {
      hint: `release ${release} may have moved it: look into ${places.tree}`
    })
  }

  /** Replaces `current`; what the app finds at `state/live` follows. */
  async #flip(pointer: Pointer): Promise<Event> {
    const { seq } = pointer
    const current = await this.#home.pointer()
    const isSame = current?.seq === seq
    const isBack = current?.prev?.release === pointer.release && current.release !== pointer.release
    if (!isSame && !isBack && pointer.phase === 'trial' && current !== null) {
      const isAsked = (await this.#home.gens.metaOf(pointer.gen))?.op === pointer.op
      if (!isAsked && !(await this.#ask('before', pointer))) {
        return { tag: 'flip-failed', seq, reason: 'hook' }
      }
    }
    await this.#withReserve(async () => {
      // what was written since the hand-over stays for the operator to look at
      if (isBack && current.gen !== pointer.gen) await this.#home.gens.reject(current.gen)
      await this.#disk.writeDurable(`${this.#home.path}/current`, encodePointer(pointer))
    })
    await this.#showLive(pointer.gen)
    const isKept = pointer.phase === 'committed' && pointer.prev !== null && !isBack
    if (isKept && current?.phase === 'trial') await this.#ask('after', pointer)
    return { tag: 'flipped', seq }
  }

  /** A way back must not fail for want of a few bytes (S75). */
  async #withReserve(deed: () => Promise<void>): Promise<void> {
    try {
      await deed()
    } catch (error) {
      if (!isOtaError(error, 'NO_SPACE')) throw error
      await this.#home.spendReserve()
      await deed()
    }
  }

  /** For programs that insist on one path; the next flip mends it. */
  async #showLive(gen: string): Promise<void> {
    try {
      await this.#home.gens.showLive(gen)
    } catch (error) {
      if (reasonOf(error) === null) throw error
    }
  }

  /** The operator's own program; false: it did not do its work. */
  async #ask(when: 'before' | 'after', pointer: Pointer): Promise<boolean> {
    const { op, release, gen, prev } = pointer
    const env = {
      OTA_OP: String(op),
      OTA_RELEASE: release,
      OTA_FROM_RELEASE: prev?.release ?? '',
      OTA_STATE_DIR: this.#home.gens.path(prev?.gen ?? gen)
    }
    return (await runLocalHook(this.#options.local().hooks, when, env)) === null
  }

  #expected(release: string): ReleaseFacts {
    const expected = this.#options.release(release)
    if (expected !== null) return expected
    throw new OtaError('NOT_ELIGIBLE', `release ${release} has no artifact for this platform`)
  }
}

async function canRun(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false
  )
}

/** The reason of a failure, null for one that is no release's and no disk's doing. */
export function reasonOf(error: unknown): Reason | null {
  if (!isOtaError(error)) return null
  return REASONS[error.code] ?? 'unavailable'
}

const REASONS: Readonly<Partial<Record<Code, Reason>>> = {
  NO_SPACE: 'disk',
  NO_PERMISSION: 'denied',
  BAD_TREE: 'tree-rule',
  HASH_MISMATCH: 'tree-rule',
  NOT_CANONICAL: 'tree-rule',
  OVER_LIMIT: 'tree-rule',
  LENGTH_EXCEEDED: 'tree-rule',
  NOT_ELIGIBLE: 'not-eligible',
  UNSUPPORTED: 'not-eligible',
  CONFIG_INVALID: 'command'
}
