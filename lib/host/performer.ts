import { isOtaError, OtaError, type Bytes, type Code, type Disk } from '../base/index.ts'
import { verifyTree } from '../artifact/index.ts'
import type { Command, Event, Reason } from '../cutover/index.ts'
import { encodePointer, type Pair } from '../records/index.ts'
import type { Home } from './files/home.ts'
import { makeRunSpec, readOtaJson, readRunSpec, writeRunSpec } from './app/runspec.ts'
import type { Facts, LocalApp } from './app/runspec.ts'

/** What the signed release says about its artifact for this platform. */
export interface ReleaseFacts {
  readonly platform: string
  readonly treeDigest: Bytes
  readonly entries: number
  readonly bytes: number
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
        await this.#home.preflight(this.#expected(command.release).bytes)
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
        await this.#disk.writeDurable(`${this.#home.path}/current`, encodePointer(command.pointer))
        return { tag: 'flipped', seq: command.pointer.seq }
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

  async #prepare({ op, release, from }: Extract<Command, { tag: 'prepare' }>): Promise<Event> {
    const ota = await readOtaJson(this.#disk, this.#home.tree(release))
    const schema = from === null ? null : await this.#schemaOf(from)
    const spec = makeRunSpec({ release, ota, schema }, this.#options.local(), this.#options.facts)
    await writeRunSpec(this.#disk, this.#home.runSpec(release), spec)
    const gen = from?.gen ?? (await this.#home.freshGen(spec.schema))
    const { handover, warmMs, observeMs } = spec
    return { tag: 'prepared', op, plan: { gen, handover, warmMs, observeMs } }
  }

  /** Schema that the running version declares; its generation bears the one it was made for. */
  async #schemaOf(from: Pair): Promise<number> {
    const path = this.#home.runSpec(from.release)
    if ((await this.#disk.stat(path)) === null) return Number(from.gen.split('-')[0])
    return (await readRunSpec(this.#disk, path)).schema
  }

  #expected(release: string): ReleaseFacts {
    const expected = this.#options.release(release)
    if (expected !== null) return expected
    throw new OtaError('NOT_ELIGIBLE', `release ${release} has no artifact for this platform`)
  }
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
