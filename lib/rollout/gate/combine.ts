import { mixq, type Lg } from '../../crowd/index.ts'

/** An e-process of one metric and its weight in thousandths. */
export interface Weighted {
  readonly weight: bigint
  readonly lg: Lg
}

/** Weights while no other metric is measured (docs/gate.md §6): thousandths. */
export const crashWeight = 900n
/** The same beside others, which share what is left. */
export const crashWeightBeside = 500n
export const silenceWeight = 100n

/** Ē of the metrics given. One that drops out leaves the whole at 1000, so it can only lower it. */
export function combine(parts: readonly Weighted[]): Lg {
  return mixq(
    parts.map((part) => part.weight),
    parts.map((part) => part.lg),
    1_000n
  )
}

/** An e-process for "not worse than the margin, or below the tolerance": both must say so. */
export function both(relative: Lg, absolute: Lg): Lg {
  return relative < absolute ? relative : absolute
}
