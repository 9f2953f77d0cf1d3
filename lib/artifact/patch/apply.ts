import { equal, type Bytes } from '../../base/index.ts'
import { ByteReader } from '../varint.ts'
import { badPatch, unzigzag } from './sink.ts'

/** Unpacked streams of a window; what they make is bounded by `targetSize`. */
export interface WindowStreams {
  readonly targetSize: number
  readonly sourceSize: number
  readonly control: Bytes
  readonly zeros: Bytes
  readonly differences: Bytes
  readonly extra: Bytes
}

/** The source of a window: `size` bytes from `at`, which lie inside it. */
export type ReadSource = (at: number, size: number) => Promise<Bytes>

const pieceBytes = 256 * 1_024

/**
 * Makes the bytes of one window, a piece at a time; a piece is overwritten by the next. Every
 * length and place is checked before it is used (C bspatch wrote outside its buffers for want of
 * it), and every stream is consumed to its last byte. Throws `PATCH_FAILED` or `BAD_TREE` (S34).
 */
export async function* applyWindow(
  streams: WindowStreams,
  readSource: ReadSource
): AsyncGenerator<Bytes> {
  const control = new ByteReader(streams.control, 'the control stream')
  const zeros = new ByteReader(streams.zeros, 'the stream of runs')
  const differences = new ByteReader(streams.differences, 'the stream of differences')
  const extra = new ByteReader(streams.extra, 'the stream of literals')
  const { targetSize, sourceSize } = streams
  const out = new Uint8Array(pieceBytes)
  const source = new Ahead(readSource, sourceSize)
  let place = 0
  let made = 0
  let held = 0
  while (made < targetSize) {
    const copy = control.varint(targetSize - made)
    const literals = control.varint(targetSize - made - copy)
    const seek = unzigzag(control.varint())
    if (copy + literals === 0) throw badPatch('has a step that makes nothing')
    if (place + copy > sourceSize) throw badPatch('copies from outside its source')
    const runs = new Runs(zeros, { reader: differences, bytes: streams.differences }, copy)
    for (let left = copy; left > 0;) {
      const size = Math.min(left, pieceBytes - held)
      const piece = source.held(place, size) ?? (await source.read(place, size))
      out.set(piece, held)
      runs.add(out.subarray(held, held + size))
      held += size
      left -= size
      place += size
      if (held === pieceBytes) {
        yield out
        held = 0
      }
    }
    runs.end()
    for (let left = literals; left > 0;) {
      const size = Math.min(left, pieceBytes - held)
      out.set(extra.bytes(size), held)
      held += size
      left -= size
      if (held === pieceBytes) {
        yield out
        held = 0
      }
    }
    made += copy + literals
    place += seek
    if (place < 0 || place > sourceSize) throw badPatch('moves outside its source')
    if (made === targetSize && seek !== 0) throw badPatch('moves after its last step')
  }
  if (held > 0) yield out.subarray(0, held)
  for (const reader of [control, zeros, differences, extra]) reader.end()
}

/** Differences where they are passed over, and the bytes they are. */
interface Differences {
  readonly reader: ByteReader
  readonly bytes: Bytes
}

/** Adds the differences of one copy to the source bytes, however it is cut into pieces. */
class Runs {
  readonly #zeros: ByteReader
  readonly #differences: Differences
  #left: number
  #equal = 0
  #different = 0
  #isFirst = true

  constructor(zeros: ByteReader, differences: Differences, copy: number) {
    this.#zeros = zeros
    this.#differences = differences
    this.#left = copy
  }

  add(piece: Bytes): void {
    for (let at = 0; at < piece.byteLength;) {
      if (this.#equal === 0 && this.#different === 0) this.#next()
      const same = Math.min(this.#equal, piece.byteLength - at)
      at += same
      this.#equal -= same
      const other = Math.min(this.#different, piece.byteLength - at)
      if (this.#equal > 0 || other === 0) continue
      const { reader, bytes } = this.#differences
      const from = reader.pass(other)
      for (let i = 0; i < other; i += 1) {
        const add = bytes[from + i] as number
        if (add === 0) throw badPatch('has a difference of nothing')
        piece[at + i] = (piece[at + i] as number) + add
      }
      at += other
      this.#different -= other
    }
  }

  /** The pairs make exactly the copy. */
  end(): void {
    if (this.#left !== 0 || this.#equal !== 0 || this.#different !== 0) {
      throw badPatch('has runs that are no copy')
    }
  }

  #next(): void {
    this.#equal = this.#zeros.varint(this.#left)
    this.#different = this.#zeros.varint(this.#left - this.#equal)
    this.#left -= this.#equal + this.#different
    if (this.#equal === 0 && !this.#isFirst) throw badPatch('has an empty run')
    if (this.#different === 0 && this.#left > 0) throw badPatch('has an empty run')
    this.#isFirst = false
  }
}

/** Reads ahead in the source: copies are short and mostly follow each other. */
class Ahead {
  readonly #read: ReadSource
  readonly #size: number
  #start = 0
  #bytes: Bytes = new Uint8Array(0)

  constructor(read: ReadSource, size: number) {
    this.#read = read
    this.#size = size
  }

  held(at: number, size: number): Bytes | null {
    const from = at - this.#start
    if (from < 0 || from + size > this.#bytes.byteLength) return null
    return this.#bytes.subarray(from, from + size)
  }

  async read(at: number, size: number): Promise<Bytes> {
    const more = Math.min(this.#size - at, Math.max(size, pieceBytes))
    this.#bytes = await this.#read(at, more)
    this.#start = at
    const piece = this.held(at, size)
    if (piece === null) throw badPatch('reads past its source')
    return piece
  }
}

/** Whether a patch is for this pair; the prefixes only catch mix-ups. */
export function isFor(prefix: Bytes, digest: Bytes | null): boolean {
  return equal(prefix, digest === null ? new Uint8Array(8) : digest.subarray(0, 8))
}
