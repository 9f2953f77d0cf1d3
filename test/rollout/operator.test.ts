// What an operator wants, seen in a fleet: who takes a release by hand is counted nowhere, who
// asked for a window has it, and who was away goes by way of the barrier.
import test from 'brittle'
import { DAY, equal, HOUR, MINUTE, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Policy, Window } from '../../lib/records/index.ts'
import { readPolicyFile, wishAgainst, type Wishes } from '../../lib/rollout/index.ts'
import { World, type WorldNode } from './world.ts'

function plan(nodes: number, more: object = {}): Policy {
  const gate = { settle: '5s', checkpoints: ['1m', '3m', '10m', '30m', '60m'] }
  const times = { migrate: '10s', start: '10s', shadow: '10s' }
  const shadow = { policy: 'off' }
  const stages = [25, 50, 100].map((share) => ({ share, bake: '8m' }))
  const bakes = { plan: 'custom', stages, prefetch: '1m', fillWithin: '30m' }
  return readPolicyFile({ ...bakes, shadow, gate, deadlines: times, ...more }, { nodes }).policy
}

function fleet(nodes = 100): { readonly world: World; readonly first: Bytes } {
  const world = new World({ nodes, latencyMs: 10_000 })
  const first = world.release(1, plan(nodes))
  world.installed(first)
  world.run(MINUTE)
  return { world, first }
}

const runs = (node: WorldNode, release: Bytes): boolean =>
  node.running !== null && equal(node.running, release)
const conditionOf = (node: WorldNode, id: string) =>
  node.decision?.conditions.find((one) => one.id === id)
const mineOf = (node: WorldNode, release: Bytes) => node.memory.runs[toHex(release)]?.mine ?? []

/** A node whose turn is far away. */
function last(world: World, release: Bytes): WorldNode {
  world.run(2 * HOUR, () => world.running(release) > 5)
  const found = world.nodes.find((node) => conditionOf(node, 'place')?.ok === false)
  if (found === undefined) throw new Error('nobody waits')
  return found
}

function wishes(fields: Partial<Wishes>): Wishes {
  const none = { windows: [], zone: () => 0, urgentWaits: false, skipWindow: [] }
  return { ...none, consent: 'none', jitterMs: 0, holdText: '', unfit: [], ...fields }
}

test('--now takes a release out of its turn, and no report of it counts', (t) => {
  const { world } = fleet()
  const release = world.release(2, plan(100))
  const node = last(world, release)
  node.self = { appliedNow: [release] }
  node.nextMs = world.nowMs
  world.run(2 * MINUTE)
  t.ok(runs(node, release))
  const treated = mineOf(node, release).filter(({ arm }) => arm === 'treated')
  t.alike(
    treated.map(({ speaks, over }) => [speaks, over]),
    [[false, true]]
  )
  world.run(6 * HOUR)
  const said = world.said.filter((one) => one.node === node.index && one.atMs > world.nowMs - DAY)
  t.absent(
    said.some(({ draft }) => draft.body.tag === 'outcome'),
    'nothing is said of how it fares'
  )
})

test('--now passes no brake, no pause and no halt', (t) => {
  const { world } = fleet()
  const release = world.release(2, plan(100))
  const node = last(world, release)
  world.brake(release, DAY)
  node.self = { appliedNow: [release] }
  world.wake()
  world.run(HOUR)
  t.absent(runs(node, release))
  t.is(conditionOf(node, 'brake')?.ok, false)
})

test('--now of an isolated node comes though it hears no fleet', (t) => {
  const { world } = fleet(3)
  const release = world.release(2, plan(100))
  const [node, ...others] = world.nodes
  if (node === undefined) return t.fail('no node')
  for (const other of others) other.off = true
  world.coverage = 0
  world.run(2 * HOUR)
  t.absent(runs(node, release), 'alone it waits')
  node.self = { appliedNow: [release] }
  node.nextMs = world.nowMs
  world.run(10 * MINUTE)
  t.ok(runs(node, release))
})

// The clock of this world is at half past nine in the morning, UTC.
const night: Window = { days: 127, startMinute: 0, lengthMs: HOUR, tz: 'UTC' }

test('a turn that comes outside of a window waits for it, and an urgent one does not', (t) => {
  const { world } = fleet()
  const own = wishes({ windows: [night] })
  for (const node of world.nodes.slice(0, 50)) node.self = { wishes: own }
  const release = world.release(2, plan(100))
  world.run(12 * HOUR)
  const kept = world.nodes.slice(0, 50).filter((node) => runs(node, release))
  t.is(kept.length, 0)
  const { how } = plan(100)
  const urgent = world.release(
    3,
    { ...plan(100), how: { ...how, urgent: true } },
    {
      supersedes: release
    }
  )
  world.run(4 * HOUR)
  t.ok(world.nodes.slice(0, 50).some((node) => runs(node, urgent)))
})

test('with urgent = "no" windows hold for urgent releases as well', (t) => {
  const { world } = fleet(1)
  const [node] = world.nodes
  if (node === undefined) return t.fail('no node')
  node.self = { wishes: wishes({ windows: [night], urgentWaits: true }) }
  const small = readPolicyFile({ plan: 'small' }, { nodes: 1 }).policy
  const release = world.release(2, { ...small, how: { ...small.how, urgent: true } })
  world.run(5 * HOUR)
  t.absent(runs(node, release))
  world.run(DAY)
  t.ok(runs(node, release))
})

test('a window that closed during the rehearsal is asked for again before the hand-over', (t) => {
  const { world } = fleet(1)
  const [node] = world.nodes
  if (node === undefined) return t.fail('no node')
  node.self = {
    wishes: wishes({ windows: [{ ...night, startMinute: 9 * 60, lengthMs: 3 * HOUR }] })
  }
  const release = world.release(2, plan(1))
  const input = world.inputOf(node)
  t.is(wishAgainst(input, release), null)
  const later = wishAgainst({ ...input, nowMs: input.nowMs + 4 * HOUR }, release)
  t.is(later?.id, 'window')
  t.is(wishAgainst({ ...input, self: { ...input.self, hold: true } }, release)?.id, 'hold')
  t.is(wishAgainst({ ...input, self: { ...input.self, skipped: [release] } }, release)?.id, 'hold')
  t.is(wishAgainst(input, Uint8Array.of(1)), null, 'what is not known is not judged here')
})

test('S50 who was away takes the barrier first, and then what stands behind it', (t) => {
  const world = new World({ nodes: 3, latencyMs: 10_000 })
  const small = readPolicyFile({ plan: 'small' }, { nodes: 3 }).policy
  const first = world.release(1, small)
  world.installed(first)
  world.run(MINUTE)
  const everywhere = (release: Bytes) => () => world.running(release) === 3
  const barrier = world.release(2, small)
  world.run(9 * DAY)
  t.ok(everywhere(barrier)())
  const barriers = [{ release: barrier, reason: 'state' }]
  const third = world.release(3, { ...small, who: { ...small.who, barriers } })
  world.run(9 * DAY)
  t.ok(everywhere(third)(), 'who has passed the barrier goes on')
  const away = world.addNode()
  away.running = first
  away.nextMs = world.nowMs
  const order = [toHex(first)]
  world.run(9 * DAY, () => {
    const hex = away.running === null ? '' : toHex(away.running)
    if (order.at(-1) !== hex) order.push(hex)
    return hex === toHex(third)
  })
  t.alike(order, [first, barrier, third].map(toHex))
})

test('S50 a node before the barrier says so', (t) => {
  const { world } = fleet(1)
  const [node] = world.nodes
  if (node === undefined) return t.fail('no node')
  const base = plan(1)
  const barriers = [{ release: Uint8Array.from({ length: 32 }, () => 9), reason: 'state' }]
  const release = world.release(2, { ...base, who: { ...base.who, barriers } })
  world.run(HOUR)
  t.absent(runs(node, release))
  t.ok(conditionOf(node, 'barrier')?.text.endsWith('comes first'))
})
