import test from 'brittle'
import { HOUR, MINUTE, toHex, type Bytes } from '../../lib/base/index.ts'
import { armOf, placeOf } from '../../lib/crowd/index.ts'
import {
  encodeEvidence,
  sealEvidence,
  type Artifact,
  type EvidenceDraft,
  type Policy
} from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { makeRelease } from '../tools/people.ts'
import { World, type WorldNode, type WorldOptions } from './world.ts'

/** Five stages with bakes of minutes. */
function minutes(nodes: number, more: object = {}): Policy {
  return readPolicyFile(
    {
      plan: 'custom',
      stages: [5, 20, 50, 75, 100].map((share, i) => ({ share, bake: i === 0 ? '8m' : '4m' })),
      prefetch: '1m',
      undoSpread: '1m',
      fillWithin: '2h',
      shadow: { policy: 'off' },
      gate: { settle: '5s', checkpoints: ['1m', '3m', '10m', '30m', '60m'] },
      deadlines: { migrate: '10s', start: '10s', shadow: '10s' },
      ...more
    },
    { nodes }
  ).policy
}

function fleet(options: WorldOptions): { world: World; first: Bytes } {
  const world = new World({ latencyMs: 10_000, ...options })
  const first = world.release(1, minutes(options.nodes))
  world.installed(first)
  world.run(MINUTE)
  return { world, first }
}

/** The first starts go well, every later one crashes. */
function goodFirst(count: number): () => 'good' | 'crash' {
  let starts = 0
  return () => (starts++ < count ? 'good' : 'crash')
}

const phaseOf = (node: WorldNode | undefined) => node?.decision?.view.phase
const stageOf = (node: WorldNode | undefined) => node?.decision?.view.stage ?? 0

test('two hundred nodes widen stage by stage and complete, the hold-back last', (t) => {
  const { world } = fleet({ nodes: 200 })
  const release = world.release(2, minutes(200))
  let exposedAtFirst = 0
  world.run(6 * HOUR, () => {
    if (stageOf(world.nodes[0]) === 1)
      exposedAtFirst = Math.max(exposedAtFirst, world.running(release))
    return world.nodes.every((node) => phaseOf(node) === 'completed')
  })
  t.ok(exposedAtFirst > 4 && exposedAtFirst < 30, `${exposedAtFirst} nodes in the first 5 %`)
  t.ok(
    world.nodes.every((node) => phaseOf(node) === 'completed'),
    'everybody sees it completed'
  )
  world.run(10 * MINUTE)
  t.is(world.running(release), 200)
  const tags = new Set(world.said.map(({ draft }) => draft.body.tag))
  t.alike([...tags].toSorted(), ['census', 'enrol', 'outcome', 'verdict'])
})

test('S68 a crashing release is halted in its first stage and undone', (t) => {
  const { world, first } = fleet({ nodes: 200, behaves: () => 'crash' })
  const release = world.release(2, minutes(200))
  world.run(HOUR)
  t.alike(world.nodes[0]?.decision?.halted, [release])
  t.is(stageOf(world.nodes[0]), 1)
  const tried = world.nodes.filter(({ attempts }) => attempts.length > 0).length
  t.ok(tried <= 30, `${tried} nodes tried it`)
  t.is(world.running(first), 200)
  t.ok(
    world.nodes.every(({ attempts }) => attempts.length <= 1),
    'nobody tries it again'
  )
})

test('S64 who was well takes back too, spread, while few are exposed', (t) => {
  const { world, first } = fleet({ nodes: 200, behaves: goodFirst(3) })
  const release = world.release(2, minutes(200))
  world.run(2 * HOUR, () => world.nodes[0]?.decision?.halted.length === 1)
  const on = world.running(release)
  t.ok(on > 0, `${on} healthy nodes run it when it halts`)
  world.run(2 * MINUTE)
  t.is(world.running(first), 200)
})

test('S64 onHalt stop: nothing new starts, nobody takes back', (t) => {
  const { world } = fleet({ nodes: 200, behaves: goodFirst(3) })
  const release = world.release(2, minutes(200, { onHalt: 'stop' }))
  world.run(2 * HOUR, () => world.nodes[0]?.decision?.halted.length === 1)
  const on = world.running(release)
  world.run(10 * MINUTE)
  t.is(world.running(release), on)
  t.ok(on > 0)
})

test('S63 without coverage the evidence holds and stalls, and never halts', (t) => {
  const { world } = fleet({ nodes: 200, behaves: () => 'crash', coverage: 800_000 })
  world.release(2, minutes(200))
  world.run(2 * HOUR)
  t.alike(world.nodes[0]?.decision?.halted, [])
  t.is(phaseOf(world.nodes[0]), 'stalled')
  const tried = world.nodes.filter(({ attempts }) => attempts.length > 0).length
  t.ok(tried <= 30, `${tried} tried it`)
})

test('S62 a silent cohort never widens: the quota of reports is missing', (t) => {
  const { world } = fleet({ nodes: 200 })
  const release = world.release(2, minutes(200))
  for (const node of world.nodes) node.mute = true
  world.run(4 * HOUR)
  t.is(stageOf(world.nodes[0]), 1)
  t.is(phaseOf(world.nodes[0]), 'stalled')
  t.ok(world.running(release) < 30)
})

test('S69 a newer release waits; `supersedes` ends the live one where it is', (t) => {
  const { world } = fleet({ nodes: 200 })
  const second = world.release(2, minutes(200))
  world.run(10 * MINUTE)
  const third = world.release(3, minutes(200))
  world.run(MINUTE)
  t.alike(world.nodes[0]?.decision?.view.release, second)
  t.alike(world.nodes[0]?.decision?.view.queued, [third])
  const on = world.running(second)
  const fourth = world.release(4, minutes(200), { supersedes: second })
  world.run(2 * MINUTE)
  t.alike(world.nodes[0]?.decision?.view.release, fourth)
  t.ok(world.running(second) <= on + 1, 'never started again')
  world.run(6 * HOUR)
  t.is(world.running(fourth), 200)
  t.is(world.running(third), 0, 'the one passed over never starts')
})

test('S66 a widen skips waiting, but not the first bake', (t) => {
  const { world } = fleet({ nodes: 200 })
  const release = world.release(2, minutes(200))
  world.run(2 * MINUTE)
  world.control(release, { action: 'widen', stage: 3 })
  world.run(MINUTE)
  t.is(stageOf(world.nodes[0]), 1, 'the first bake is not over')
  world.run(15 * MINUTE)
  t.ok(stageOf(world.nodes[0]) >= 3)
})

test('S57 a signed policy that cannot be read holds everybody', (t) => {
  const { world } = fleet({ nodes: 10 })
  const policy = minutes(10)
  const gate = { ...policy.gate, rho0: 9_000 }
  const release = world.release(2, { ...policy, gate })
  world.run(2 * HOUR)
  t.is(world.running(release), 0)
  const line = world.nodes[0]?.decision?.conditions.find(({ id }) => id === 'policy')
  t.is(line?.ok, false)
  t.ok(line?.text.includes('gate.rho0'))
})

test('votes that this version cannot count, and attestations that lack, hold and say so', (t) => {
  const { world } = fleet({ nodes: 10 })
  const policy = minutes(10)
  const release = world.release(2, { ...policy, others: { ...policy.others, attest: 2 } })
  world.run(2 * HOUR)
  t.is(world.running(release), 0)
  const line = world.nodes[0]?.decision?.conditions.find(({ id }) => id === 'attestations')
  t.is(line?.ok, false)
})

test('nobody able to shadow: unchecked, then one node alone before the stage opens', (t) => {
  const { world } = fleet({ nodes: 200 })
  const release = world.release(2, minutes(200, { shadow: { policy: 'prefer', wait: '10m' } }))
  world.run(9 * MINUTE)
  t.is(world.running(release), 0, 'the wait for able nodes')
  world.run(3 * MINUTE)
  const alone = world.running(release)
  t.ok(alone >= 1 && alone <= 3, `${alone} alone`)
  world.run(6 * HOUR)
  t.is(world.running(release), 200)
})

test('S58 a node that reports out of its turn is dropped by every reader', (t) => {
  const { world } = fleet({ nodes: 200 })
  const release = world.release(2, minutes(200))
  world.run(10)
  const rollout = world.pool.rollout(toHex(release))!
  const seed = rollout.lottery.seed
  const late = world.nodes.find(
    ({ key }) => armOf(rollout.bands, 1, { u: placeOf(seed, key), who: 0, lag: 0 }) === 'control'
  )!
  const enrol = (arm: 'treated' | 'control'): EvidenceDraft => ({
    subject: release.slice(0, 16),
    stage: 1,
    interval: 0,
    seq: 0,
    ttlS: 0,
    body: { tag: 'enrol', enrol: { arm, stratum: 1, dataMask: 0 } }
  })
  const offer = (draft: EvidenceDraft) => {
    const bare = encodeEvidence(world.network.id, late.key, Math.floor(world.nowMs / 1_000), draft)
    return world.pool.add(sealEvidence(bare, new Uint8Array(64)), world.nowMs).answer
  }
  t.is(offer(enrol('treated')), 'ignored')
  t.is(world.pool.fold(toHex(release)).n, 0)
  t.is(offer(enrol('control')), 'accepted', 'and its own arm counts')
})

test('S49 another platform or channel is not eligible, with the reason', (t) => {
  const { world } = fleet({ nodes: 10 })
  const node = world.nodes[0]!
  node.self = { platform: 'win32-x64' }
  world.release(2, minutes(10))
  world.step(node)
  const line = node.decision?.conditions.find(({ id }) => id === 'platform')
  t.is(line?.ok, false)
  t.ok(line?.text.includes('win32-x64') && line.text.includes('linux-x64'))
  node.self = { channel: 'beta' }
  world.step(node)
  t.is(node.decision?.about, null)
  t.is(node.decision?.act.tag, 'wait')
})

test('S51 of a release of three components, one missing here, nothing is used', (t) => {
  const here = 'linux-x64'
  const all = ['', 'cache', 'index']
  const judged = (offered: Readonly<Record<string, readonly string[]>>) => {
    const { world } = fleet({ nodes: 1 })
    const [whole] = makeRelease(world.network.id, {}).artifacts
    const artifacts = Object.entries(offered).flatMap(([platform, components]) =>
      components.map((component): Artifact => ({ ...whole!, platform, component }))
    )
    world.release(2, minutes(10), { artifacts })
    world.step(world.nodes[0]!)
    t.is(world.nodes[0]?.decision?.act.tag, 'wait')
    return world.nodes[0]?.decision?.conditions.find(({ id }) => id === 'platform')
  }
  const missing = judged({ [here]: ['', 'cache'], 'darwin-arm64': all })
  t.alike([missing?.ok, missing?.code], [false, 'INCOMPLETE'])
  t.ok(missing?.text.includes('lacks component index'))
  const several = judged({ [here]: all })
  t.alike([several?.ok, several?.code], [false, 'NOT_ELIGIBLE'], 'whole, but not for this version')
  const named = judged({ [here]: ['cache'] })
  t.alike([named?.ok, named?.code], [false, 'NOT_ELIGIBLE'])
})

test('S106 an abort at forty per cent takes back spread by ticket, not in one second', (t) => {
  const { world } = fleet({ nodes: 200 })
  const release = world.release(2, minutes(200))
  world.run(8 * HOUR, () => world.running(release) > 120)
  const on = world.running(release)
  world.control(release, { action: 'abort' })
  world.run(1_000)
  t.ok(on - world.running(release) < on / 4, 'a few in the first second of a minute')
  world.run(MINUTE)
  t.is(world.running(release), 0)
})

test('a resume after a halt starts again with new reporters, and excluded keys stay out', (t) => {
  let broken = true
  const { world } = fleet({ nodes: 200, behaves: () => (broken ? 'crash' : 'good') })
  const release = world.release(2, minutes(200))
  world.run(HOUR)
  t.alike(world.nodes[0]?.decision?.halted, [release])
  broken = false
  const liar = world.nodes.find(({ attempts }) => attempts.length > 0)!
  world.control(release, { action: 'resume', resume: 1, exclude: [liar.key] })
  world.run(8 * HOUR)
  t.alike(world.nodes[0]?.decision?.halted, [])
  t.is(phaseOf(world.nodes.find((node) => node.quarantine.length === 0)), 'completed')
  t.absent(world.pool.reporters(toHex(release)).some(({ hex }) => hex === liar.hex))
})
