import { assert, OtaError, type Bytes } from '../../base/index.ts'

/** Grows as bytes come; for streams that are written a few bytes at a time. */
export class Sink {
  #bytes: Uint8Array = new Uint8Array(1_024)
  #size = 0

  get size(): number {
    return this.#size
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#size++] = value
  }

  bytes(part: Bytes): void {
    this.#reserve(part.byteLength)
    this.#bytes.set(part, this.#size)
    this.#size += part.byteLength
  }

  /** Unsigned LEB128, shortest form. */
  varint(value: number): void {
    assert(value >= 0 && Number.isSafeInteger(value), 'a varint is a whole number from 0')
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest % 0x80) + 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.u8(rest)
  }

  /** 2v for v ≥ 0, else −2v − 1. */
  zigzag(value: number): void {
    this.varint(value >= 0 ? 2 * value : -2 * value - 1)
  }

  /** What was written, a view. */
  done(): Bytes {
    return this.#bytes.subarray(0, this.#size)
  }

  #reserve(more: number): void {
    const need = this.#size + more
    if (need <= this.#bytes.byteLength) return
    const grown = new Uint8Array(Math.max(need, this.#bytes.byteLength * 2))
    grown.set(this.#bytes.subarray(0, this.#size))
    this.#bytes = grown
  }
}

/** The number that `zigzag` wrote. */
export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Whatever is wrong with a patch: it is not applied, and another way is taken (S34). */
export function badPatch(why: string): OtaError {
  return new OtaError('PATCH_FAILED', `the patch ${why}`)
}
