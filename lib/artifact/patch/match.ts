import type { Bytes } from '../../base/index.ts'

/** Fewer bits cost more steps of the search, more bits no less: three bytes are all it looks at. */
const bucketBitsLeast = 16
const bucketBitsMost = 24

/**
 * Longest matches of the target in the source, found once each and kept, so that later thresholds
 * cost a fraction of the first. 8 bytes of memory per byte of target, 4 to 8 per byte of source.
 */
export class Matches {
  readonly source: Bytes
  readonly target: Bytes
  readonly #order: Int32Array
  /** Where the suffixes begin that share the first bits of their first three bytes. */
  readonly #buckets: Int32Array
  readonly #shift: number
  readonly #sizes: Int32Array
  readonly #places: Int32Array

  constructor(source: Bytes, target: Bytes, order: Int32Array) {
    this.source = source
    this.target = target
    this.#order = order
    // the table stays smaller than the suffix array
    const bits = 31 - Math.clz32(source.byteLength | 1)
    this.#shift = 24 - Math.max(bucketBitsLeast, Math.min(bucketBitsMost, bits))
    this.#buckets = bucketsOf(source, this.#shift)
    this.#sizes = new Int32Array(target.byteLength).fill(-1)
    this.#places = new Int32Array(target.byteLength)
  }

  /** Size of the longest match at `k`; `at(k)` is then where it stands. */
  size(k: number): number {
    const known = this.#sizes[k] as number
    return known >= 0 ? known : this.#find(k)
  }

  at(k: number): number {
    return this.#places[k] as number
  }

  /** The hottest loop of all: one search by halves per place, each step two misses of the cache. */
  #find(k: number): number {
    const { source, target } = this
    const order = this.#order
    const [n, most] = [source.byteLength, target.byteLength - k]
    const [first, end] = this.#rangeOf(k)
    let [low, high] = [first, end]
    // bytes shared with the suffixes at `low - 1` and `high`, once they were looked at
    let [lowSame, highSame] = [-1, -1]
    // the first suffix that is not below the target's; all before it are
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = order[middle] as number
      const left = n - at < most ? n - at : most
      let same = lowSame < highSame ? lowSame : highSame
      if (same < 0) same = 0
      while (same < left && source[at + same] === target[k + same]) same += 1
      const isBelow =
        same < most &&
        (at + same >= n || (source[at + same] as number) < (target[k + same] as number))
      if (isBelow) {
        low = middle + 1
        lowSame = same
      } else {
        high = middle
        highSame = same
      }
    }
    if (lowSame < 0) lowSame = this.#common(low - 1, k)
    if (highSame < 0) highSame = this.#common(high, k)
    const isHigh = highSame > lowSame
    const best = isHigh ? highSame : lowSame
    this.#sizes[k] = best
    this.#places[k] = best === 0 ? 0 : (order[isHigh ? high : low - 1] as number)
    return best
  }

  #common(i: number, k: number): number {
    const { source, target } = this
    const at = this.#order[i]
    if (at === undefined) return 0
    const most = Math.min(source.byteLength - at, target.byteLength - k)
    let same = 0
    while (same < most && source[at + same] === target[k + same]) same += 1
    return same
  }

  /** The suffixes among which the target's belongs; at its end they share only what it has. */
  #rangeOf(k: number): [number, number] {
    const { target } = this
    const [a, b, c] = [target[k] as number, target[k + 1], target[k + 2]]
    const low = ((a << 16) | ((b ?? 0) << 8) | (c ?? 0)) >>> this.#shift
    const high = ((a << 16) | ((b ?? 255) << 8) | (c ?? 255)) >>> this.#shift
    return [this.#buckets[low] as number, this.#buckets[high + 1] as number]
  }
}

/** A suffix of one or two bytes stands first in its bucket, as if zeros followed. */
function bucketsOf(source: Bytes, shift: number): Int32Array {
  const n = source.byteLength
  const buckets = new Int32Array((0x1_00_00_00 >>> shift) + 1)
  let next = 0
  for (let i = n - 1; i >= 0; i -= 1) {
    // the first three bytes of the suffix at `i`
    next = ((source[i] as number) << 16) | (next >>> 8)
    const bucket = (next >>> shift) + 1
    buckets[bucket] = (buckets[bucket] as number) + 1
  }
  for (let i = 1; i < buckets.length; i += 1) {
    buckets[i] = (buckets[i] as number) + (buckets[i - 1] as number)
  }
  return buckets
}
