import { assert, chunkBytesMax, equal, OtaError, toHex, type Bytes } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { unpackBytes } from './encoder.ts'
import type { Head } from './head.ts'
import type { LocalTrees } from './local.ts'
import type { Content } from './sequence.ts'

export interface BlockSource {
  readonly artifact: Artifact
  readonly head: Head
  readonly local: LocalTrees
  readonly readBlock: (index: number) => Promise<Bytes>
}

/** A chunk at its place in the content sequence. */
interface Use {
  readonly index: number
  readonly start: number
  readonly end: number
}

/**
 * Makes contents out of chunks, from local files first and from the tree core second. Keeps the
 * last chunk, because small contents share one.
 */
export class ContentReader {
  readonly #source: BlockSource
  readonly #uses: readonly Use[]
  #last: { readonly index: number; readonly fromCore: boolean; readonly raw: Bytes } | null = null
  /** Stored bytes per block, each counted once: the declared total is the end (S32). */
  readonly #sizes = new Map<number, number>()
  #stored: number

  constructor(source: BlockSource) {
    this.#source = source
    this.#stored = source.head.bytes
    this.#uses = usesOf(source.head)
  }

  /** Blocks of the core needed for these contents; what lies in local files is left out. */
  blocksFor(contents: readonly Content[]): number[] {
    const { head, local } = this.#source
    const blocks = new Set<number>()
    for (const content of contents) {
      for (const { index } of this.#usesOf(content)) {
        const chunk = head.chunks[index]
        assert(chunk !== undefined, 'the order names known chunks')
        if (!local.has(chunk)) blocks.add(head.blocks + index)
      }
    }
    return [...blocks].toSorted((a, b) => a - b)
  }

  /** The bytes of a content, a chunk at a time; with `coreOnly` no local chunk is trusted. */
  async *read(content: Content, coreOnly: boolean): AsyncGenerator<Bytes> {
    const end = content.start + content.size
    for (const use of this.#usesOf(content)) {
      const raw = await this.#chunk(use.index, coreOnly)
      const from = Math.max(content.start, use.start) - use.start
      yield raw.subarray(from, Math.min(end, use.end) - use.start)
    }
  }

  *#usesOf(content: Content): Generator<Use> {
    const end = content.start + content.size
    for (let i = this.#useAt(content.start); i < this.#uses.length; i += 1) {
      const use = this.#uses[i]
      if (use === undefined || use.start >= end) return
      yield use
    }
  }

  #useAt(start: number): number {
    let low = 0
    let high = this.#uses.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#uses[middle]?.start ?? 0) <= start) low = middle
      else high = middle - 1
    }
    return low
  }

  async #chunk(index: number, coreOnly: boolean): Promise<Bytes> {
    const last = this.#last
    if (last !== null && last.index === index && (last.fromCore || !coreOnly)) return last.raw
    const chunk = this.#source.head.chunks[index]
    assert(chunk !== undefined, 'the order names known chunks')
    const local = coreOnly ? null : await this.#source.local.readChunk(chunk)
    const raw = local ?? (await this.#fromCore(index))
    this.#last = { index, fromCore: local === null, raw }
    return raw
  }

  async #fromCore(index: number): Promise<Bytes> {
    const { head, artifact, readBlock } = this.#source
    const chunk = head.chunks[index]
    assert(chunk !== undefined, 'the order names known chunks')
    const at = head.blocks + index
    const block = await readBlock(at)
    if (!this.#sizes.has(at)) {
      this.#sizes.set(at, block.byteLength)
      this.#stored += block.byteLength
    }
    if (block.byteLength > chunkBytesMax || this.#stored > artifact.tree.bytes) {
      const facts = { block: at, have: this.#stored, need: artifact.tree.bytes }
      const text = `the tree core is longer than the ${artifact.tree.bytes} bytes that are signed`
      throw new OtaError('LENGTH_EXCEEDED', text, { facts })
    }
    return await unpackBytes(block, chunk.codec, chunk.rawSize, `block ${at}`)
  }
}

function usesOf(head: Head): Use[] {
  let start = 0
  return head.order.map((index) => {
    const size = head.chunks[index]?.rawSize ?? 0
    const use = { index, start, end: start + size }
    start += size
    return use
  })
}

/**
 * Throws `HASH_MISMATCH` unless the bytes are the content that the signed tree lists (S31, S43).
 */
export function checkHash(content: Content, found: Bytes): void {
  if (equal(content.hash, found)) return
  const facts = { path: content.path, have: toHex(found), need: toHex(content.hash) }
  const text = `the blocks of ${JSON.stringify(content.path)} do not make the listed file`
  throw new OtaError('HASH_MISMATCH', text, { facts })
}
