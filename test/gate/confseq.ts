/** Beta-binomial mixture as `gostevehoward/confseq` publishes it. */
export interface Mixture {
  readonly v: number
  readonly g: number
  readonly h: number
  /** The time it is tuned for. */
  readonly best: number
  readonly oneSided: boolean
}

export function bestRho(v: number, alpha: number): number {
  const twice = 2 * Math.log(1 / alpha)
  return v / (twice + Math.log(1 + twice))
}

/** Logarithm of the mixture at a sum `s`. */
export function betaBinomialMixture(s: number, mixture: Mixture, alpha = 0.05): number {
  const { v, g, h, best, oneSided } = mixture
  const r = Math.max(bestRho(best, oneSided ? 2 * alpha : alpha) - g * h, (g * h) / 1_000)
  const x = oneSided ? h / (g + h) : 1
  const gh = g + h
  return (
    (v / (g * h)) * Math.log(gh) -
    ((v + h * s) / (h * gh)) * Math.log(g) -
    ((v - g * s) / (g * gh)) * Math.log(h) +
    lnBeta((r + v - g * s) / (g * gh), (r + v + h * s) / (h * gh), x) -
    lnBeta(r / (g * gh), r / (h * gh), x)
  )
}

/** The sum at which the mixture reaches 1/alpha. */
export function mixtureBound(alpha: number, mixture: Mixture): number {
  let low = 0
  let high = mixture.v / mixture.g - 1e-9
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (betaBinomialMixture(middle, mixture, alpha) < Math.log(1 / alpha)) low = middle
    else high = middle
  }
  return low
}

/** Logarithm of the incomplete beta integral up to `x`. */
function lnBeta(a: number, b: number, x: number): number {
  const whole = lnGamma(a) + lnGamma(b) - lnGamma(a + b)
  if (x >= 1) return whole
  const front = a * Math.log(x) + b * Math.log(1 - x)
  if (x < (a + 1) / (a + b + 2)) return front + Math.log(fraction(a, b, x) / a)
  const other = front + Math.log(fraction(b, a, 1 - x) / b)
  return whole + Math.log1p(-Math.exp(other - whole))
}

/** Lentz's continued fraction. */
function fraction(a: number, b: number, x: number): number {
  const tiny = 1e-300
  let c = 1
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny)
  let out = d
  for (let m = 1; m < 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / (1 + even * d || tiny)
    c = 1 + even / c || tiny
    out *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / (1 + odd * d || tiny)
    c = 1 + odd / c || tiny
    out *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return out
}

/** Lanczos, g = 7. */
function lnGamma(z: number): number {
  const parts = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
    -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
    1.5056327351493116e-7
  ]
  const x = z - 1
  const base = x + 7.5
  const sum = parts.reduce((all, part, i) => all + (i === 0 ? part : part / (x + i)), 0)
  return 0.5 * Math.log(2 * Math.PI) + (x + 0.5) * Math.log(base) - base + Math.log(sum)
}
