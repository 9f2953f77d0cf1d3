// Published figures of others, met to their digits, and what must hold of every e-value.
import test from 'brittle'
import { log2q } from '../../lib/crowd/index.ts'
import { ladderLg, lnBuckets, marginBuckets, rungsOf } from '../../lib/rollout/gate/ladder.ts'
import { combine } from '../../lib/rollout/gate/combine.ts'
import { SimDice } from '../../lib/sim/index.ts'
import { bestRho, betaBinomialMixture, mixtureBound } from './confseq.ts'
import { maxSprt } from './maxsprt.ts'

const near = (a: number, b: number, by: number) => Math.abs(a - b) <= by
const ln = (lg: bigint) => (Number(lg) / 2 ** 32) * Math.LN2

test('safestats logrankSingleEExact: every block of the example, both alternatives', (t) => {
  const nC = [5, 4, 3, 3, 2, 1]
  const nT = [5, 5, 4, 2, 2, 0]
  const y = [1, 1, 0, 1, 0, 1]
  const x = [0, 0, 1, 0, 1, 0]
  const cases = [
    [[10n, 7n], [-0.194156014, -0.2135741, 0.137621378, -0.158224005, 0.162518929, 0], 0.7665818],
    [[7n, 10n], [0.162518929, 0.182321557, -0.168622712, 0.127833372, -0.194156014, 0], 1.116161]
  ] as const
  for (const [[p, q], published, e] of cases) {
    let sum = 0
    published.forEach((want, i) => {
      const wT = BigInt(nT[i]!)
      const wC = BigInt(nC[i]!)
      const d = BigInt(x[i]! + y[i]!)
      const lg = BigInt(x[i]!) * log2q(p, q) - d * log2q(wC * q + wT * p, (wT + wC) * q)
      t.ok(near(ln(lg), want, 1e-9), `block ${i + 1} at ${p}/${q}: ${ln(lg)} for ${want}`)
      sum += ln(lg)
    })
    t.ok(near(Math.exp(sum), e, 1e-6), `E ${Math.exp(sum)} for ${e}`)
  }
})

test('under "no worse" no block expects more than one, with three kinds of odds', (t) => {
  let most = 0
  let cases = 0
  for (const nT of [1, 2, 5, 20, 50]) {
    for (const nC of [1, 5, 20, 100]) {
      for (const margin of [1, 1.2, 2]) {
        const pi = (margin * nT) / (margin * nT + nC)
        for (const d of Array.from({ length: Math.min(40, nT + nC) }, (_, i) => i + 1)) {
          const laws = [
            fisher(nT, nC, d, 1),
            fisher(nT, nC, d, margin),
            wallenius(nT, nC, d, margin)
          ]
          for (const rho of [1.5, 2, 5, 30, 100]) {
            const cost = d * Math.log(1 + pi * (rho - 1))
            for (const law of laws) {
              const e = law.reduce((all, p, x) => all + p * Math.exp(x * Math.log(rho) - cost), 0)
              most = Math.max(most, e)
              cases++
            }
          }
        }
      }
    }
  }
  t.ok(most <= 1 + 1e-12, `largest expectation ${most.toFixed(12)} over ${cases} cases`)
  t.ok(cases > 5_000)
})

test('the ladder of the reference: thresholds, rungs and evidence to the bit', (t) => {
  const treated = Array.from({ length: 20 }, (_, i) => ((7 * i) % 11) + 2)
  const controls = Array.from({ length: 20 }, (_, i) => ((7 * i) % 11) - 3)
  const rungs = rungsOf({ treated, controls }, 0)
  t.alike(
    rungs.map(({ threshold }) => threshold),
    [4, 7, 11, 12]
  )
  t.alike(
    rungs.map(({ x }) => x),
    [16, 11, 4, 2]
  )
  t.alike(
    rungs.map(({ y }) => y),
    [7, 2, 0, 0]
  )
  t.is(ladderLg([{ treated, controls }], 0), 11518769603n)
  t.is(ladderLg([{ treated: [], controls: [] }], 100), 0n, 'no data says nothing')
  t.is(marginBuckets(100), 5)
  t.is(lnBuckets(log2q(1n, 2n)), -35, 'half as much is 35 buckets better')
  const lgs = [8n, 2n, -1n].map((lg) => lg << 32n)
  const parts = [500n, 100n, 200n].map((weight, i) => ({ weight, lg: lgs[i]! }))
  t.is(combine([...parts, { weight: 200n, lg: 0n }]), 30098564919n)
  t.is(combine([parts[0]!, parts[2]!, { weight: 200n, lg: 0n }]), 30079276723n)
})

test('confseq: beta-binomial mixture, its bounds and the best rho', (t) => {
  const how = { v: 100, g: 0.2, h: 0.8, best: 100 }
  t.ok(near(betaBinomialMixture(10, { ...how, oneSided: true }), -0.07134019, 1e-7))
  t.ok(near(betaBinomialMixture(10, { ...how, oneSided: false }), -0.6941012, 1e-6))
  t.ok(near(mixtureBound(0.05, { ...how, oneSided: true }), 28.41238, 1e-4))
  t.ok(near(mixtureBound(0.05, { ...how, oneSided: false }), 31.4308, 1e-3))
  t.ok(near(bestRho(100, 0.05), 12.60056, 1e-5))
})

test('Poisson MaxSPRT: the published critical values at 5 %', (t) => {
  const published = [
    [1, 2.853937],
    [5, 3.297183],
    [10, 3.467952],
    [20, 3.628123]
  ] as const
  for (const [time, want] of published) {
    const got = maxSprt(time, 0.05)
    t.ok(near(got, want, 2e-6), `T ${time}: ${got} for ${want}`)
  }
})

test('Armitage, McPherson, Rowe: a z of 5 % looked at again and again is none', (t) => {
  const looks = [1, 2, 3, 4, 5, 10, 20, 50]
  const published = [0.05, 0.083, 0.107, 0.126, 0.142, 0.193, 0.248, 0.32]
  const runs = 20_000
  const crossed = looks.map(() => 0)
  const dice = new SimDice(4)
  for (let run = 0; run < runs; run++) {
    let sum = 0
    let first = Infinity
    for (let n = 1; n <= 50; n++) {
      sum += Math.sqrt(-2 * Math.log(1 - dice.next())) * Math.cos(2 * Math.PI * dice.next())
      if (Math.abs(sum) / Math.sqrt(n) > 1.959964) {
        first = n
        break
      }
    }
    looks.forEach((look, i) => {
      if (first <= look) crossed[i]!++
    })
  }
  published.forEach((want, i) => {
    const got = crossed[i]! / runs
    const error = 3 * Math.sqrt((want * (1 - want)) / runs) + 0.0005
    t.ok(near(got, want, error), `${looks[i]} looks: ${got} for ${want}`)
  })
})

/** Fisher's noncentral law of x of d failures among nT and nC, as shares. */
function fisher(nT: number, nC: number, d: number, odds: number): readonly number[] {
  const weights = Array.from({ length: d + 1 }, (_, x) =>
    x > nT || d - x > nC ? -Infinity : choose(nT, x) + choose(nC, d - x) + x * Math.log(odds)
  )
  const top = Math.max(...weights)
  const raw = weights.map((weight) => Math.exp(weight - top))
  const all = raw.reduce((sum, weight) => sum + weight, 0)
  return raw.map((weight) => weight / all)
}

/** Wallenius: one after the other, each in proportion to what is left. */
function wallenius(nT: number, nC: number, d: number, odds: number): readonly number[] {
  let law = [1]
  for (let drawn = 0; drawn < d; drawn++) {
    const next = Array.from({ length: law.length + 1 }, () => 0)
    law.forEach((p, x) => {
      const wT = odds * (nT - x)
      const wC = nC - (drawn - x)
      if (p === 0 || wT + wC <= 0) return
      next[x + 1]! += (p * wT) / (wT + wC)
      next[x]! += (p * Math.max(0, wC)) / (wT + wC)
    })
    law = next
  }
  return law
}

function choose(n: number, k: number): number {
  let out = 0
  for (let i = 1; i <= k; i++) out += Math.log((n - k + i) / i)
  return out
}
