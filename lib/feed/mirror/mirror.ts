import {
  concat,
  evidenceBytesMax,
  OtaError,
  statementBytesMax,
  type Bytes
} from '../../base/index.ts'
import {
  coreTableBytes,
  decodeMirrorIndex,
  mirrorIndexBytesMax,
  type CoreRef,
  type MirrorIndex
} from '../../records/index.ts'
import { toName } from '../../trust/index.ts'
import type { Coming, Door } from './door.ts'
import { CoreTree } from './tree.ts'

/** Largest run of blocks asked for at once. */
export const runBytesMax = 4 * 1024 * 1024

/** Files of one mirror, each read no further than it may be long; nothing of them is believed. */
export class Mirror {
  readonly name: string
  readonly #door: Door

  /** `name` is its address, for people. */
  constructor(name: string, door: Door) {
    this.name = name
    this.#door = door
  }

  /** Throws `NOT_CANONICAL`, `OVER_LIMIT`, `LENGTH_EXCEEDED`, and what the door throws. */
  async index(): Promise<MirrorIndex | null> {
    const bytes = await this.#whole('index', mirrorIndexBytesMax)
    return bytes === null ? null : decodeMirrorIndex(bytes)
  }

  async statement(id: Bytes): Promise<Bytes | null> {
    return await this.#whole(`statements/${toName(id)}`, statementBytesMax)
  }

  async evidence(id: Bytes): Promise<Bytes | null> {
    return await this.#whole(`evidence/${toName(id)}`, evidenceBytesMax)
  }

  /** The hashes of a core; throws `HASH_MISMATCH` and `LENGTH_EXCEEDED` for those of another. */
  async tree(core: CoreRef): Promise<CoreTree | null> {
    const size = coreTableBytes(core.blocks)
    const coming = await this.#door.open(coreFile(core), 0, size)
    if (coming === null) return null
    const reader = new Reader(coming)
    try {
      return new CoreTree(core, await reader.take(size))
    } finally {
      await reader.close()
    }
  }

  /**
   * Blocks `first` to `last` of a core, each judged by its hash. Throws `HASH_MISMATCH` at one that
   * is another; those before it are good. A server without ranges sends all that lies before.
   */
  async *blocks(tree: CoreTree, first: number, last: number): AsyncGenerator<[number, Bytes]> {
    const end = tree.place(last)
    const start = tree.place(first).start
    const coming = await this.#door.open(coreFile(tree.core), start, end.start + end.size)
    if (coming === null) return
    const reader = new Reader(coming)
    try {
      await reader.skip(start - coming.from)
      for (let index = first; index <= last; index++) {
        const block = await reader.take(tree.place(index).size)
        if (!tree.holds(index, block)) {
          throw new OtaError('HASH_MISMATCH', `it gave a block that is not of the signed core`)
        }
        yield [index, block]
      }
    } finally {
      await reader.close()
    }
  }

  async #whole(name: string, max: number): Promise<Bytes | null> {
    const coming = await this.#door.open(name, 0, max + 1)
    if (coming === null) return null
    const parts: Bytes[] = []
    let size = 0
    for await (const piece of coming.pieces) {
      size += piece.byteLength
      if (size > max) {
        const text = `"${name}" has more than ${max} bytes`
        throw new OtaError('LENGTH_EXCEEDED', text)
      }
      parts.push(piece)
    }
    return concat(parts)
  }
}

function coreFile({ key }: CoreRef): string {
  return `cores/${toName(key)}`
}

/** Pieces of whatever size as the parts that are needed; what comes behind them is not read. */
class Reader {
  readonly #pieces: AsyncIterator<Bytes>
  #rest: Bytes = new Uint8Array()

  constructor({ pieces }: Coming) {
    this.#pieces = pieces[Symbol.asyncIterator]()
  }

  /** Exactly so many bytes, as an own copy. Throws `INCOMPLETE` where they end before. */
  async take(count: number): Promise<Bytes> {
    const bytes = new Uint8Array(count)
    let got = 0
    while (got < count) {
      if (this.#rest.byteLength === 0) await this.#next()
      const part = this.#rest.subarray(0, count - got)
      bytes.set(part, got)
      got += part.byteLength
      this.#rest = this.#rest.subarray(part.byteLength)
    }
    return bytes
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0;) {
      if (this.#rest.byteLength === 0) await this.#next()
      const part = Math.min(left, this.#rest.byteLength)
      this.#rest = this.#rest.subarray(part)
      left -= part
    }
  }

  async close(): Promise<void> {
    await this.#pieces.return?.()
  }

  async #next(): Promise<void> {
    const { done, value } = await this.#pieces.next()
    if (done === true) throw new OtaError('INCOMPLETE', 'a file of it ends early')
    this.#rest = value
  }
}
