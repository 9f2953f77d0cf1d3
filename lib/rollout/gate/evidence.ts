import { log2q, meanq, ratio, type Lg, type Ratio } from '../../crowd/index.ts'

/** Integer counts of one block: failed and enrolled, treated and control. */
export interface Block {
  readonly x: number
  readonly y: number
  readonly nT: number
  readonly nC: number
}

/** The alternatives of the mixture: treated nodes fail ρ times as often. */
const rhos: readonly Ratio[] = [
  [3, 2],
  [2, 1],
  [3, 1],
  [5, 1],
  [10, 1],
  [30, 1],
  [100, 1]
].map(([p, q]) => ratio(BigInt(p ?? 0), BigInt(q ?? 1)))

/** lg ρ of each alternative. */
const gains: readonly Lg[] = rhos.map((rho) => log2q(rho.p, rho.q))

/** Parts per million, or thousandths, as an exact fraction in lowest terms. */
export function share(value: number, whole: number): Ratio {
  return ratio(BigInt(value), BigInt(whole))
}

/**
 * Relative e-process per ρ over all blocks (docs/gate.md §6): "treated fail ρ times as often"
 * against "no worse than the margin". `believed` failures are taken out at the smallest share,
 * where each weighs most: the liar budget (S102). Rounded against harm: a lower bound.
 */
export function relativeLgs(
  blocks: readonly Block[],
  margin: Ratio,
  believed: number
): readonly Lg[] {
  const seen = blocks.filter((block) => block.x + block.y > 0)
  const smallest = smallestShare(seen)
  const held = sharesOf(margin)
  const costs = seen.map((block) => shareLgs(block, margin, held))
  return rhos.map((_, i) => {
    const gain = gains[i] ?? 0n
    let failed = 0
    let sum = 0n
    seen.forEach((block, j) => {
      failed += block.x
      sum -= BigInt(block.x + block.y) * ((costs[j]?.[i] ?? 0n) + 1n)
    })
    sum += BigInt(failed) * gain
    if (believed === 0 || smallest === null) return sum
    // 1 + π(ρ−1) once more, but with the gain rounded up: what is taken away is never too little
    const cost = shareLgs(smallest, margin, held)[i] ?? 0n
    return sum - BigInt(believed) * (gain + 1n - cost)
  })
}

/** Logarithms of the arms of a block, by (nT, nC): a look changes one block of a hundred. */
type Shares = Map<number, readonly Lg[]>

function sharesOf(margin: Ratio): Shares {
  const key = `${margin.p}/${margin.q}`
  const held = shares.get(key)
  if (held !== undefined) return held
  if (shares.size >= 16) shares.clear()
  const fresh: Shares = new Map()
  shares.set(key, fresh)
  return fresh
}

const shares = new Map<string, Shares>()
/** Arms are at most 2²⁰ nodes; so many of their sizes are kept, some 4 MB. */
const armMax = 1 << 20
const sharesMax = 8_192

function shareLgs(block: Block, margin: Ratio, held: Shares): readonly Lg[] {
  const key = block.nT * armMax + block.nC
  const isSmall = block.nT < armMax && block.nC < armMax
  const known = isSmall ? held.get(key) : undefined
  if (known !== undefined) return known
  const made = rhos.map((rho) => shareLg(block, margin, rho))
  if (held.size >= sharesMax) held.clear()
  if (isSmall) held.set(key, made)
  return made
}

/** The mixture of `relativeLgs`. */
export function relative(blocks: readonly Block[], margin: Ratio, believed = 0): Lg {
  return meanq(relativeLgs(blocks, margin, believed))
}

/** Absolute e-process per ρ: x of n treated nodes failed, against a tolerance ε per node. */
export function absoluteLgs(x: number, n: number, tolerance: Ratio): readonly Lg[] {
  return oddsOf(tolerance).map(({ failed, well }) => BigInt(x) * failed + BigInt(n - x) * well)
}

/** What one node that failed, or is well, adds per ρ; constants of a tolerance. */
function oddsOf(tolerance: Ratio): readonly Odds[] {
  const { p: e, q: g } = tolerance
  const key = `${e}/${g}`
  const held = odds.get(key)
  if (held !== undefined) return held
  const made = rhos.map((rho) => {
    // p₁ = min(19/20, ρε)
    const capped = 20n * rho.p * e > 19n * rho.q * g
    const { p: s, q: t } = capped ? { p: 19n, q: 20n } : ratio(rho.p * e, rho.q * g)
    return { failed: log2q(s * g, t * e), well: log2q((t - s) * g, t * (g - e)) }
  })
  // a policy is signed data: the number of tolerances kept is bounded
  if (odds.size >= 64) odds.clear()
  odds.set(key, made)
  return made
}

interface Odds {
  readonly failed: Lg
  readonly well: Lg
}

const odds = new Map<string, readonly Odds[]>()

/** The mixture of `absoluteLgs`. */
export function absolute(x: number, n: number, tolerance: Ratio): Lg {
  return meanq(absoluteLgs(x, n, tolerance))
}

/**
 * Failures of an arm that are believed away: ⌊F · n / 1000⌋ and at least one, never more than there
 * are. One operator may count for just as many, so no operator alone lifts the evidence (S102);
 * rounding up instead costs a first stage of 150 an eighth of what it sees.
 */
export function liarBudget(x: number, n: number, budgetPpm: number): number {
  if (budgetPpm === 0) return 0
  return Math.min(x, Math.max(1, Math.floor((budgetPpm * n) / 1_000_000)))
}

/** lg(1 + π(ρ−1)) of a block. */
function shareLg(block: Block, margin: Ratio, rho: Ratio): Lg {
  const wT = margin.p * BigInt(block.nT)
  const wC = margin.q * BigInt(block.nC)
  return log2q(wC * rho.q + wT * rho.p, (wT + wC) * rho.q)
}

/** The block with the smallest π = ρ₀nT / (ρ₀nT + nC), compared crosswise. */
function smallestShare(blocks: readonly Block[]): Block | null {
  let least: Block | null = null
  for (const block of blocks) {
    if (least === null || block.nT * least.nC < least.nT * block.nC) least = block
  }
  return least
}
