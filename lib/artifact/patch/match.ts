import type { Bytes } from '../../base/index.ts'

/** Fewer bits cost more steps of the search, more bits no less: three bytes are all it looks at. */
const bucketBitsLeast = 16
const bucketBitsMost = 24
/** Places of one match that are compared for nearness. */
const placesMost = 32

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
  /** Bytes that both suffixes beside the last search share with the target; -1: not looked at. */
  #lowSame = -1
  #highSame = -1

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

  /**
   * Of the places where the longest match at `k` stands, one near to `wanted`: a short move is
   * written in fewer bytes, and mostly is the true one. Looks at a bounded number of places.
   */
  nearest(k: number, wanted: number): number {
    const size = this.size(k)
    let best = this.#places[k] as number
    if (size === 0 || best === wanted) return best
    const first = this.#search(k, size)
    for (let i = first; i < first + placesMost && this.#common(i, k, size) === size; i += 1) {
      const at = this.#order[i] as number
      if (Math.abs(at - wanted) < Math.abs(best - wanted)) best = at
    }
    return best
  }

  #find(k: number): number {
    const most = this.target.byteLength - k
    const high = this.#search(k, most)
    const lowSame = this.#lowSame < 0 ? this.#common(high - 1, k, most) : this.#lowSame
    const highSame = this.#highSame < 0 ? this.#common(high, k, most) : this.#highSame
    const isHigh = highSame > lowSame
    const best = isHigh ? highSame : lowSame
    this.#sizes[k] = best
    this.#places[k] = best === 0 ? 0 : (this.#order[isHigh ? high : high - 1] as number)
    return best
  }

  /**
   * Index of the first suffix not below the target's at `k`, of which `most` bytes count; all
   * before it are. The hottest loop of all: by halves, each step two misses of the cache.
   */
  #search(k: number, most: number): number {
    const { source, target } = this
    const order = this.#order
    const n = source.byteLength
    let [low, high] = this.#rangeOf(k)
    // bytes shared with the suffixes at `low - 1` and `high`, once they were looked at
    let [lowSame, highSame] = [-1, -1]
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
    this.#lowSame = lowSame
    this.#highSame = highSame
    return low
  }

  #common(i: number, k: number, most: number): number {
    const { source, target } = this
    const at = this.#order[i]
    if (at === undefined) return 0
    const left = Math.min(source.byteLength - at, most)
    let same = 0
    while (same < left && source[at + same] === target[k + same]) same += 1
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
