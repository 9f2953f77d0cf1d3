import test from 'brittle'
import { HOUR, MINUTE, SECOND, toHex } from '../../lib/base/index.ts'
import type { Policy } from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { World, type WorldOptions } from './world.ts'

/** Plan small with checkpoints of seconds, as a demonstration signs it. */
function quick(nodes: number, more: object = {}): Policy {
  return readPolicyFile(
    {
      plan: 'small',
      undoSpread: '2s',
      gate: { settle: '1s', checkpoints: ['1s', '3s', '6s', '12s', '24s'] },
      deadlines: { migrate: '1s', start: '2s', shadow: '1s' },
      ...more
    },
    { nodes }
  ).policy
}

/** A fleet that runs r1, with everybody's census in. */
function fleet(options: WorldOptions): { world: World; first: ReturnType<World['release']> } {
  const world = new World(options)
  const first = world.release(1, quick(options.nodes))
  world.installed(first)
  world.run(5 * SECOND)
  return { world, first }
}

test('S112 twenty nodes go one by one, in pairs, then in quarters, without needless waits', (t) => {
  const { world } = fleet({ nodes: 20 })
  const release = world.release(2, quick(20))
  const startMs = world.nowMs
  let widest = 0
  const groups: number[] = []
  world.run(10 * MINUTE, () => {
    const busy = world.nodes.filter(({ goingTo }) => goingTo !== null).length
    widest = Math.max(widest, busy)
    if (busy > 0 && busy !== groups[groups.length - 1]) groups.push(busy)
    return world.nodes.every(
      ({ decision }) => decision?.completed.some((id) => toHex(id) === toHex(release)) ?? false
    )
  })
  t.is(world.running(release), 20)
  t.is(widest, 5, 'a quarter at most')
  const elapsed = world.nowMs - startMs
  t.comment(`twenty nodes in ${elapsed} ms of fleet time`)
  // seven groups of checkpoint 1, two settles and a start, and the last one at checkpoint 2
  t.ok(elapsed <= 7 * (3_000 + 2 * 1_000 + 600) + 6_000 + 2_000, `${elapsed} ms`)
  t.is(
    world.nodes.reduce((all, { attempts }) => all + attempts.length, 0),
    20,
    'each once'
  )
})

test('S112 a crash reaches one node: one retry, then the fleet halts', (t) => {
  const { world, first } = fleet({ nodes: 20, behaves: () => 'crash' })
  const release = world.release(2, quick(20))
  world.run(2 * MINUTE)
  const tried = world.nodes.filter(({ attempts }) => attempts.length > 0)
  t.is(tried.length, 1)
  t.is(tried[0]?.attempts.length, 2, 'tried, waited checkpoint 0, tried once more')
  t.is(world.running(first), 20, 'all run the old version')
  for (const { decision } of world.nodes) t.alike(decision?.halted, [release])
  const words = world.said.filter(({ draft }) => draft.body.tag === 'verdict')
  t.ok(
    words.length > 10 &&
      words.every(
        ({ draft }) => draft.body.tag === 'verdict' && draft.body.verdict.word === 'halted'
      )
  )
})

test('S112 one failure is retried once and the rollout goes on', (t) => {
  let crashes = 0
  const { world } = fleet({
    nodes: 3,
    behaves: (_node, _release, tries) => (tries === 0 && crashes++ === 0 ? 'crash' : 'good')
  })
  const release = world.release(2, quick(3))
  world.run(2 * MINUTE)
  t.is(world.running(release), 3)
  t.is(
    world.nodes.reduce((all, { attempts }) => all + attempts.length, 0),
    4
  )
  t.ok(world.nodes.every(({ decision }) => decision?.view.phase === 'completed'))
})

test('S112 two nodes that fail once each halt: the second failure is enough', (t) => {
  let crashes = 0
  const { world } = fleet({
    nodes: 20,
    behaves: (_node, _release, tries) => (tries === 0 && crashes++ < 2 ? 'crash' : 'good')
  })
  const release = world.release(2, quick(20))
  world.run(3 * MINUTE)
  t.alike(world.nodes[0]?.decision?.halted, [release])
  t.is(world.running(release), 0, 'two of twenty are 10 %: they take back')
})

test('S112 a halt beyond 10 % stops and undoes nothing', (t) => {
  let starts = 0
  const { world } = fleet({ nodes: 20, behaves: () => (++starts > 8 ? 'crash' : 'good') })
  const release = world.release(2, quick(20))
  world.run(3 * MINUTE)
  t.alike(world.nodes[0]?.decision?.halted, [release])
  const kept = world.running(release)
  t.ok(kept >= 5, `${kept} nodes keep it until a quorum aborts`)
  world.control(release, { action: 'abort' })
  world.run(10 * SECOND)
  t.is(world.running(release), 0, 'and then all take back')
})

test('S112 the first silent node is skipped, the second holds', (t) => {
  const { world } = fleet({ nodes: 20 })
  const release = world.release(2, quick(20))
  let silenced = 0
  world.run(5 * MINUTE, () => {
    for (const node of world.nodes) {
      if (
        node.running !== null &&
        toHex(node.running) === toHex(release) &&
        silenced < 2 &&
        !node.off
      ) {
        node.off = true
        silenced++
      }
    }
    return silenced === 2 && world.nodes.some(({ decision }) => decision?.view.phase === 'hold')
  })
  t.is(silenced, 2)
  const held = world.nodes.find(({ off }) => !off)
  t.is(held?.decision?.view.phase, 'hold')
  const before = world.running(release)
  world.run(4 * SECOND)
  t.is(world.running(release), before, 'nobody goes while it holds')
  world.run(3 * MINUTE)
  t.ok(world.running(release) > before, 'stalled without a failure: on with one at a time')
})

test('three nodes: one after the other, completed when the last is good at checkpoint 2', (t) => {
  const { world } = fleet({ nodes: 3 })
  const release = world.release(2, quick(3))
  let most = 0
  world.run(MINUTE, () => {
    most = Math.max(most, world.nodes.filter(({ goingTo }) => goingTo !== null).length)
    return world.nodes.every(({ decision }) => decision?.view.phase === 'completed')
  })
  t.is(most, 1)
  t.is(world.running(release), 3)
})

test('one node alone watches itself', (t) => {
  const { world } = fleet({ nodes: 1 })
  const release = world.release(2, quick(1))
  world.run(MINUTE)
  t.is(world.running(release), 1)
  t.is(world.nodes[0]?.decision?.view.phase, 'completed')
})

test('a member on hold is passed over after twice checkpoint 1, without fault', (t) => {
  const { world } = fleet({ nodes: 5 })
  for (const node of world.nodes.slice(0, 2)) node.self = { hold: true }
  const release = world.release(2, quick(5))
  world.run(3 * MINUTE)
  t.is(world.running(release), 3)
  t.is(world.nodes[4]?.decision?.view.failures, 0)
  for (const node of world.nodes) node.self = {}
  world.wake()
  world.run(2 * MINUTE)
  t.is(world.running(release), 5, 'and takes its turn when it may')
})

test('less than 90 % coverage never halts, whatever the own set says', (t) => {
  const { world } = fleet({ nodes: 20, behaves: () => 'crash', coverage: 500_000 })
  world.release(2, quick(20))
  world.run(2 * MINUTE)
  t.alike(world.nodes[0]?.decision?.halted, [])
  t.is(world.nodes[0]?.decision?.view.phase, 'stalled', 'but nothing new starts either')
  t.is(world.nodes.filter(({ attempts }) => attempts.length > 0).length, 1)
})

test('S61 in open membership two failures hold and never halt', (t) => {
  const { world } = fleet({ nodes: 5, behaves: () => 'crash', open: true })
  world.release(2, quick(5))
  world.run(HOUR)
  t.alike(world.nodes[0]?.decision?.halted, [])
  t.ok(world.nodes.some(({ decision }) => decision?.view.phase === 'hold'))
})

test('a pause stops the next node, and lifting it lets the rollout end', (t) => {
  const { world } = fleet({ nodes: 6 })
  const release = world.release(2, quick(6))
  world.run(8 * SECOND)
  const pause = world.control(release, { action: 'pause' })
  world.run(5 * SECOND)
  const before = world.running(release)
  world.run(MINUTE)
  t.is(world.running(release), before)
  t.is(
    world.nodes
      .find(({ running }) => running !== null && toHex(running) !== toHex(release))
      ?.decision?.conditions.find(({ id }) => id === 'pause')?.ok,
    false
  )
  world.control(release, { action: 'resume', resume: 1, lifts: [pause] })
  world.run(3 * MINUTE)
  t.is(world.running(release), 6)
})

test('first install takes the newest completed release at once and is counted nowhere', (t) => {
  const { world, first } = fleet({ nodes: 4 })
  world.release(2, quick(4))
  const fresh = world.addNode()
  fresh.nextMs = world.nowMs
  world.run(2 * SECOND)
  t.is(toHex(fresh.running ?? new Uint8Array()), toHex(first), 'r1, not the one in its rollout')
  const enrolled = world.said.filter(
    ({ node, draft }) => node === fresh.index && draft.body.tag === 'enrol'
  )
  t.is(enrolled.length, 0)
})

test('the very first release of a network installs everywhere without a rollout', (t) => {
  const world = new World({ nodes: 3 })
  const first = world.release(1, quick(3))
  world.run(2 * SECOND)
  t.is(world.running(first), 3)
  t.alike(world.nodes[0]?.decision?.completed, [first])
})

test('S46 after a halted release a fresh node takes the one before', (t) => {
  const { world, first } = fleet({ nodes: 20, behaves: () => 'crash' })
  world.release(2, quick(20))
  world.run(MINUTE)
  const fresh = world.addNode()
  fresh.nextMs = world.nowMs
  world.options.behaves?.(fresh, '', 0)
  world.step(fresh)
  t.is(fresh.decision?.act.tag, 'fetch')
  t.alike(fresh.decision?.about, first)
  t.is(fresh.decision?.halted.length, 1, 'learned from the majority of verdicts')
})

test('S45 S105 a node that was away follows the majority and upgrades', (t) => {
  const { world } = fleet({ nodes: 20 })
  const away = world.nodes[7]!
  away.off = true
  const policy = quick(20)
  const release = world.release(2, policy)
  // its census lapses after three hours, then the others are all there are
  world.run(4 * HOUR)
  t.is(world.running(release), 19)
  away.off = false
  away.nextMs = world.nowMs
  world.run(MINUTE)
  t.is(world.running(release), 20)
  const own = world.said.filter(({ node, draft }) => node === 7 && draft.body.tag === 'enrol')
  t.is(own.length, 0, 'and is counted nowhere')
})

test('a daemon that restarts in any state repeats nothing it has said', (t) => {
  const { world } = fleet({ nodes: 5 })
  const release = world.release(2, quick(5))
  for (let i = 0; i < 200; i++) {
    world.run(300)
    // memory goes through JSON, as the journal keeps it
    for (const node of world.nodes) node.memory = JSON.parse(JSON.stringify(node.memory))
  }
  t.is(world.running(release), 5)
  const told = world.said.map(({ node, draft }) => {
    const { subject, stage, interval, seq, body } = draft
    return [node, toHex(subject), stage, interval, seq, body.tag].join(' ')
  })
  t.is(new Set(told).size, told.length)
})
