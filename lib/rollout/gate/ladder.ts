import { log2q, meanq, ratio, type Lg, type Ratio, type Readings } from '../../crowd/index.ts'

/** Alternatives: treated nodes lie above a quantile of both arms ρ times as often. */
const rhos: readonly Ratio[] = [
  ratio(5n, 4n),
  ratio(3n, 2n),
  ratio(2n, 1n),
  ratio(3n, 1n),
  ratio(5n, 1n),
  ratio(10n, 1n),
  ratio(30n, 1n)
]
const gains = rhos.map(({ p, q }) => log2q(p, q))

/** Quantiles of both arms together, in thousandths. */
const quantiles = [500, 750, 900, 975] as const

/** How many of each arm reach a quantile of both. */
export interface Rung {
  readonly threshold: number
  readonly x: number
  readonly y: number
  readonly nT: number
  readonly nC: number
}

/** A bucket is one fiftieth of a natural logarithm; the margin is taken off treated ones. */
const bucketsPerE = 50

/** round(ln(1 + margin) · 50), margin in thousandths, by integers alone. */
export function marginBuckets(margin: number): number {
  return lnBuckets(log2q(BigInt(1_000 + margin), 1_000n))
}

/** round(50 · ln 2 · lg), halves away from zero. */
export function lnBuckets(lg: Lg): number {
  // ln 2 in Q64
  const scaled = lg * 12_786_308_645_202_655_659n * BigInt(bucketsPerE)
  const whole = 1n << 96n
  const half = whole / 2n
  return Number(scaled >= 0n ? (scaled + half) / whole : -((-scaled + half) / whole))
}

/** The rungs of one block: thresholds from both arms, so that labels alone decide x and y. */
export function rungsOf({ treated, controls }: Readings, marginOf: number): readonly Rung[] {
  const less = treated.map((bucket) => bucket - marginOf)
  const all = [...less, ...controls].toSorted((a, b) => a - b)
  if (all.length === 0) return []
  return quantiles.map((quantile) => {
    const threshold =
      all[Math.min(all.length - 1, Math.floor((all.length * quantile) / 1_000))] ?? 0
    const above = (list: readonly number[]) => list.filter((bucket) => bucket >= threshold).length
    return {
      threshold,
      x: above(less),
      y: above(controls),
      nT: less.length,
      nC: controls.length
    }
  })
}

/**
 * Evidence that a metric is worse by more than its margin (docs/gate.md §6): the relative e-process
 * without a margin of its own over the rungs of all blocks, mean over quantiles and ρ.
 */
export function ladderLg(blocks: readonly Readings[], margin: number): Lg {
  const shift = marginBuckets(margin)
  const rungs = blocks.map((block) => rungsOf(block, shift)).filter(({ length }) => length > 0)
  if (rungs.length === 0) return 0n
  const lgs = quantiles.flatMap((_, q) => rhos.map((rho, i) => processLg(rungs, { q, rho, i })))
  return meanq(lgs)
}

function processLg(
  rungs: readonly (readonly Rung[])[],
  { q, rho, i }: { readonly q: number; readonly rho: Ratio; readonly i: number }
): Lg {
  let sum = 0n
  for (const block of rungs) {
    const rung = block[q]
    if (rung === undefined || rung.x + rung.y === 0) continue
    const wT = BigInt(rung.nT)
    const wC = BigInt(rung.nC)
    const cost = log2q(wC * rho.q + wT * rho.p, (wT + wC) * rho.q) + 1n
    sum += BigInt(rung.x) * (gains[i] ?? 0n) - BigInt(rung.x + rung.y) * cost
  }
  return sum
}
