// Ways to fool a gate, planted: who is left out, what is shown, what is hidden.
import test from 'brittle'
import { assert, property, shuffledSubarray, subarray } from 'fast-check'
import { toHex } from '../../lib/base/index.ts'
import { Pool, type Fold } from '../../lib/crowd/index.ts'
import type { Evidence } from '../../lib/records/index.ts'
import { compilePlan } from '../../lib/rollout/index.ts'
import { judge, thresholds } from '../../lib/rollout/gate/judge.ts'
import { SimDice, simEpochMs } from '../../lib/sim/index.ts'
import { Upswell } from '../bench/gate/judges.ts'
import { patient, seedFor, worldOf } from '../sim/fleets.ts'

/** Everything a fleet of 1,000 said about a good release, of which some fail anyway. */
function goodRelease(seed: number, basePpm = 50_000) {
  const heard: Evidence[] = []
  const world = worldOf({
    seed,
    nodes: 1_000,
    basePpm,
    limitMs: 6 * 3_600_000,
    onSaid: (evidence) => heard.push(evidence)
  })
  world.run()
  const { believed, release, seatedMs } = world.network
  const hex = toHex(release)
  const seat = { issuedMs: seatedMs, operator: 'fleet', lag: 0 } as const
  const open = () => new Pool(believed, { verify: () => true, seatOf: () => seat })
  const reports = heard.filter(({ body }) => body.tag === 'enrol' || body.tag === 'outcome')
  return { reports, open, hex }
}

type Told = ReturnType<typeof goodRelease>

function foldOf({ open, hex }: Told, list: readonly Evidence[]): { pool: Pool; fold: Fold } {
  const pool = open()
  for (const evidence of list) pool.add(evidence, simEpochMs + 12 * 3_600_000)
  return { pool, fold: pool.fold(hex) }
}

function crosses(told: Told, { pool, fold }: { pool: Pool; fold: Fold }): boolean {
  const rollout = pool.rollout(told.hex)!
  return judge(fold, rollout).haltLg >= thresholds(rollout).halt
}

const fails = ({ body }: Evidence) => body.tag === 'outcome' && body.outcome.result === 'fail'
const isTreated = ({ body }: Evidence) =>
  (body.tag === 'enrol' && body.enrol.arm === 'treated') ||
  (body.tag === 'outcome' && body.outcome.arm === 'treated')

test('a cherry-picked bundle is damning, and says nothing to who holds the rest', patient, (t) => {
  const told = goodRelease(seedFor(21), 200_000)
  const bad = new Set(told.reports.filter(fails).map(({ signer }) => toHex(signer)))
  const picked = told.reports.filter((one) => isTreated(one) === bad.has(toHex(one.signer)))
  t.ok(crosses(told, foldOf(told, picked)), 'treated who failed and controls who did not')
  const own = foldOf(told, told.reports)
  t.absent(crosses(told, own), 'the whole set does not cross')
  for (const evidence of picked) own.pool.add(evidence, simEpochMs + 12 * 3_600_000)
  const union = { pool: own.pool, fold: own.pool.fold(told.hex) }
  t.absent(crosses(told, union), 'nor does it with the bundle on top')
})

test('hidden failing controls: nearly all of it is there, and it counts', patient, (t) => {
  const told = goodRelease(seedFor(22))
  const shown = told.reports.filter((one) => isTreated(one) || !fails(one))
  const hidden = foldOf(told, shown)
  const whole = foldOf(told, told.reports)
  const share = shown.length / told.reports.length
  t.ok(share > 0.95, `${Math.round(share * 100)} % of the statements are shown`)
  const lg = (it: typeof whole) => judge(it.fold, it.pool.rollout(told.hex)!).crashLg
  t.ok(lg(hidden) > lg(whole), 'hiding moves the evidence')
  t.absent(crosses(told, whole), 'one round with an honest peer ends it')
  for (const evidence of told.reports) hidden.pool.add(evidence, simEpochMs + 12 * 3_600_000)
  const healed = { pool: hidden.pool, fold: hidden.pool.fold(told.hex) }
  t.is(lg(healed), lg(whole), 'to the bit')
})

test('any order, any repetition, a subset and then the union: the same bits', patient, (t) => {
  const told = goodRelease(seedFor(23))
  const some = told.reports.slice(0, 400)
  const want = JSON.stringify(bits(foldOf(told, some).fold))
  const order = shuffledSubarray(some, { minLength: some.length })
  const again = subarray(some)
  const holds = property(order, again, again, (list, first, twice) => {
    const pool = told.open()
    for (const one of [...first, ...list, ...twice]) pool.add(one, simEpochMs + 12 * 3_600_000)
    return JSON.stringify(bits(pool.fold(told.hex))) === want
  })
  assert(holds, { numRuns: 40 })
  t.pass('forty orders')
})

function bits({ blocks, x, n, failed, done, strata, controlsEnrolled, ...rest }: Fold) {
  return [blocks, x, n, failed, done, strata, controlsEnrolled, rest.distinctControls()]
}

test('nodes that are bad whatever they run, left out of controls alone, halt anything', (t) => {
  const runs = 60
  const halts = { both: 0, asymmetric: 0 }
  for (let seed = 1; seed <= runs; seed++) {
    if (badNodes(seed, false)) halts.both++
    if (badNodes(seed, true)) halts.asymmetric++
  }
  t.ok(halts.both <= 1, `observed again: ${halts.both} of ${runs} halted`)
  t.ok(halts.asymmetric > runs / 2, `left out of one arm: ${halts.asymmetric} of ${runs}`)
})

/** 3 % of the nodes fail nine windows of ten, the others one of five hundred, whatever runs. */
function badNodes(seed: number, asymmetric: boolean): boolean {
  const policy = compilePlan('standard', { nodes: 20_000 })
  const gate = new Upswell({ ...policy, gate: { ...policy.gate, rho0: 1_000 } }, (x) =>
    Math.min(0, x)
  )
  const dice = new SimDice(seed)
  const bad = Array.from({ length: 2_000 }, () => dice.next() < 0.03)
  const failed = bad.map(() => false)
  const hasFailed = (i: number) => dice.next() < (bad[i] === true ? 0.9 : 0.002)
  for (let stage = 0; stage < 18; stage++) {
    const from = stage * 100
    const look = { x: 0, y: 0, nT: 0, nC: 0 }
    for (let i = from; i < 2_000; i++) {
      const isOld = i >= from + 100
      // whoever drops controls that failed before, and not treated ones, compares sick with well
      if (isOld && asymmetric && failed[i] === true) continue
      const out = hasFailed(i)
      if (isOld) {
        look.nC++
        if (out) look.y++
        if (out) failed[i] = true
      } else {
        look.nT++
        if (out) look.x++
      }
    }
    if (gate.hear(look) === 'halt') return true
  }
  return false
}
