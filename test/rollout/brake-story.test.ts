// A story. On Friday evening somebody who holds one brake key sees trouble and pulls it; nobody
// else is awake. On Saturday night the brake lapses. What then happens depends on what the fleet
// has seen by itself, and never on who was asleep.
import test from 'brittle'
import { DAY, HOUR, MINUTE, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Policy } from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { World, type WorldNode } from './world.ts'

/** Three stages with bakes of half an hour. */
function plan(nodes: number): Policy {
  return readPolicyFile(
    {
      plan: 'custom',
      stages: [40, 70, 100].map((share) => ({ share, bake: '30m' })),
      prefetch: '1m',
      shadow: { policy: 'off' },
      gate: { settle: '30s', checkpoints: ['2m', '10m', '60m', '3h', '6h'] },
      deadlines: { migrate: '10s', start: '10s', shadow: '10s' }
    },
    { nodes }
  ).policy
}

const phaseOf = (node: WorldNode | undefined) => node?.decision?.view.phase
const stageOf = (node: WorldNode | undefined) => node?.decision?.view.stage ?? 0
const eOf = (node: WorldNode | undefined) => node?.decision?.view.e ?? 0

/** Friday: sixty nodes, and those of the first stage have switched. */
function friday(): { world: World; release: Bytes; watcher: WorldNode } {
  const world = new World({ nodes: 60, latencyMs: 30_000 })
  world.installed(world.release(1, plan(60)))
  world.run(MINUTE)
  const release = world.release(2, plan(60))
  world.run(3 * HOUR, () => world.nodes.every((node) => phaseOf(node) === 'baking'))
  // turns are spread over a quarter of the bake
  world.run(8 * MINUTE)
  const hex = toHex(release)
  const watcher = world.nodes.find(({ running }) => toHex(running!) !== hex)!
  return { world, release, watcher }
}

/** So many of those who switched begin to fail, by themselves. */
function fail(world: World, release: Bytes, count: number): void {
  const hex = toHex(release)
  const treated = world.nodes.filter(({ running }) => toHex(running!) === hex)
  for (const node of treated.slice(0, count)) {
    node.failsAtMs = world.nowMs
    node.nextMs = world.nowMs
  }
}

test('Saturday, and nothing had happened: the stage bakes again, then the rollout ends', (t) => {
  const { world, release, watcher } = friday()
  const on = world.running(release)
  t.is(world.brake(release, DAY), 'accepted')
  world.run(DAY - 1)
  t.is(world.running(release), on, 'a day on which nobody switched')
  t.alike(watcher.decision?.halted, [], 'a brake halts nothing')
  world.brake(release, DAY)
  world.run(20 * MINUTE)
  t.is(stageOf(watcher), 1, 'it has lapsed, and the stage bakes from zero')
  world.run(8 * HOUR, () => world.nodes.every((node) => phaseOf(node) === 'completed'))
  world.run(HOUR)
  t.is(world.running(release), 60)
})

test('Saturday, and some had failed: it waits for people and goes on at their word', (t) => {
  const { world, release, watcher } = friday()
  fail(world, release, 5)
  world.run(MINUTE)
  t.ok(eOf(watcher) >= 10 && eOf(watcher) < 100, `E ${eOf(watcher)} holds and does not halt`)
  const on = world.running(release)
  world.brake(release, DAY)
  world.run(DAY + 6 * HOUR)
  t.is(world.running(release), on, 'not even one more node')
  t.is(stageOf(watcher), 1)
  t.is(phaseOf(watcher), 'stalled', 'people are asked')
  t.alike(watcher.decision?.halted, [])
  // On Monday they have looked: the five had a full disk.
  world.control(release, { action: 'resume', resume: 1 })
  world.run(8 * HOUR, () => stageOf(watcher) > 1)
  t.ok(stageOf(watcher) > 1, 'a resume counts afresh')
})

test('Saturday, and the rest fail as well: the fleet halts under the brake', (t) => {
  const { world, release, watcher } = friday()
  world.brake(release, DAY)
  world.run(5 * MINUTE)
  fail(world, release, 100)
  world.run(20 * MINUTE)
  t.is(world.running(release), 0)
  t.alike(watcher.decision?.halted, [release])
  world.run(DAY + HOUR)
  t.is(world.running(release), 0, 'a lapsed brake does not wake what was halted')
})
