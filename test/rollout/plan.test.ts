import test from 'brittle'
import { isOtaError } from '../../lib/base/index.ts'
import { checkPolicy, compilePlan, readPolicyFile, s18 } from '../../lib/rollout/index.ts'
import { leastMs, smallWidth, widthSteps } from '../../lib/rollout/plan/policy.ts'
import { reach } from '../../lib/rollout/plan/presets.ts'

/** What a thunk is refused with: its code and the path it names. */
function refusal(fn: () => unknown): string {
  try {
    fn()
  } catch (error) {
    if (isOtaError(error)) return `${error.code} ${error.facts['path']}`
    throw error
  }
  return 'accepted'
}

/** Widths of the steps of plan small. */
function widths(members: number): string {
  const out: number[] = []
  for (let good = 0; good < members;) {
    const width = Math.min(smallWidth(good, members), members - good)
    out.push(width)
    good += width
  }
  return out.join(' ')
}

const read = (value: unknown) => refusal(() => readPolicyFile(value, { nodes: 400 }))

const stages = (...shares: unknown[]) => ({
  plan: 'custom',
  stages: shares.map((share) => ({ share }))
})

test('the standard plan of 18 stages is the published list', (t) => {
  t.alike(
    s18(),
    [
      50000, 100000, 150000, 200000, 250000, 300000, 350000, 400000, 450000, 500000, 650000, 755000,
      828500, 879950, 915965, 941175, 958822, 1000000
    ]
  )
})

test('every preset compiles into a policy that its own check accepts', (t) => {
  for (const nodes of [1, 3, 20, 50, 51, 300, 1_999, 2_000, 10_000, 1_000_000]) {
    for (const preset of ['standard', 'short', 'small', 'urgent'] as const) {
      if (preset === 'small' && nodes > 1_000) continue
      t.is(
        refusal(() => checkPolicy(compilePlan(preset, { nodes }))),
        'accepted',
        `${preset} ${nodes}`
      )
    }
  }
})

test('quotas are half of the reporters, and the last stage keeps its controls', (t) => {
  const ten = compilePlan('standard', { nodes: 10_000 }).plan.stages
  t.alike([ten[0]?.qT, ten[0]?.qC], [100, 300])
  t.alike([ten[17]?.qT, ten[17]?.qC], [56, 150], '97 % while it bakes, 300 controls left')
  const two = compilePlan('standard', { nodes: 2_000 }).plan.stages
  t.alike([two[0]?.kC, two[1]?.kC, two[2]?.kC], [1_800, 1_800, 400], 'below 3,000 nodes')
  t.is(reach(1_000_000, 958_822, 30, 30_000), 1_000_000, 'no hold-back of less than a node')
})

test('widths of plan small: one until three are good, two until five, then quarters', (t) => {
  t.is(widths(8), '1 1 1 2 2 1')
  t.is(widths(10), '1 1 1 2 3 2')
  t.is(widths(20), '1 1 1 2 5 5 5')
  t.is(widths(50), '1 1 1 2 13 13 13 6')
  t.is(widthSteps(20), 7)
})

test('a file changes single values of a preset', (t) => {
  const { policy, channel } = readPolicyFile(
    {
      policy: 1,
      channel: 'beta',
      plan: 'small',
      onHalt: 'stop',
      undoSpread: '2s',
      shadow: { policy: 'off' },
      gate: { settle: '1s', checkpoints: ['1s', '3s', '6s', '12s', '24s'] }
    },
    { nodes: 20 }
  )
  t.is(channel, 'beta')
  t.alike(policy.gate.checkpointsMs, [1_000, 3_000, 6_000, 12_000, 24_000])
  t.is(policy.gate.windowsOpenMs, 1_000, 'the window opens with the first report')
  t.is(policy.plan.stages[0]?.bakeMs, 3_000, 'a step bakes until checkpoint 1')
  t.is(policy.time.reportMs, 1_000)
  t.alike([policy.halt.onHalt, policy.halt.undoSpreadMs], ['stop', 2_000])
  t.is(leastMs(policy), 7 * 4_000 + 6_000)
})

test('a custom list is counted for the fleet', (t) => {
  const { policy } = readPolicyFile(
    {
      plan: 'custom',
      stages: [
        { share: 10, bake: '10m' },
        { share: 100, bake: '5m', approve: '2-of-3' }
      ],
      gate: { treated: 25, controls: 50 }
    },
    { nodes: 400 }
  )
  t.alike(
    policy.plan.stages.map((s) => [s.sharePpm, s.bakeMs, s.qT, s.qC, s.approve]),
    [
      [100_000, 600_000, 13, 25, 0],
      [1_000_000, 300_000, 13, 1, 1]
    ]
  )
})

test('bakes of a file reach the first stage and the others', (t) => {
  const { policy } = readPolicyFile({ plan: 'short', bake: ['2h', '20m'] }, { nodes: 500 })
  t.alike(
    policy.plan.stages.map((s) => s.bakeMs),
    [7_200_000, 1_200_000, 1_200_000, 1_200_000, 1_200_000]
  )
})

test('S57 a policy that is missing, NaN, ambiguous or out of range is refused', (t) => {
  t.is(read(null), 'POLICY_INVALID ')
  t.is(read({ plan: 'gentle' }), 'POLICY_INVALID plan', 'unknown word')
  t.is(read({ plna: 'small' }), 'POLICY_INVALID plna', 'unknown name')
  t.is(read({ gate: { alhpa: 1 } }), 'POLICY_INVALID gate.alhpa')
  t.is(read({ gate: { alpha: Number.NaN } }), 'POLICY_INVALID gate.alpha')
  t.is(read({ gate: { alpha: 0.9 } }), 'POLICY_INVALID gate.alpha')
  t.is(read({ attest: 2 }), 'accepted', 'organisations that must attest')
  t.is(read({ attest: 'trust' }), 'accepted', 'as many as the trust asks for')
  t.is(read({ attest: -1 }), 'POLICY_INVALID attest')
  t.is(read({ attest: 'all' }), 'POLICY_INVALID attest')
  t.is(read({ votes: { need: 50 } }), 'POLICY_INVALID votes.need')
  t.is(read({ shadow: { policy: 'require' } }), 'POLICY_INVALID shadow.policy')
  t.is(read(stages(0.1, 100)), 'POLICY_INVALID stages[0].share', '0.1 where 10 % was meant')
  t.is(read(stages('0.1%', 100)), 'accepted', 'and 0.1 % where it is said')
  t.is(read(stages(150)), 'POLICY_INVALID stages[0].share')
  t.is(read(stages(Number.NaN, 100)), 'POLICY_INVALID stages[0].share')
  t.is(read(stages(0, 100)), 'POLICY_INVALID stages[0].share', '0 is nobody')
  t.is(read(stages(50, 20, 100)), 'POLICY_INVALID stages[1].share', 'shares rise')
  t.is(read(stages(50)), 'POLICY_INVALID stages[0].share', 'the last is everybody')
  t.is(read({ plan: 'custom' }), 'POLICY_INVALID plan.stages', 'no list')
  t.is(read({ undoUpTo: 40 }), 'POLICY_INVALID halt.undoUpTo', 'undo reaches 10 % at most')
  t.is(
    read({ gate: { checkpoints: ['3s', '1s', '6s', '7s', '8s'] } }),
    'POLICY_INVALID gate.checkpoints[1]'
  )
  t.is(read({ bake: ['5 minutes'] }), 'POLICY_INVALID bake[0]')
  t.is(read({ selector: 'os = linux' }), 'POLICY_INVALID selector', 'what is not built is refused')
})

test('S57 the node judges the signed numbers by the same rules', (t) => {
  const base = compilePlan('standard', { nodes: 5_000 })
  const gate = { ...base.gate, rho0: Number.NaN }
  t.is(
    refusal(() => checkPolicy({ ...base, gate })),
    'POLICY_INVALID gate.rho0'
  )
  const plan = { ...base.plan, stages: base.plan.stages.toReversed() }
  t.is(
    refusal(() => checkPolicy({ ...base, plan })),
    'POLICY_INVALID stages[1].share'
  )
  const ext = [{ tag: 3, bytes: new Uint8Array(0) }]
  t.is(
    refusal(() => checkPolicy({ ...base, ext })),
    'POLICY_INVALID ext',
    'a critical extension'
  )
  t.is(
    refusal(() => checkPolicy({ ...base, ext: [{ ...ext[0]!, tag: 200 }] })),
    'accepted'
  )
})

const ask = (protocol: unknown) => read({ plan: 'short', requires: { protocol } })

test('a protocol range is two versions in order, or the file is refused by the path', (t) => {
  t.is(ask([1, 1]), 'accepted')
  for (const wrong of [[2, 1], [1, 0], [0, 1], [1], [1, 2, 3], [1, 256], [1_000_001, 1], 'any']) {
    t.ok(ask(wrong).startsWith('POLICY_INVALID'), JSON.stringify(wrong))
  }
})
