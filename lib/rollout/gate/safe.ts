import { log2q, meanq, type Lg } from '../../crowd/index.ts'

/** What SAFE of the next step is judged by: each node once (docs/gate.md §7). */
export interface SafeInput {
  /** Failed treated nodes, and treated nodes whose in-bake checkpoints are complete. */
  readonly x: number
  readonly n: number
  /** Failed controls and controls. */
  readonly y: number
  readonly nC: number
  /** Width of the next step, and what it may cost, in parts per million and per billion. */
  readonly stepPpm: number
  readonly riskPpb: number
  readonly epsilonPpm: number
  /** Margin in thousandths. */
  readonly rho0: number
}

const billion = 1_000_000_000n

/** Risk of one step: R = max(`riskPerStage`, 1/N, min(5 %, 10/N)), in parts per billion. */
export function riskPpb(riskPerStagePpm: number, nodes: number): number {
  const one = Math.floor(1_000_000_000 / nodes)
  const ten = Math.floor(10_000_000_000 / nodes)
  return Math.max(riskPerStagePpm * 1_000, one, Math.min(50_000_000, ten))
}

/**
 * The failure rate the next step must be below, in parts per billion; null when even the failure
 * of all of it stays within the risk.
 */
function safeBound(input: SafeInput): bigint | null {
  const delta = (BigInt(input.riskPpb) * 1_000_000n) / BigInt(Math.max(1, input.stepPpm))
  if (delta >= billion) return null
  const epsilon = BigInt(input.epsilonPpm) * 1_000n
  // ρ₀ · (Y + ½) / (n_C + 1), 0 without controls: a prior of ½ would make "no controls" easy
  const control =
    input.nC === 0
      ? 0n
      : (BigInt(input.rho0) * BigInt(2 * input.y + 1) * billion) /
        (1_000n * 2n * BigInt(input.nC + 1))
  const u = (control > epsilon ? control : epsilon) + delta
  const most = 999_000_000n
  return u > most ? most : u
}

/** Logarithm of the evidence that the next step is safe. */
export function safeLg(x: number, n: number, u: bigint): Lg {
  return meanq(
    [2n, 10n, 25n, 50n].map(
      (k) =>
        BigInt(x) * log2q(k, 100n) +
        BigInt(n - x) * log2q(100n * billion - k * u, 100n * (billion - u))
    )
  )
}

/** Whether the next step may be taken: "95 % sure" when `beta` is 5 %. */
export function isSafe(input: SafeInput, threshold: Lg): boolean {
  const u = safeBound(input)
  if (u === null) return true
  if (input.n === 0) return false
  return safeLg(input.x, input.n, u) >= threshold
}
