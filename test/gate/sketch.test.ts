// What a node keeps of a metric, and the one small number it tells.
import test from 'brittle'
import { bucketOf, Sketch } from '../../lib/rollout/index.ts'
import { SimDice } from '../../lib/sim/index.ts'

function filled(count: number, seed: number, times = 1): { sketch: Sketch; values: number[] } {
  const dice = new SimDice(seed)
  const sketch = new Sketch()
  const values = Array.from({ length: count }, () =>
    Math.floor(times * 1_000 * (1 + dice.next() * 9))
  )
  for (const value of values) sketch.add(value)
  return { sketch, values: values.toSorted((a, b) => a - b) }
}

test('quantiles lie within two per cent, and two halves merge to the same sketch', (t) => {
  const { sketch, values } = filled(5_000, 1)
  const halves = [new Sketch(), new Sketch()]
  values.forEach((value, i) => halves[i % 2]!.add(value))
  halves[0]!.merge(halves[1]!)
  for (const quantile of [500, 900, 950, 990]) {
    const exact = values[Math.floor((values.length * quantile) / 1_000)]!
    const told = sketch.quantile(quantile)!
    t.ok(Math.abs(told / exact - 1) < 0.021, `p${quantile / 10}: ${told} for ${exact}`)
    t.is(halves[0]!.quantileLg(quantile), sketch.quantileLg(quantile))
  }
  t.is(halves[0]!.count, 5_000)
})

test('a fifth slower is nine buckets, give or take a cell; better is below zero', (t) => {
  const before = filled(2_000, 2).sketch
  const slower = filled(2_000, 2, 1.2).sketch
  const how = { quantile: 950, bad: 'up', denMin: 100 } as const
  const bucket = bucketOf(before, slower, how)!
  t.ok(bucket >= 7 && bucket <= 11, `${bucket}`)
  t.is(bucketOf(before, before, how), 0)
  t.is(bucketOf(before, slower, { ...how, bad: 'down' }), -bucket)
})

test('no data is neither zero nor a pass: too few before is out, none after worst', async (t) => {
  const how = { quantile: 950, bad: 'up', denMin: 100 } as const
  const few = filled(99, 3).sketch
  const enough = filled(100, 3).sketch
  t.is(bucketOf(few, enough, how), undefined)
  t.is(bucketOf(enough, new Sketch(), how), null)
  t.is(bucketOf(enough, enough, how), 0)
  t.is(new Sketch().quantile(500), null)
  for (const bad of [NaN, -1, 1.5, Infinity])
    await t.exception(() => new Sketch().add(bad), /whole number/)
  const zeros = new Sketch()
  zeros.add(0)
  t.is(zeros.quantile(500), 0, 'a metric that is always zero has a quantile')
})
