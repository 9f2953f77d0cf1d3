import {
  concat,
  equal,
  fromText,
  isOtaError,
  type Bytes,
  type Disk,
  type Log
} from '../base/index.ts'
import type { Kept, Pool } from '../crowd/index.ts'
import { hash } from '../trust/index.ts'

const magic = fromText('upswell/evidence/1\n')
const hashBytes = 32
/** Length of a statement, and when it was heard. */
const headBytes = 2 + 8

export interface KeptFileOptions {
  readonly path: string
  readonly pool: Pick<Pool, 'kept' | 'restore'>
  readonly nowMs: number
}

/**
 * What the evidence must not forget over a restart, in one file: brakes with the moment each was
 * heard, attestations, and the newest beacons, whose numbers never fall (S38, S104). Replaced whole
 * and durably whenever it changes.
 */
export class KeptFile {
  readonly #disk: Disk
  readonly #log: Log
  readonly #path: string
  readonly #pool: KeptFileOptions['pool']
  #written: readonly Kept[]
  #writing: Promise<void> = Promise.resolve()
  #isFailing = false

  private constructor(disk: Disk, log: Log, { path, pool }: KeptFileOptions) {
    this.#disk = disk
    this.#log = log
    this.#path = path
    this.#pool = pool
    this.#written = pool.kept()
  }

  /**
   * Reads the file back into the pool, before anything is offered to it. A file that is not whole
   * is said once, set aside as `….damaged`, and the node goes on without: gossip repairs it.
   */
  static async open(disk: Disk, log: Log, options: KeptFileOptions): Promise<KeptFile> {
    const { path, pool, nowMs } = options
    try {
      const bytes = await disk.read(path)
      const kept = bytes === null ? [] : readKept(bytes)
      if (kept !== null) pool.restore(kept, nowMs)
      else {
        log('evidence-damaged', { path })
        await disk.rename(path, `${path}.damaged`)
      }
    } catch (error) {
      // It may be read at the next start; meanwhile others tell again what they hold.
      if (!isOtaError(error)) throw error
      log('evidence-unread', { path, code: error.code })
    }
    return new KeptFile(disk, log, options)
  }

  /** Writes what has changed; a disk that refuses is said once, and asked again the next time. */
  async write(): Promise<void> {
    const writing = this.#writing.then(async () => await this.#write())
    this.#writing = writing
    await writing
  }

  async #write(): Promise<void> {
    const kept = this.#pool.kept()
    if (kept === this.#written) return
    try {
      await this.#disk.writeDurable(this.#path, writeKept(kept))
      this.#written = kept
      this.#isFailing = false
    } catch (error) {
      if (!isOtaError(error)) throw error
      if (!this.#isFailing) this.#log('evidence-not-kept', { code: error.code, path: this.#path })
      this.#isFailing = true
    }
  }
}

/** Magic, each statement behind its length (u16 LE) and receipt (u64 LE, unix ms), and a hash. */
function writeKept(kept: readonly Kept[]): Bytes {
  const parts = kept.flatMap(({ wire, receivedMs }) => {
    const head = new Uint8Array(headBytes)
    const view = new DataView(head.buffer)
    view.setUint16(0, wire.byteLength, true)
    view.setBigUint64(2, BigInt(Math.max(0, Math.floor(receivedMs))), true)
    return [head, wire]
  })
  const body = concat([magic, ...parts])
  return concat([body, hash([body])])
}

/** Null for bytes that this page did not write, or not whole. */
function readKept(bytes: Bytes): readonly Kept[] | null {
  const end = bytes.byteLength - hashBytes
  if (end < magic.byteLength || !equal(bytes.subarray(0, magic.byteLength), magic)) return null
  if (!equal(hash([bytes.subarray(0, end)]), bytes.subarray(end))) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, end)
  const kept: Kept[] = []
  let at = magic.byteLength
  while (at + headBytes <= end) {
    const from = at + headBytes
    const to = from + view.getUint16(at, true)
    if (to > end) return null
    const receivedMs = Number(view.getBigUint64(at + 2, true))
    kept.push({ wire: bytes.slice(from, to), receivedMs })
    at = to
  }
  return at === end ? kept : null
}
