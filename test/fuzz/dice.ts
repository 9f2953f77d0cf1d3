import { alloc, copy, fromText, type Bytes } from '../../lib/base/index.ts'
import { hash } from '../../lib/trust/index.ts'

/**
 * The dice of one run. They come from the seed and the number of the run alone, so that any run can
 * be thrown again by itself, and the same seed is the same day everywhere (sfc32).
 */
export class Dice {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string, run: number) {
    const view = new DataView(copy(hash([fromText(`${seed} ${run}`)])).buffer)
    this.#a = view.getUint32(0, true)
    this.#b = view.getUint32(4, true)
    this.#c = view.getUint32(8, true)
    for (let i = 0; i < 12; i++) this.#next()
  }

  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.#next() % limit
  }

  /** True in `part` of `whole` throws. */
  chance(part: number, whole: number): boolean {
    return this.below(whole) < part
  }

  pick<T>(list: readonly T[]): T {
    // Cast: callers hand in lists that are not empty.
    return list[this.below(list.length)] as T
  }

  bytes(size: number): Bytes {
    const bytes = alloc(size)
    for (let i = 0; i < size; i++) bytes[i] = this.#next() & 255
    return bytes
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0
    this.#counter = (this.#counter + 1) >>> 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) >>> 0
    this.#c = (this.#c + sum) >>> 0
    return sum
  }
}
