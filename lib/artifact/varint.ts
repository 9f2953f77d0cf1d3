import { concat, OtaError, type Bytes } from '../base/index.ts'

/**
 * Unsigned LEB128 in its shortest form, up to 2^53 - 1: the integer of trees, heads and patches.
 * It is not the `uint` of statements, which has another layout.
 */
function encodeVarint(value: number): Bytes {
  const out: number[] = []
  let rest = value
  while (rest >= 0x80) {
    out.push((rest % 0x80) + 0x80)
    rest = Math.floor(rest / 0x80)
  }
  out.push(rest)
  return Uint8Array.from(out)
}

/** Collects parts and joins them once. */
export class ByteWriter {
  readonly #parts: Bytes[] = []

  bytes(part: Bytes): this {
    this.#parts.push(part)
    return this
  }

  u8(value: number): this {
    return this.bytes(Uint8Array.of(value))
  }

  varint(value: number): this {
    return this.bytes(encodeVarint(value))
  }

  /** A length, then the bytes. */
  sized(part: Bytes): this {
    return this.varint(part.byteLength).bytes(part)
  }

  join(): Bytes {
    return concat(this.#parts)
  }
}

/**
 * Reads to the last byte. Every shortfall and every integer in another than its shortest form is
 * `BAD_TREE`; `what` names the thing in the sentence.
 */
export class ByteReader {
  readonly #bytes: Bytes
  readonly #what: string
  #at = 0

  constructor(bytes: Bytes, what: string) {
    this.#bytes = bytes
    this.#what = what
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.byteLength - this.#at
  }

  /** The next `size` bytes, a view. */
  bytes(size: number): Bytes {
    if (size > this.left) throw this.broken(`needs ${size} more bytes and has ${this.left}`)
    const part = this.#bytes.subarray(this.#at, this.#at + size)
    this.#at += size
    return part
  }

  /** Passes over `size` bytes and says where they begin: for loops that a view would cost more. */
  pass(size: number): number {
    if (size > this.left) throw this.broken(`needs ${size} more bytes and has ${this.left}`)
    const from = this.#at
    this.#at += size
    return from
  }

  u8(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw this.broken('ends early')
    this.#at += 1
    return byte
  }

  /** At most `max`, which is never above 2^53 - 1. */
  varint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 8; count += 1) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && count > 0) throw this.broken('has an integer longer than needed')
        if (value > max) throw this.broken(`has ${value} where at most ${max} is allowed`)
        return value
      }
      scale *= 0x80
    }
    throw this.broken('has an integer above 2^53 - 1')
  }

  end(): void {
    if (this.left > 0) throw this.broken(`has ${this.left} bytes after its end`)
  }

  broken(why: string): OtaError {
    return new OtaError('BAD_TREE', `${this.#what} ${why}`, { facts: { at: this.#at } })
  }
}
