import {
  fromHex,
  fromText,
  isOtaError,
  OtaError,
  toHex,
  toText,
  type Disk,
  type Log
} from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import type { Kept } from '../crowd/index.ts'
import { emptyMemory, type RolloutMemory } from '../rollout/index.ts'
import { fromName } from '../trust/index.ts'

/** What one subscription remembers over restarts. */
export interface Remembered {
  /** Release the app runs, and the one before, z32. */
  readonly running: string | null
  readonly previous: string | null
  /** What `decide` knows of the rollouts. */
  readonly rollout: RolloutMemory
  /** What the evidence must not forget: brakes with their receipt, beacons, attestations. */
  readonly kept: readonly Kept[]
}

const nothing: Remembered = { running: null, previous: null, rollout: emptyMemory, kept: [] }

/** The file `memory.json`. Losing it costs a stage that is judged anew, never a wrong release. */
export class Memory {
  readonly #disk: Disk
  readonly #path: string
  #value: Remembered
  #text: string
  #last: Promise<void> = Promise.resolve()

  private constructor(disk: Disk, path: string, value: Remembered) {
    this.#disk = disk
    this.#path = path
    this.#value = value
    this.#text = encode(value)
  }

  /** Reads the file; one that cannot be read is begun anew, and the log says so. */
  static async open(disk: Disk, log: Log, folder: string): Promise<Memory> {
    const path = `${folder}/memory.json`
    const bytes = await disk.read(path)
    if (bytes === null) return new Memory(disk, path, nothing)
    try {
      return new Memory(disk, path, decode(toText(bytes)))
    } catch (error) {
      if (!isOtaError(error) && !(error instanceof SyntaxError)) throw error
      log('subscribe.memory-lost', { file: path })
      return new Memory(disk, path, nothing)
    }
  }

  get value(): Remembered {
    return this.#value
  }

  /** Remembers, and writes what has changed; writes are in order and the last one wins. */
  set(change: Partial<Remembered>): void {
    this.#value = { ...this.#value, ...change }
    const text = encode(this.#value)
    if (text === this.#text) return
    this.#text = text
    const write = this.#last.then(() => this.#disk.writeDurable(this.#path, fromText(text)))
    write.catch(inBackground)
    // The next write does not depend on the success of this one.
    this.#last = write.catch(() => undefined)
  }

  /** Settles when everything is on disk. */
  async close(): Promise<void> {
    await this.#last
  }
}

function encode({ running, previous, rollout, kept }: Remembered): string {
  const evidence = kept.map(({ wire, receivedMs }) => [toHex(wire), receivedMs])
  return JSON.stringify({ v: 1, running, previous, rollout, kept: evidence })
}

function decode(text: string): Remembered {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) throw damaged()
  const fields = new Map<string, unknown>(Object.entries(value))
  if (fields.get('v') !== 1) throw damaged()
  return {
    running: nameOrNull(fields.get('running')),
    previous: nameOrNull(fields.get('previous')),
    rollout: asRollout(fields.get('rollout')),
    kept: asKept(fields.get('kept'))
  }
}

function asRollout(value: unknown): RolloutMemory {
  if (isRollout(value)) return value
  throw damaged()
}

/** The file is this program's own, written whole; its version says that the shape is this one. */
function isRollout(value: unknown): value is RolloutMemory {
  return typeof value === 'object' && value !== null && 'v' in value && value.v === emptyMemory.v
}

/** An earlier version had none. Each is judged again when it is restored. */
function asKept(value: unknown): readonly Kept[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw damaged()
  return value.map((pair: unknown) => {
    const [wire, receivedMs] = Array.isArray(pair) ? (pair as readonly unknown[]) : []
    if (typeof wire !== 'string' || typeof receivedMs !== 'number') throw damaged()
    if (!/^(?:[0-9a-f]{2})*$/.test(wire)) throw damaged()
    return { wire: fromHex(wire), receivedMs }
  })
}

function nameOrNull(value: unknown): string | null {
  if (value === null) return null
  if (typeof value !== 'string') throw damaged()
  fromName(value)
  return value
}

function damaged(): OtaError {
  return new OtaError('CONFIG_INVALID', 'not a memory of this version')
}
