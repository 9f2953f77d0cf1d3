import test from 'brittle'
import { DAY, HOUR, MINUTE } from '../../lib/base/index.ts'
import { codeOf, isQuarantined, step, whyOf } from '../../lib/cutover/index.ts'
import type { Event, Reason } from '../../lib/cutover/index.ts'
import { installed, releaseA, releaseB, releaseC, upgrade, World } from './world.ts'

test('a first install runs through every edge and stays', (t) => {
  const world = new World()
  upgrade(world, releaseA)
  t.is(world.state.op?.state, 'trial')
  t.is(world.serving, releaseA)
  world.pass(661_000)
  t.alike(world.edges, [1, 2, 3, 4, 6, 7, 13, 14, 15, 17, 18])
  t.is(world.state.op, null)
  t.is(world.pointer?.phase, 'committed')
  t.is(world.pointer?.prev, null)
})

test('an upgrade starts beside the old version, keeps it warm, drains it and stays', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  t.is(world.serving, releaseB)
  t.is(world.slots.a?.release, releaseA, 'the old one is warm')
  t.alike(world.commands('arm'), [{ tag: 'arm', on: 'b', to: 'a' }])
  world.pass(60_000)
  t.is(world.slots.a, null, 'drained after the warm time')
  world.pass(600_000)
  t.alike(world.edges, [1, 2, 3, 4, 6, 7, 13, 14, 15, 16, 17, 18])
  t.alike(world.pointer?.prev, { release: releaseA, gen: '1-1', back: 'code' })
  const keep = world.commands('gc').at(-1)
  t.ok(keep?.tag === 'gc' && keep.keep.includes(releaseA), 'the previous version is spared')
})

test('an exclusive upgrade stops the old version before it flips and starts the new one', (t) => {
  const world = installed(releaseA, { plan: { handover: 'exclusive' } })
  upgrade(world, releaseB)
  const deeds = world.done.map(({ tag }) => tag)
  t.ok(deeds.indexOf('end') < deeds.indexOf('flip'))
  t.ok(deeds.indexOf('flip') < deeds.indexOf('start'))
  t.alike(world.commands('route'), [
    { tag: 'route', slot: null },
    { tag: 'route', slot: 'b' }
  ])
  world.pass(661_000)
  t.is(world.state.op, null)
  t.is(world.serving, releaseB)
})

test('a version that exits before it is healthy changes nothing and is quarantined', (t) => {
  const world = installed(releaseA, { start: { [releaseB]: 'exit' } })
  upgrade(world, releaseB)
  t.is(world.serving, releaseA)
  t.is(world.pointer?.release, releaseA)
  t.is(world.state.op, null)
  t.ok(isQuarantined(world.state, releaseB))
  t.is(world.edges.at(-1), 30)
  const [report] = world.commands('report')
  t.ok(report?.tag === 'report' && report.result === 'failed' && report.why === 'own')
})

test('a release that is not well in time is taken for failed, and a hold for nothing', (t) => {
  const world = installed(releaseA, { start: { [releaseB]: 'timeout' } })
  upgrade(world, releaseB)
  t.is(world.state.quarantine[0]?.code, 'start-timeout')
  t.is(world.slots.b, null, 'it was ended')
  const held = installed(releaseA)
  held.tell({ tag: 'want', release: releaseB, kind: 'code' })
  held.tell({ tag: 'hold', on: true })
  held.tell({ tag: 'go', release: releaseB })
  t.is(held.state.op?.state, 'waiting')
  t.is(held.state.op?.turn, 'no')
  held.tell({ tag: 'hold', on: false })
  held.tell({ tag: 'go', release: releaseB })
  t.is(held.serving, releaseB)
})

test('the first exit while the old version is warm goes back at once', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.exit('b')
  t.is(world.serving, releaseA)
  t.is(world.pointer?.release, releaseA)
  t.is(world.pointer?.phase, 'committed')
  t.ok(isQuarantined(world.state, releaseB))
  t.alike(world.edges.slice(-2), [31, 33])
  t.is(world.commands('start').length, 1, 'the old one was never restarted')
})

test('after the warm time a crash loop goes back, single exits do not', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.pass(60_000)
  world.exit('b')
  world.pass(2_000)
  t.is(world.serving, releaseB, 'restarted')
  t.is(world.state.op?.boots, 2)
  world.exit('b')
  world.pass(4_000)
  world.exit('b')
  t.is(world.serving, releaseA)
  t.is(world.state.quarantine[0]?.code, 'crash-loop')
})

test('the fourth boot goes back even when the exits lie far apart', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.pass(60_000)
  for (let boot = 0; boot < 3; boot++) {
    world.exit('b')
    world.pass(2 * MINUTE)
  }
  t.is(world.serving, releaseA)
})

test('S75 its own limit is held against a release, the hunger of the machine never', (t) => {
  const greedy = installed(releaseA)
  upgrade(greedy, releaseB)
  greedy.tell({ tag: 'over-limit', slot: 'b' })
  t.is(greedy.serving, releaseA)
  t.is(greedy.state.quarantine[0]?.code, 'over-limit')
  t.is(greedy.state.quarantine[0]?.why, 'own')

  const starved = installed(releaseA)
  upgrade(starved, releaseB)
  t.is(starved.state.op?.warm, true)
  starved.tell({ tag: 'starved', slot: 'b' })
  t.is(starved.serving, releaseA, 'the old version has its place at once')
  t.is(starved.state.quarantine[0]?.code, 'neighbour')
  t.is(starved.state.quarantine[0]?.why, 'host')

  const alone = installed(releaseA)
  upgrade(alone, releaseB)
  alone.pass(60_000)
  t.is(alone.state.op?.warm, false)
  alone.tell({ tag: 'starved', slot: 'b' })
  t.is(alone.state.op?.state, 'trial', 'nobody waits for its place: it is started again')
})

test('bad health in the trial goes back, and a bad old version is not held against it', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.tell({ tag: 'unhealthy', slot: 'b' })
  t.is(world.state.quarantine[0]?.code, 'health')
  t.is(world.serving, releaseA)

  const sick = installed(releaseA, { start: { [releaseB]: 'exit' } })
  sick.tell({ tag: 'unhealthy', slot: 'a' })
  upgrade(sick, releaseB)
  t.is(sick.state.quarantine[0]?.code, 'baseline-bad')
  t.is(sick.state.quarantine[0]?.why, 'host')
})

test('an undo comes at its time, from any rest, and starts the old version before it ends', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.pass(700_000)
  const atMs = world.nowMs + 5 * MINUTE
  world.tell({ tag: 'undo', release: releaseB, atMs, why: 'halted' })
  world.tell({ tag: 'undo', release: releaseB, atMs, why: 'halted' })
  t.is(world.edges.filter((edge) => edge === 32).length, 1, 'noted once')
  t.is(world.serving, releaseB)
  world.done.length = 0
  world.pass(5 * MINUTE)
  t.is(world.serving, releaseA)
  const deeds = world.done.map(({ tag }) => tag)
  t.ok(deeds.indexOf('start') < deeds.indexOf('end'))
  t.is(world.state.quarantine[0]?.why, 'fleet')
  const [report] = world.commands('report')
  t.ok(report?.tag === 'report' && report.result === 'undone' && report.why === 'fleet')
  t.is(world.commands('alarm').length, 0)
})

test('a resume cancels an undo that is not due and lifts what the fleet said, only that', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.tell({ tag: 'undo', release: releaseB, atMs: world.nowMs + HOUR, why: 'halted' })
  world.tell({ tag: 'resume', release: releaseB, by: 'id' })
  t.is(world.state.undo, null)
  world.tell({ tag: 'halted', release: releaseC, why: 'halted' })
  t.ok(isQuarantined(world.state, releaseC))
  world.tell({ tag: 'resume', release: releaseC, by: 'id' })
  t.absent(isQuarantined(world.state, releaseC))
  world.exit('b')
  world.tell({ tag: 'resume', release: releaseB, by: 'id' })
  t.ok(isQuarantined(world.state, releaseB), 'what was seen here stays')
})

test('without a way back an undo keeps the version and tells an operator once', (t) => {
  const world = new World()
  upgrade(world, releaseA)
  world.pass(700_000)
  const undo: Event = { tag: 'undo', release: releaseA, atMs: world.nowMs, why: 'aborted' }
  world.tell(undo)
  world.tell(undo)
  world.pass(HOUR)
  t.is(world.serving, releaseA)
  t.alike(world.commands('alarm'), [{ tag: 'alarm', what: 'kept', release: releaseA }])
})

test('a floor bars the fleet and the operator, not the flight from a crash loop', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.tell({ tag: 'floor', barred: [releaseA] })
  world.tell({ tag: 'rollback' })
  t.is(world.serving, releaseB)
  t.is(world.ignored.at(-1)?.tag, 'rollback')
  world.exit('b')
  t.is(world.serving, releaseA)
})

test('a first install that fails in its trial is stuck, until something newer comes', (t) => {
  const world = new World()
  upgrade(world, releaseA)
  world.tell({ tag: 'unhealthy', slot: 'a' })
  t.is(world.state.op?.state, 'stuck')
  t.is(world.serving, releaseA, 'it runs as well as it can')
  upgrade(world, releaseB)
  t.is(world.serving, releaseB)
  world.pass(700_000)
  t.is(world.state.op, null)
})

test('an operator may keep a stuck release and roll back a good one', (t) => {
  const stuck = new World()
  upgrade(stuck, releaseA)
  stuck.tell({ tag: 'unhealthy', slot: 'a' })
  stuck.tell({ tag: 'keep' })
  t.is(stuck.state.op, null)
  t.is(stuck.pointer?.phase, 'committed')

  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.pass(700_000)
  world.tell({ tag: 'rollback' })
  t.is(world.serving, releaseA)
  t.is(world.state.quarantine[0]?.code, 'operator')
  world.tell({ tag: 'completed', release: releaseB })
  t.ok(isQuarantined(world.state, releaseB), 'what an operator left is not tried by itself')
  world.tell({ tag: 'clear', release: releaseB })
  t.absent(isQuarantined(world.state, releaseB))
})

test('the previous version stays a day from when the fleet is done, however late', (t) => {
  const world = installed(releaseA)
  upgrade(world, releaseB)
  world.pass(9 * DAY)
  t.is(world.pointer?.prev?.release, releaseA)
  world.tell({ tag: 'completed', release: releaseB })
  world.pass(DAY - 1)
  t.is(world.pointer?.prev?.release, releaseA)
  world.pass(1)
  t.is(world.pointer?.prev, null)
  const keep = world.commands('gc').at(-1)
  t.alike(keep, { tag: 'gc', keep: [releaseB] })
})

test('a host cause is tried three times by itself, an own one once more after completion', (t) => {
  for (const reason of ['port', 'disk'] as const) {
    const world = installed(releaseA)
    const failing = (): void => {
      world.tell({ tag: 'want', release: releaseB, kind: 'code' })
      // The fake world has fetched it by then: a failure is taken up to `waiting`.
      world.tell({ tag: 'failed', op: world.state.op?.op ?? 0, reason })
      t.ok(isQuarantined(world.state, releaseB))
    }
    for (const delay of [30 * MINUTE, HOUR, 2 * HOUR]) {
      failing()
      world.pass(delay - 1)
      t.ok(isQuarantined(world.state, releaseB))
      world.pass(1)
      t.absent(isQuarantined(world.state, releaseB))
    }
    failing()
    world.pass(DAY)
    const isShown = isQuarantined(world.state, releaseB)
    t.is(isShown, reason === 'port', 'room alone is asked for once a day')
    world.tell({ tag: 'apply', release: releaseB })
    t.absent(isQuarantined(world.state, releaseB), 'an operator has seen to it')
  }

  const own = installed(releaseA, { start: { [releaseC]: 'exit' } })
  upgrade(own, releaseC)
  own.tell({ tag: 'completed', release: releaseC })
  t.absent(isQuarantined(own.state, releaseC))
  upgrade(own, releaseC)
  own.tell({ tag: 'completed', release: releaseC })
  t.ok(isQuarantined(own.state, releaseC), 'a second failure is final')
})

test('a quarantined release offered a thousand times leaves no line (S78)', (t) => {
  const world = installed(releaseA)
  world.tell({ tag: 'halted', release: releaseB, why: 'halted' })
  const { writes } = world
  for (let i = 0; i < 1_000; i++) {
    world.tell({ tag: 'want', release: releaseB, kind: 'code' })
    world.tell({ tag: 'halted', release: releaseB, why: 'halted' })
  }
  t.is(world.writes, writes)
})

test('a halted, aborted or superseded release is dropped wherever it waits', (t) => {
  for (const event of [
    { tag: 'halted', release: releaseB, why: 'aborted' },
    { tag: 'superseded', release: releaseB }
  ] as const) {
    const world = installed(releaseA)
    world.tell({ tag: 'want', release: releaseB, kind: 'code' })
    world.tell(event)
    t.is(world.state.op, null)
    t.is(isQuarantined(world.state, releaseB), event.tag === 'halted')
  }
})

test('missing sources and wrong bytes are tried again without an end', (t) => {
  const world = installed(releaseA)
  world.tell({ tag: 'want', release: releaseB, kind: 'code' })
  const op = world.state.op!
  const admitted = { ...world.state, op: { ...op, state: 'admitted' as const } }
  const first = step(admitted, { tag: 'no-source', op: op.op }, world.nowMs)
  t.is(first.state.op?.deadline, world.nowMs + MINUTE)
  const again = step(first.state, { tag: 'tick' }, world.nowMs + MINUTE)
  t.alike(again.commands, [{ tag: 'fetch', op: op.op, release: releaseB }])
  const fetched = { ...world.state, op: { ...op, state: 'fetched' as const } }
  const differs = step(fetched, { tag: 'hash-differs', op: op.op }, world.nowMs)
  t.is(differs.state.op?.state, 'admitted')
})

test('an unknown kind is never acted on (S110)', (t) => {
  const world = installed(releaseA)
  world.tell({ tag: 'want', release: releaseB, kind: 'node' })
  t.is(world.state.op, null)
  t.is(world.ignored.at(-1)?.tag, 'want')
})

test('a journal that cannot be read runs what it ran and starts no upgrade', (t) => {
  const world = installed(releaseA)
  world.journal = new TextEncoder().encode('rubbish\n')
  world.journal = new Uint8Array([...world.journal, ...world.journal])
  world.state = { ...world.state, fault: 'JOURNAL_DAMAGED' }
  upgrade(world, releaseB)
  t.is(world.state.op, null)
  world.exit('a')
  world.pass(2_000)
  t.is(world.serving, releaseA, 'kept alive all the same')
})

test('every reason names whom it counts against and a code', (t) => {
  const own: Reason[] = ['exit', 'crash-loop', 'health', 'start-timeout', 'tree-rule']
  const host: Reason[] = ['disk', 'denied', 'port', 'memory', 'command', 'baseline-bad']
  for (const reason of own) t.is(whyOf(reason), 'own')
  for (const reason of host) t.is(whyOf(reason), 'host')
  t.is(whyOf('held'), null)
  t.is(codeOf('exit'), 'CRASH_LOOP')
  t.is(codeOf('start-timeout'), 'HEALTH_FAILED')
  t.is(codeOf('disk'), 'NO_SPACE')
  t.is(codeOf('denied'), 'NO_PERMISSION')
  t.is(codeOf('halted'), 'HALTED')
  t.is(codeOf('tree-rule'), 'BAD_TREE')
  t.is(codeOf('not-eligible'), 'NOT_ELIGIBLE')
  t.is(codeOf('held'), 'HELD')
  t.is(codeOf('baseline-bad'), 'QUARANTINED')
})
