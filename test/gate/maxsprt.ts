/** The critical value of the Poisson MaxSPRT that rejects by `time` in a share `alpha` of runs. */
export function maxSprt(time: number, alpha: number): number {
  let low = 1
  let high = 8
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (rejects(time, middle) > alpha) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** P(reject by `time`): for each count the last time at which it rejects, convolved between. */
function rejects(time: number, bound: number): number {
  let law = [1]
  let at = 0
  let out = 0
  for (let count = 1; at < time; count++) {
    const until = Math.min(time, lastTime(count, bound))
    if (until <= at) {
      // so few events reject at no time that is still to come
      const gone = law.slice(count).reduce((all, p) => all + p, 0)
      out += gone
      law = law.slice(0, count)
      continue
    }
    law = convolved(law, until - at, count)
    const kept = law.reduce((all, p) => all + p, 0)
    out = 1 - kept
    at = until
  }
  return out
}

/** The last t < c with t − c + c·ln(c/t) ≥ bound. */
function lastTime(count: number, bound: number): number {
  let low = 0
  let high = count
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (middle - count + count * Math.log(count / middle) >= bound) low = middle
    else high = middle
  }
  return low
}

/** Poisson increments over `span`, the mass below `count` kept. */
function convolved(law: readonly number[], span: number, count: number): number[] {
  const steps = [Math.exp(-span)]
  for (let k = 1; k < count; k++) steps.push(((steps[k - 1] ?? 0) * span) / k)
  return Array.from({ length: count }, (_, n) => {
    let sum = 0
    for (let k = 0; k <= n; k++) sum += (law[n - k] ?? 0) * (steps[k] ?? 0)
    return sum
  })
}
