// Fixed thresholds as others have them, and numbers that are none: at, just above, just below.
import test from 'brittle'
import { isOtaError } from '../../lib/base/index.ts'
import { compilePlan, metricsOf, readPolicyFile, withFixes } from '../../lib/rollout/index.ts'
import { checkPolicy } from '../../lib/rollout/plan/policy.ts'
import { isPassed, stopsOf, withExtras, type ExtraStop } from '../../lib/rollout/plan/extras.ts'
import { decodePolicy, encodePolicy } from '../../lib/records/index.ts'

const share = (percent: number, minSample = 1): ExtraStop => ({
  what: 'failed',
  sharePpm: percent * 10_000,
  count: null,
  minSample
})
const count = (most: number): ExtraStop => ({
  what: 'failed',
  sharePpm: null,
  count: most,
  minSample: 1
})

test('hawkBit: errors / total > threshold, strictly; of nobody nothing is too much', (t) => {
  const cases: readonly (readonly [number, number, number, boolean])[] = [
    [50, 5, 10, false],
    [50, 6, 10, true],
    [50, 4, 10, false],
    [10, 1, 10, false],
    [10, 2, 10, true],
    [10, 100, 1_000, false],
    [10, 101, 1_000, true],
    [33, 33, 100, false],
    [33, 34, 100, true],
    [33, 1, 3, true],
    [0, 0, 10, false],
    [0, 1, 1_000_000, true],
    [100, 10, 10, false],
    [50, 0, 0, false],
    [1, 1, 99, true],
    [1, 1, 100, false],
    [1, 1, 101, false]
  ]
  for (const [percent, bad, of, want] of cases) {
    t.is(isPassed(share(percent), { bad, of }), want, `${bad} of ${of} at ${percent} %`)
  }
})

test('AWS: nothing is judged below the smallest number of executed things', (t) => {
  t.absent(isPassed(share(20, 10), { bad: 9, of: 9 }), 'just below')
  t.ok(isPassed(share(20, 10), { bad: 3, of: 10 }), 'at the number, above the share')
  t.absent(isPassed(share(20, 10), { bad: 2, of: 10 }), 'at the share')
  t.ok(isPassed(share(20, 10), { bad: 3, of: 11 }), 'just above')
})

test('Argo: a limit is passed by more than so many; a limit of 0 by the first', (t) => {
  for (const limit of [0, 1, 3, 4]) {
    t.absent(isPassed(count(limit), { bad: limit, of: 100 }), `${limit} at ${limit}`)
    t.ok(isPassed(count(limit), { bad: limit + 1, of: 100 }), `${limit + 1} above ${limit}`)
    if (limit > 0) t.absent(isPassed(count(limit), { bad: limit - 1, of: 100 }), 'just below')
  }
})

test('what a file writes comes back from the bytes, and holds and reads the same', (t) => {
  const file = {
    plan: 'standard',
    gate: {
      metrics: [
        { name: 'p95', kind: 'latency', margin: 5 },
        { name: 'queue', bad: 'down' }
      ]
    },
    extraStop: [
      { what: 'failed', share: '0.5%', minSample: 200 },
      { what: 'silent', count: 12 }
    ]
  }
  const { policy } = readPolicyFile(file, { nodes: 20_000 })
  const back = decodePolicy(encodePolicy(policy))
  t.alike(metricsOf(back), [
    { name: 'p95', kind: 'latency', margin: 50, bad: 'up', denMin: 100 },
    { name: 'queue', kind: 'number', margin: 100, bad: 'down', denMin: 100 }
  ])
  t.alike(stopsOf(back), [
    { what: 'failed', sharePpm: 5_000, count: null, minSample: 200 },
    { what: 'silent', sharePpm: null, count: 12, minSample: 1 }
  ])
  checkPolicy(back)
  t.pass('and its own check accepts it')
})

test('S57 no number, no share or no known word in metrics and thresholds is refused', (t) => {
  const bads: readonly (readonly [object, string])[] = [
    [{ extraStop: [{ share: NaN }] }, 'extraStop[0].share'],
    [{ extraStop: [{ share: 0.1 }] }, 'extraStop[0].share'],
    [{ extraStop: [{ share: 150 }] }, 'extraStop[0].share'],
    [{ extraStop: [{ share: '10' }] }, 'extraStop[0].share'],
    [{ extraStop: [{ count: -1 }] }, 'extraStop[0].count'],
    [{ extraStop: [{ count: 1.5 }] }, 'extraStop[0].count'],
    [{ extraStop: [{ count: NaN }] }, 'extraStop[0].count'],
    [{ extraStop: [{ count: Infinity }] }, 'extraStop[0].count'],
    [{ extraStop: [{ share: 5, count: 5 }] }, 'extraStop[0]'],
    [{ extraStop: [{}] }, 'extraStop[0]'],
    [{ extraStop: [{ share: 5, minSample: 0 }] }, 'extraStop[0].minSample'],
    [{ extraStop: [{ share: 5, action: 'halt' }] }, 'extraStop[0].action'],
    [{ extraStop: [{ share: 5, on: 'timeout' }] }, 'extraStop[0].on'],
    [{ extraStop: 'never' }, 'extraStop'],
    [{ gate: { metrics: [{ name: 'P95' }] } }, 'gate.metrics[0].name'],
    [{ gate: { metrics: [{ name: 'a', kind: 'gauge' }] } }, 'gate.metrics[0].kind'],
    [{ gate: { metrics: [{ name: 'a', margin: NaN }] } }, 'gate.metrics[0].margin'],
    [{ gate: { metrics: [{ name: 'a', denMin: 0 }] } }, 'gate.metrics[0].denMin'],
    [{ gate: { metrics: [{ name: 'a' }, { name: 'a' }] } }, 'gate.metrics'],
    [{ gate: { metrics: Array.from({ length: 6 }, () => ({ name: 'a' })) } }, 'gate.metrics'],
    [{ gate: { alpha: NaN } }, 'gate.alpha'],
    [{ gate: { epsilon: NaN } }, 'gate.epsilon'],
    [{ gate: { treated: NaN } }, 'gate.treated'],
    [{ holdBack: NaN }, 'holdBack']
  ]
  for (const [file, path] of bads) {
    try {
      readPolicyFile({ plan: 'standard', ...file }, { nodes: 20_000 })
      t.fail(`${path} was taken`)
    } catch (error) {
      t.ok(isOtaError(error, 'POLICY_INVALID'), path)
      t.is(isOtaError(error) ? error.facts['path'] : null, path)
    }
  }
})

test('S57 signed bytes of metrics or thresholds that cannot be read hold everybody', (t) => {
  const policy = compilePlan('standard', { nodes: 20_000 })
  const stop = withExtras(policy, { metrics: [], stops: [share(5)] }).ext[0]!
  const bads = [
    { tag: 1, bytes: new Uint8Array(0) },
    { tag: 1, bytes: Uint8Array.of(1) },
    { tag: 1, bytes: Uint8Array.of(6) },
    { tag: 2, bytes: stop.bytes.slice(0, -1) },
    { tag: 2, bytes: Uint8Array.of(...stop.bytes, 0) },
    { tag: 2, bytes: Uint8Array.of(9, ...stop.bytes.slice(1)) },
    { tag: 3, bytes: Uint8Array.of(1) }
  ]
  for (const ext of bads) {
    try {
      checkPolicy({ ...policy, ext: [ext] })
      t.fail(`tag ${ext.tag} of ${ext.bytes.byteLength} bytes was taken`)
    } catch (error) {
      t.ok(isOtaError(error, 'POLICY_INVALID'))
    }
  }
})

test('S69 a release that fixes another moves its nodes first, within the same bounds', (t) => {
  for (const nodes of [60, 2_500, 20_000]) {
    const plan = nodes < 2_000 ? 'short' : 'standard'
    const fixed = withFixes(compilePlan(plan, { nodes }))
    checkPolicy(fixed)
    t.alike(
      fixed.plan.stages.slice(0, 3).map(({ who, sharePpm }) => [who, sharePpm]),
      [
        [1, 250_000],
        [1, 1_000_000],
        [0, 50_000]
      ]
    )
    const { policy } = readPolicyFile({ plan, fixes: 'abc' }, { nodes })
    t.alike(policy.plan.stages, fixed.plan.stages, 'a file that names it compiles the same')
    t.alike(withFixes(fixed), fixed, 'twice is once')
  }
})
