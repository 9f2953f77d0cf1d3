// What lies over a rollout: brakes, pauses, beacons that are not heard. Measuring goes on, stages
// stand still; afterwards a stage bakes from zero, or goes on where its clock stood.
import test from 'brittle'
import { DAY, HOUR, MINUTE, SECOND, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Policy } from '../../lib/records/index.ts'
import { readPolicyFile, type Decision } from '../../lib/rollout/index.ts'
import { idOf } from '../tools/people.ts'
import { World, type WorldNode, type WorldOptions } from './world.ts'

/** Three stages with bakes of minutes. */
function minutes(nodes: number, more: object = {}): Policy {
  return readPolicyFile(
    {
      plan: 'custom',
      stages: [25, 50, 100].map((share) => ({ share, bake: '8m' })),
      prefetch: '1m',
      undoSpread: '1m',
      fillWithin: '30m',
      shadow: { policy: 'off' },
      gate: { settle: '5s', checkpoints: ['1m', '3m', '10m', '30m', '60m'] },
      deadlines: { migrate: '10s', start: '10s', shadow: '10s' },
      ...more
    },
    { nodes }
  ).policy
}

const beacons = { beacon: { members: [21, 22, 23], threshold: 1 } }

function fleet(options: Partial<WorldOptions> = {}): { world: World; first: Bytes } {
  const world = new World({ nodes: 100, latencyMs: 10_000, ...options })
  const first = world.release(1, minutes(world.nodes.length))
  world.installed(first)
  if (options.roles?.beacon !== undefined) world.beacon(21, 1)
  world.run(MINUTE)
  return { world, first }
}

const runOf = (node: WorldNode | undefined, release: Bytes) => node?.memory.runs[toHex(release)]
const phaseOf = (node: WorldNode | undefined) => node?.decision?.view.phase
const stageOf = (node: WorldNode | undefined) => node?.decision?.view.stage ?? 0

function conditionOf(
  node: WorldNode | undefined,
  id: string
): Decision['conditions'][number] | undefined {
  return node?.decision?.conditions.find((one) => one.id === id)
}

/** A node that has not switched yet. */
function waiting(world: World, release: Bytes): WorldNode {
  const hex = toHex(release)
  return world.nodes.find(({ running }) => running === null || toHex(running) !== hex)!
}

/** Everybody's first stage has begun to bake. */
function baking(world: World, release: Bytes): void {
  world.run(2 * HOUR, () => world.nodes.every((node) => phaseOf(node) === 'baking'))
  if (stageOf(world.nodes[0]) !== 1) throw new Error(`${phaseOf(world.nodes[0])}`)
  if (world.running(release) === 0) throw new Error('nobody switched')
}

const isCompleted = (world: World) => () =>
  world.nodes.every((node) => phaseOf(node) === 'completed')

test('S104 a brake: stages stand still, nothing stalls, then the stage bakes anew', (t) => {
  const { world } = fleet()
  const release = world.release(2, minutes(100))
  baking(world, release)
  const on = world.running(release)
  t.is(world.brake(release, 2 * HOUR), 'accepted')
  const endMs = world.nowMs + 2 * HOUR
  world.run(HOUR)
  t.is(world.running(release), on, 'nobody switches under a brake')
  const node = waiting(world, release)
  t.is(phaseOf(node), 'hold', 'a hold of three bakes, and not stalled')
  t.is(conditionOf(node, 'brake')?.ok, false)
  t.is(conditionOf(node, 'brake')?.code, 'PAUSED')
  t.is(conditionOf(node, 'brake')?.text, 'braked by p1 (outage), 1 h 0 min left')
  world.run(endMs - world.nowMs + 30 * SECOND)
  t.is(stageOf(node), 1, 'the lapse alone widens nothing')
  t.is(conditionOf(node, 'brake')?.text, 'no brake')
  t.is(runOf(node, release)?.bakeMs, endMs, 'the bake counts from its end')
  world.run(endMs + 8 * MINUTE - 1 - world.nowMs)
  t.is(stageOf(node), 1, 'a whole bake more')
  world.run(MINUTE)
  t.is(stageOf(node), 2)
  world.run(6 * HOUR, isCompleted(world))
  t.ok(isCompleted(world)(), 'and the rollout ends as it would have')
})

test('S104 a node that slept through a brake bakes again from its end', (t) => {
  const { world } = fleet()
  const release = world.release(2, minutes(100))
  baking(world, release)
  const sleeper = waiting(world, release)
  sleeper.off = true
  world.brake(release, 5 * MINUTE)
  const endMs = world.nowMs + 5 * MINUTE
  world.run(6 * MINUTE)
  sleeper.off = false
  sleeper.nextMs = world.nowMs
  world.run(SECOND)
  t.is(runOf(sleeper, release)?.bakeMs, endMs)
  t.is(runOf(sleeper, release)?.lapsedMs, endMs)
})

test('S104 a brake while a stage fills: its time to fill counts from the lapse', (t) => {
  const { world } = fleet()
  const release = world.release(2, minutes(100))
  world.run(2 * HOUR, () => world.running(release) > 0)
  t.is(phaseOf(world.nodes[0]), 'filling')
  world.brake(release, 2 * HOUR)
  world.run(119 * MINUTE)
  t.is(phaseOf(world.nodes[0]), 'filling', 'far beyond `fillWithin`, and not stalled')
  world.run(HOUR, () => phaseOf(world.nodes[0]) !== 'filling')
  t.is(phaseOf(world.nodes[0]), 'baking')
})

test('a brake stops no halt: measuring goes on under it, and own failures are taken back', (t) => {
  const { world, first } = fleet()
  const release = world.release(2, minutes(100))
  baking(world, release)
  world.brake(release, DAY)
  world.run(MINUTE)
  const treated = world.nodes.filter(({ running }) => toHex(running!) === toHex(release))
  for (const node of treated) {
    node.failsAtMs = world.nowMs
    node.nextMs = world.nowMs
  }
  world.run(10 * MINUTE)
  t.is(world.running(first), 100)
  t.ok(
    world.nodes.every(({ decision }) => decision?.halted.length === 1),
    'everybody has seen the halt'
  )
})

test('a release that is not braked itself goes on, and one key of two is not enough', (t) => {
  const { world, first } = fleet({ roles: { brake: { members: [1, 2, 3], threshold: 2 } } })
  const release = world.release(2, minutes(100))
  baking(world, release)
  t.is(world.brake(first, DAY), 'accepted')
  t.is(world.brake(release, DAY), 'accepted')
  world.run(9 * MINUTE)
  const node = waiting(world, release)
  t.is(stageOf(node), 2)
  t.is(conditionOf(node, 'brake')?.ok, true)
  t.is(conditionOf(node, 'brake')?.text, 'braked by p1, which is too few keys')
  world.brake(release, HOUR, 2)
  world.run(SECOND)
  t.is(conditionOf(waiting(world, release), 'brake')?.ok, false, 'two keys are')
})

test('S37 stale: no stage moves; with the next beacon its clock goes on where it stood', (t) => {
  const { world } = fleet({ roles: beacons })
  const heardMs = world.nowMs - MINUTE
  const stages = [25, 50, 100].map((share) => ({ share, bake: '2h' }))
  const release = world.release(2, minutes(100, { stages }))
  baking(world, release)
  const node = waiting(world, release)
  const bakeMs = runOf(node, release)?.bakeMs ?? 0
  const staleMs = heardMs + HOUR
  t.ok(world.nowMs < staleMs && staleMs < bakeMs + 2 * HOUR, 'the beacons end in mid-bake')
  world.run(staleMs - world.nowMs)
  world.wake()
  world.run(1)
  const on = world.running(release)
  world.run(7 * HOUR)
  t.is(world.running(release), on, 'nobody switches')
  t.is(stageOf(node), 1)
  t.is(conditionOf(node, 'trust')?.code, 'STALE')
  t.is(phaseOf(node), 'hold', 'and not stalled')
  world.beacon(21, 3)
  const backMs = world.nowMs
  world.run(SECOND)
  t.is(conditionOf(node, 'trust')?.ok, true)
  const stoodMs = backMs - staleMs
  const now = runOf(node, release)?.bakeMs ?? 0
  t.ok(Math.abs(now - bakeMs - stoodMs) < MINUTE, 'it stood, and lost nothing')
})

test('S37 frozen: nothing is installed, not even first; stale stops no first install', (t) => {
  const { world, first } = fleet({ roles: beacons })
  const fresh = world.addNode()
  fresh.off = true
  world.run(2 * HOUR)
  const stale = world.step(fresh)
  t.alike(stale.act, { tag: 'fetch', release: first }, 'stale')
  world.nowMs += DAY
  const frozen = world.step(fresh)
  t.is(frozen.act.tag, 'wait', 'frozen')
  t.is(frozen.conditions.find(({ ok }) => ok === false)?.code, 'FROZEN')
  world.beacon(21, 2)
  t.is(world.step(fresh).act.tag, 'upgrade', 'one newer beacon ends it')
})

test('S39 S40 what most beacons name and nobody gives stops installs; few stop none', (t) => {
  const { world } = fleet({ roles: beacons })
  const release = world.release(2, minutes(100))
  baking(world, release)
  const node = waiting(world, release)
  for (const by of [21, 22, 23]) world.beacon(by, 5)
  world.beacon(22, 6, { digest: idOf(7) })
  world.run(9 * MINUTE)
  t.is(stageOf(node), 2, 'one of three says so: the rollout goes on')
  world.beacon(23, 6, { digest: idOf(7) })
  world.run(SECOND)
  t.is(conditionOf(node, 'trust')?.code, 'WITHHELD')
  t.is(conditionOf(node, 'trust')?.text, 'statements that nobody gives, named by p22, p23')
  const on = world.running(release)
  const trust = { trustVersion: 2, trustId: idOf(8) }
  world.beacon(22, 7, trust)
  world.beacon(23, 7, trust)
  world.run(20 * MINUTE)
  t.is(world.running(release), on)
  t.is(conditionOf(node, 'trust')?.code, 'TRUST_WITHHELD')
  world.beacon(22, 8)
  world.beacon(23, 8)
  world.run(MINUTE)
  t.is(conditionOf(node, 'trust')?.ok, true, 'who says again what is believed here ends it')
})

test('S47 a clock that ran ahead and came back makes no bake shorter', (t) => {
  const { world } = fleet()
  const release = world.release(2, minutes(100))
  baking(world, release)
  const node = waiting(world, release)
  const input = world.inputOf(node)
  const ahead = world.decide({
    ...input,
    nowMs: input.nowMs + 5 * HOUR,
    network: { ...input.network, clockSkewMs: -5 * HOUR }
  })
  const back = world.decide({ ...input, nowMs: input.nowMs + MINUTE, memory: ahead.memory })
  const before = runOf(node, release)
  const after = back.memory.runs[toHex(release)]
  t.is(after?.stage, 1)
  t.is(after?.bakeMs, before?.bakeMs)
})

test('S47 a clock more than an hour off says nothing and takes nothing', (t) => {
  const { world } = fleet()
  const release = world.release(2, minutes(100))
  const node = waiting(world, release)
  world.run(10 * MINUTE)
  const input = world.inputOf(node)
  for (const clockSkewMs of [2 * HOUR, -2 * HOUR]) {
    const off = { ...input, nowMs: input.nowMs + HOUR, network: { ...input.network, clockSkewMs } }
    const decision = world.decide(off)
    t.is(decision.say.length, 0, 'no census, no enrolment, no outcome')
    t.is(decision.act.tag, 'wait')
    t.is(decision.conditions.find(({ id }) => id === 'trust')?.code, 'CLOCK_SKEW')
  }
  const decision = world.decide({ ...input, nowMs: input.nowMs + HOUR })
  t.ok(decision.say.length > 0, 'with a good clock it would have')
})
