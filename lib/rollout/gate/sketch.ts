import { assert } from '../../base/index.ts'
import { exp2q, log2q, type Lg } from '../../crowd/index.ts'
import { lnBuckets } from './ladder.ts'

/** Width of a cell: values in one differ by at most 4 %, so a quantile is within 2 %. */
const width: Lg = log2q(104n, 100n)

/**
 * Quantiles of one metric on one node, in little memory: counts by the logarithm of whole numbers
 * (microseconds, bytes). Two halves merge to the same sketch. It never leaves the node; what is
 * told is one bucket (docs/gate.md §2).
 */
export class Sketch {
  readonly #cells = new Map<number, number>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** Takes in a whole number of at least 0. */
  add(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'a reading is a whole number')
    const cell = Number(log2q(BigInt(value) + 1n, 1n) / width)
    this.#cells.set(cell, (this.#cells.get(cell) ?? 0) + 1)
    this.#count++
  }

  merge(other: Sketch): void {
    for (const [cell, count] of other.#cells) {
      this.#cells.set(cell, (this.#cells.get(cell) ?? 0) + count)
    }
    this.#count += other.#count
  }

  /** Logarithm of the value at a quantile in thousandths; null of nothing. */
  quantileLg(quantile: number): Lg | null {
    if (this.#count === 0) return null
    const rank = Math.min(this.#count - 1, Math.floor((this.#count * quantile) / 1_000))
    let seen = 0
    for (const cell of [...this.#cells.keys()].toSorted((a, b) => a - b)) {
      seen += this.#cells.get(cell) ?? 0
      if (seen > rank) return BigInt(cell) * width + width / 2n
    }
    return null
  }

  /** The same as a number, for people. */
  quantile(quantile: number): number | null {
    const lg = this.quantileLg(quantile)
    if (lg === null) return null
    const whole = lg >> 32n
    // 2^lg = 2^(whole + 1) · 2^(fraction − 1), the last of it in Q32
    const part = exp2q(lg - ((whole + 1n) << 32n))
    return Number((part << (whole + 1n)) >> 32n) - 1
  }
}

/**
 * Bucket of ln(after / before) at one quantile, larger is worse. Null: readings before and none
 * after, which counts as the worst there is; undefined: too few before, no data in either arm.
 */
export function bucketOf(
  before: Sketch,
  after: Sketch,
  { quantile, bad, denMin }: { quantile: number; bad: 'up' | 'down'; denMin: number }
): number | null | undefined {
  const was = before.quantileLg(quantile)
  if (before.count < denMin || was === null) return undefined
  const is = after.quantileLg(quantile)
  if (is === null) return null
  return lnBuckets(bad === 'up' ? is - was : was - is)
}
