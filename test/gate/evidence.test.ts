// What the fold makes of late failures, of one platform alone, and of those a hold calls up.
import test from 'brittle'
import { alloc, HOUR, toHex, type Bytes } from '../../lib/base/index.ts'
import { armOf, placeOf, Pool, reporterRank, stageOf, type Rollout } from '../../lib/crowd/index.ts'
import {
  encodeEvidence,
  sealEvidence,
  type EvidenceBody,
  type Policy
} from '../../lib/records/index.ts'
import { compilePlan } from '../../lib/rollout/index.ts'
import { liarBudget } from '../../lib/rollout/gate/evidence.ts'
import { judge, thresholds } from '../../lib/rollout/gate/judge.ts'
import { toE } from '../../lib/crowd/index.ts'
import { SimDice, simEpochMs } from '../../lib/sim/index.ts'
import { keyOf } from '../../lib/sim/fleet.ts'
import { foundNetwork } from '../../lib/sim/network.ts'

const nodes = 8_000

function open(policy: Policy) {
  const network = foundNetwork(new SimDice(3), policy)
  const seat = { issuedMs: network.seatedMs, operator: 'one', lag: 0 } as const
  const pool = new Pool(network.believed, { verify: () => true, seatOf: () => seat })
  const hex = toHex(network.release)
  const rollout = pool.rollout(hex)!
  const salt = alloc(32).fill(7)
  const keys = Array.from({ length: nodes }, (_, i) => keyOf(salt, i))
  const say = (key: Bytes, { stage, seq, fails = false, stratum = 0 }: Said) => {
    const arm = armOn(rollout, stage, key)!
    const enrol = { arm, stratum, dataMask: 0 }
    const result = fails ? ('fail' as const) : ('ok' as const)
    const cause = fails ? ('crash-loop' as const) : ('none' as const)
    const body: EvidenceBody =
      seq === 0
        ? { tag: 'enrol', enrol }
        : { tag: 'outcome', outcome: { ...enrol, result, cause, tries: 0, metrics: [] } }
    const subject = network.release.slice(0, 16)
    const draft = { subject, stage, interval: 0, seq, ttlS: 0, body }
    const bare = encodeEvidence(network.id, key, Math.floor(simEpochMs / 1_000), draft)
    return pool.add(sealEvidence(bare, alloc(64)), simEpochMs + 9 * HOUR).answer
  }
  const drawn = (stage: number, arm: 'treated' | 'control', below?: bigint) =>
    keys.filter((key) => {
      const band = rollout.bands.list[stage - 1]!
      const line = below ?? (arm === 'treated' ? band.lineT : band.lineC)
      return armOn(rollout, stage, key) === arm && reporterRank(rollout.lottery, stage, key) < line
    })
  return { pool, hex, rollout, say, drawn }
}

interface Said {
  readonly stage: number
  readonly seq: number
  readonly fails?: boolean
  readonly stratum?: number
}

function armOn(rollout: Rollout, stage: number, key: Bytes) {
  const u = placeOf(rollout.lottery.seed, key)
  return armOf(rollout.bands, stage, { u, who: 0, lag: 0 })
}

test('treated who all fail after the ages of the bake halt, though no control said more', (t) => {
  const { pool, hex, rollout, say, drawn } = open(compilePlan('standard', { nodes }))
  const treated = drawn(1, 'treated')
  const controls = drawn(1, 'control')
  for (const key of [...treated, ...controls]) say(key, { stage: 1, seq: 4 })
  const before = judge(pool.fold(hex), rollout)
  t.ok(before.haltLg < thresholds(rollout).hold, 'four hours are well')
  for (const key of treated.slice(0, 12)) say(key, { stage: 1, seq: 5, fails: true })
  const after = judge(pool.fold(hex), rollout)
  t.ok(after.haltLg >= thresholds(rollout).halt, `E ${toE(after.crashLg)} before a day has passed`)
})

test('a control whose own stage has opened may have switched: it counts with what it said', (t) => {
  const { pool, hex, rollout, say, drawn } = open(compilePlan('standard', { nodes }))
  for (const key of [...drawn(1, 'treated'), ...drawn(1, 'control')]) say(key, { stage: 1, seq: 4 })
  const [first] = drawn(1, 'treated')
  say(first!, { stage: 1, seq: 5, fails: true })
  const late = () => pool.fold(hex).blocks.find(({ checkpoint }) => checkpoint === 4)!
  const all = late().nC
  const second = drawn(2, 'treated')
  for (const key of second) say(key, { stage: 2, seq: 0 })
  const gone = drawn(1, 'control').filter((key) => {
    const u = placeOf(rollout.lottery.seed, key)
    return stageOf(rollout.bands, { u, who: 0, lag: 0 }) === 2
  })
  t.ok(gone.length > 5, `${gone.length} controls of stage 1 move in stage 2`)
  t.ok(all - late().nC > 0 && all - late().nC <= gone.length, 'they leave, and nobody else')
})

test('a crash on one platform of two is not diluted by the other', (t) => {
  const two = [0, 16]
  const policy = compilePlan('standard', { nodes })
  const { pool, hex, rollout, say, drawn } = open(policy)
  t.is(rollout.platforms.length, 1)
  for (const stratum of two) {
    const key = drawn(1, 'treated')[stratum]!
    const answer = say(key, { stage: 1, seq: 0, stratum })
    t.is(answer, stratum === 0 ? 'accepted' : 'ignored', 'a platform nobody has a tree for')
  }
  const fold = pool.fold(hex)
  const block = { stage: 1, checkpoint: 0, y: 4, nT: 100, nC: 300 }
  const counts = [
    { stratum: 0, x: 1, n: 100 },
    { stratum: 1, x: 9, n: 100 }
  ]
  const blocks = counts.map(({ stratum, x }) => ({ ...block, stratum, x }))
  const apart = judge({ ...fold, blocks, x: 10, n: 200, strata: counts }, rollout)
  const mixed = judge(
    { ...fold, blocks, x: 10, n: 200, strata: [{ stratum: 0, x: 10, n: 200 }] },
    rollout
  )
  t.ok(apart.crashLg > mixed.crashLg, `${toE(apart.crashLg)} apart, ${toE(mixed.crashLg)} together`)
})

test('ranks that speak only when called up count only once one of them has spoken', (t) => {
  const { pool, hex, rollout, say, drawn } = open(compilePlan('standard', { nodes }))
  const band = rollout.bands.list[0]!
  t.is(band.moreT, 2 * band.kT)
  const byRank = (key: Bytes) => reporterRank(rollout.lottery, 1, key)
  const all = drawn(1, 'treated', band.lineMoreT).toSorted((a, b) =>
    byRank(a) < byRank(b) ? -1 : 1
  )
  const first = all.filter((key) => byRank(key) < band.lineT)
  for (const key of first) say(key, { stage: 1, seq: 0 })
  t.is(pool.fold(hex).n, Math.min(band.kT, first.length), 'the k that were signed')
  const [called] = all.filter((key) => byRank(key) >= band.lineT)
  t.ok(called !== undefined, 'there is more to call up')
  say(called!, { stage: 1, seq: 0 })
  t.is(pool.fold(hex).n, first.length + 1, 'now everybody who is here')
})

test('the plan of doubled reporters keeps within what a node holds', (t) => {
  for (const [plan, size] of [
    ['standard', 2_000],
    ['standard', 1_000_000],
    ['short', 1_000]
  ] as const) {
    const { list } = open(compilePlan(plan, { nodes: size })).rollout.bands
    for (const { moreT, moreC } of list) t.ok(moreT + moreC <= 3_200)
    const all = list.reduce((sum, { moreT, moreC }) => sum + moreT + moreC, 0)
    t.ok(all <= 21_600, `${plan} of ${size}: ${all}`)
  }
})

test('liars: at least one failure is believed away, then a hundredth, rounded down', (t) => {
  const cases = [
    [1, 1],
    [100, 1],
    [150, 1],
    [199, 1],
    [200, 2],
    [400, 4],
    [3_400, 34]
  ] as const
  for (const [n, want] of cases) t.is(liarBudget(99, n, 10_000), want, `${n} reports`)
  t.is(liarBudget(1, 3_400, 10_000), 1, 'never more than there are')
  t.is(liarBudget(9, 3_400, 0), 0, 'none where the policy says so')
})
