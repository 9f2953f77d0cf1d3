import type { Bytes } from '../../base/index.ts'

/** A longest match of the target at one place: `size` bytes that stand at `at` in the source. */
export interface Match {
  readonly size: number
  readonly at: number
}

/**
 * Longest matches of the target in the source, found once each and kept, so that later thresholds
 * cost a fraction of the first. 8 bytes of memory per byte of target, 4 per byte of source.
 */
export class Matches {
  readonly source: Bytes
  readonly target: Bytes
  readonly #order: Int32Array
  /** Where the suffixes with each two first bytes begin. */
  readonly #buckets: Int32Array
  readonly #sizes: Int32Array
  readonly #places: Int32Array

  constructor(source: Bytes, target: Bytes, order: Int32Array) {
    this.source = source
    this.target = target
    this.#order = order
    this.#buckets = bucketsOf(source)
    this.#sizes = new Int32Array(target.byteLength).fill(-1)
    this.#places = new Int32Array(target.byteLength)
  }

  /** Size of the longest match at `k`; `at(k)` is then where it stands. */
  size(k: number): number {
    const known = this.#sizes[k] as number
    if (known >= 0) return known
    this.#find(k)
    return this.#sizes[k] as number
  }

  at(k: number): number {
    return this.#places[k] as number
  }

  #find(k: number): void {
    let [low, high] = this.#rangeOf(k)
    const first = low
    let lowSame = 0
    let highSame = 0
    // the first suffix that is not below the target's; all before it are
    while (low < high) {
      const middle = (low + high) >> 1
      const at = this.#order[middle] as number
      const same = this.#common(at, k, Math.min(lowSame, highSame))
      if (this.#isBelow(at + same, k + same)) {
        low = middle + 1
        lowSame = same
      } else {
        high = middle
        highSame = same
      }
    }
    let best = 0
    let place = 0
    for (const i of low > 0 && low >= first ? [low - 1, low] : [low]) {
      const at = this.#order[i]
      if (at === undefined) continue
      const same = this.#common(at, k, 0)
      if (same > best) [best, place] = [same, at]
    }
    this.#sizes[k] = best
    this.#places[k] = place
  }

  #rangeOf(k: number): [number, number] {
    const a = this.target[k] as number
    const b = this.target[k + 1]
    const buckets = this.#buckets
    if (b === undefined) return [buckets[a << 8] as number, buckets[(a + 1) << 8] as number]
    const bucket = (a << 8) | b
    return [buckets[bucket] as number, buckets[bucket + 1] as number]
  }

  #common(at: number, k: number, from: number): number {
    const { source, target } = this
    const most = Math.min(source.byteLength - at, target.byteLength - k)
    let same = from
    while (same < most && source[at + same] === target[k + same]) same += 1
    return same
  }

  #isBelow(at: number, k: number): boolean {
    if (k >= this.target.byteLength) return false
    return at >= this.source.byteLength || (this.source[at] as number) < (this.target[k] as number)
  }
}

/** The one-byte last suffix x stands first in bucket (x, 0): it has no second byte. */
function bucketsOf(source: Bytes): Int32Array {
  const n = source.byteLength
  const buckets = new Int32Array(65_537)
  const count = (bucket: number): void => {
    buckets[bucket + 1] = (buckets[bucket + 1] as number) + 1
  }
  for (let i = 0; i + 1 < n; i += 1) {
    count(((source[i] as number) << 8) | (source[i + 1] as number))
  }
  if (n > 0) count((source[n - 1] as number) << 8)
  for (let i = 0; i < 65_536; i += 1) {
    buckets[i + 1] = (buckets[i + 1] as number) + (buckets[i] as number)
  }
  return buckets
}
