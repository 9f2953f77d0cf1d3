import { chunkBytesMax, copy, type Bytes } from '../base/index.ts'
import { ByteReader, ByteWriter } from './varint.ts'
import type { Codec } from './encoder.ts'

/** One distinct chunk of a tree core. */
export interface Chunk {
  /** 1 to 262,144. */
  readonly rawSize: number
  readonly codec: Codec
  /** First 8 bytes of BLAKE2b-256 of the raw chunk: it finds equal chunks and proves nothing. */
  readonly hash8: Bytes
}

export function encodeTable(chunks: readonly Chunk[], order: readonly number[]): Bytes {
  const out = new ByteWriter()
  for (const chunk of chunks) out.varint(chunk.rawSize * 2 + chunk.codec).bytes(chunk.hash8)
  let seen = 0
  let run = 0
  for (const index of order) {
    if (index === seen) {
      seen += 1
      run += 1
      continue
    }
    if (run > 0) out.varint(run * 2)
    run = 0
    out.varint(index * 2 + 1)
  }
  if (run > 0) out.varint(run * 2)
  return out.join()
}

/**
 * Reads a chunk table whose chunks must make `sequenceSize` bytes. `BAD_TREE` for a chunk of
 * another size than 1 to 262,144, a chunk named before its first use, a run that is not maximal, a
 * sum that is off, or bytes left over.
 */
export function decodeTable(
  bytes: Bytes,
  chunkCount: number,
  sequenceSize: number
): { chunks: Chunk[]; order: number[] } {
  const reader = new ByteReader(bytes, 'the chunk table')
  // Nine bytes are the least of a chunk: nothing is allocated for a count that cannot be there.
  if (chunkCount * 9 > bytes.byteLength) throw reader.broken('is too short for its chunks')
  const chunks: Chunk[] = []
  for (let i = 0; i < chunkCount; i += 1) {
    const word = reader.varint(chunkBytesMax * 2 + 1)
    const rawSize = Math.floor(word / 2)
    if (rawSize === 0) throw reader.broken('has an empty chunk')
    chunks.push({ rawSize, codec: word % 2 === 0 ? 0 : 1, hash8: copy(reader.bytes(8)) })
  }
  const order = new OrderReader(reader, chunks, sequenceSize).read()
  reader.end()
  return { chunks, order }
}

/** Reads ops until the sequence is complete. */
class OrderReader {
  readonly order: number[] = []
  readonly #reader: ByteReader
  readonly #chunks: readonly Chunk[]
  readonly #size: number
  #made = 0
  #seen = 0
  #wasRun = false

  constructor(reader: ByteReader, chunks: readonly Chunk[], size: number) {
    this.#reader = reader
    this.#chunks = chunks
    this.#size = size
  }

  read(): number[] {
    while (this.#made < this.#size) this.#op(this.#reader.varint())
    if (this.#seen !== this.#chunks.length)
      throw this.#reader.broken('has chunks that no file uses')
    return this.order
  }

  #op(word: number): void {
    const value = Math.floor(word / 2)
    if (word % 2 === 1) {
      if (value >= this.#seen) {
        throw this.#reader.broken(`uses chunk ${value} again before its first use`)
      }
      this.#use(value)
      this.#wasRun = false
      return
    }
    if (value === 0 || this.#wasRun) {
      throw this.#reader.broken('has a run that is empty or not maximal')
    }
    if (this.#seen + value > this.#chunks.length) {
      throw this.#reader.broken('uses more chunks than it has')
    }
    for (const end = this.#seen + value; this.#seen < end; this.#seen += 1) this.#use(this.#seen)
    this.#wasRun = true
  }

  #use(index: number): void {
    this.#made += this.#chunks[index]?.rawSize ?? 0
    if (this.#made > this.#size) {
      throw this.#reader.broken('makes more than the files of the manifest')
    }
    this.order.push(index)
  }
}
