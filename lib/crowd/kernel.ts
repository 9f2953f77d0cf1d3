/**
 * Logarithms that give the same bits on every machine: Q32 logs and Q64 mantissas in BigInt, where
 * every division and shift floors. `Math.log` leaves its last bits to the engine (docs/gate.md §5).
 */

/** A logarithm to base 2 in Q32 fixed point. */
export type Lg = bigint

/** A positive fraction in lowest terms, so that equal values take equal roundings. */
export interface Ratio {
  readonly p: bigint
  readonly q: bigint
}

const one = 1n << 64n
const two = 1n << 65n
export const lgOne = 1n << 32n

/** `p / q` in lowest terms; both at least 0, `q` above 0. */
export function ratio(p: bigint, q: bigint): Ratio {
  let a = p
  let b = q
  while (b !== 0n) [a, b] = [b, a % b]
  return { p: p / a, q: q / a }
}

/** ⌊2³² · log2(a / b)⌋ for a, b > 0, or one less within 2⁻⁶¹ of an integer step. */
export function log2q(a: bigint, b: bigint): Lg {
  let e = BigInt(bitLength(a) - bitLength(b))
  let r = e >= 0n ? (a << 64n) / (b << e) : (a << (64n - e)) / b
  if (r < one) {
    r <<= 1n
    e -= 1n
  }
  let out = e << 32n
  for (let step = 1n << 31n; step > 0n; step >>= 1n) {
    r = (r * r) >> 64n
    if (r >= two) {
      r >>= 1n
      out += step
    }
  }
  return out
}

/** 2^(f / 2³²) in Q32 for f ≤ 0. */
export function exp2q(f: Lg): bigint {
  const whole = f >> 32n
  const fraction = f - (whole << 32n)
  let r = one
  roots.forEach((root, bit) => {
    if (((fraction >> BigInt(31 - bit)) & 1n) === 1n) r = (r * root) >> 64n
  })
  const shift = 32n - whole
  return shift > 200n ? 0n : r >> shift
}

/** Logarithm of Σ wᵢ · 2^lgᵢ / total: the mean of e-values is an e-value under any dependence. */
export function mixq(weights: readonly bigint[], lgs: readonly Lg[], total: bigint): Lg {
  const most = lgs.reduce((a, b) => (a > b ? a : b))
  let sum = 0n
  lgs.forEach((lg, i) => {
    sum += (weights[i] ?? 0n) * exp2q(lg - most)
  })
  return most + log2q(sum, total << 32n)
}

/** The mean with equal weights. */
export function meanq(lgs: readonly Lg[]): Lg {
  return mixq(
    lgs.map(() => 1n),
    lgs,
    BigInt(lgs.length)
  )
}

/** One above the floor of lg(a / b): compare with ≥. */
export function thresholdq(a: number, b: number): Lg {
  return log2q(BigInt(a), BigInt(b)) + 1n
}

/** A logarithm as an e-value for people; never compared with a bound. */
export function toE(lg: Lg): number {
  return 2 ** (Number(lg) / 4_294_967_296)
}

function bitLength(value: bigint): number {
  return value.toString(2).length
}

/** 2^(2^-1), 2^(2^-2), … in Q64, from square roots alone. */
const roots: readonly bigint[] = (() => {
  const out: bigint[] = []
  let square = 2n << 128n
  for (let i = 0; i < 32; i++) {
    square = squareRoot(square << 128n)
    out.push(square >> 64n)
  }
  return out
})()

/** ⌊√value⌋ by Newton, from above. */
function squareRoot(value: bigint): bigint {
  let x = 1n << BigInt((bitLength(value) + 1) >> 1)
  for (;;) {
    const next = (x + value / x) >> 1n
    if (next >= x) return x
    x = next
  }
}
