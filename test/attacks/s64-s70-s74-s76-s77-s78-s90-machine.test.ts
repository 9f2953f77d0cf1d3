// What a node does with a version that fails, with one that others stop, and with one it left: on
// paper, so that every moment can be tried.
import test from 'brittle'
import { DAY, HOUR, MINUTE } from '../../lib/base/index.ts'
import { codeOf, isQuarantined, type Event } from '../../lib/cutover/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import { realDisk } from '../../lib/host/index.ts'
import { installed, releaseA, releaseB, releaseC, upgrade } from '../cutover/world.ts'
import type { Rules, World } from '../cutover/world.ts'

const plans: readonly Rules[] = [
  {},
  { plan: { handover: 'exclusive' } },
  { plan: { level: 2 } },
  { plan: { handover: 'exclusive', level: 2 } }
]

function onTrial(rules: Rules): World {
  const world = installed(releaseA, rules)
  upgrade(world, releaseB)
  return world
}

/** Slot of the new version. */
function slotOf(world: World): 'a' | 'b' {
  return world.procs.a?.release === releaseB ? 'a' : 'b'
}

function reportOf(world: World): string {
  const report = world.commands('report').at(-1)
  return report?.tag === 'report' ? `${report.result} ${report.why} ${report.reason}` : 'none'
}

test('S64: who is on trial goes back at its own moment, by a word of the fleet', (t) => {
  for (const rules of plans) {
    for (const why of ['halted', 'aborted'] as const) {
      const world = onTrial(rules)
      const atMs = world.nowMs + 5 * MINUTE
      world.tell({ tag: 'undo', release: releaseB, atMs, why })
      world.pass(5 * MINUTE - 1)
      t.is(world.serving, releaseB, 'not before')
      world.pass(1)
      t.is(world.serving, releaseA)
      t.is(world.pointer?.phase, 'committed', 'never in between')
      t.is(reportOf(world), `undone fleet ${why}`)
      t.is(codeOf(why), 'HALTED')
    }
    const own = onTrial(rules)
    own.tell({ tag: 'undo', release: releaseB, atMs: own.nowMs + HOUR, why: 'halted' })
    own.tell({ tag: 'unhealthy', slot: slotOf(own) })
    t.is(own.serving, releaseA, 'its own failure does not wait')
    t.is(own.state.quarantine[0]?.why, 'own')
  }
})

test('S70: a version that dies, loops, hangs or is unwell goes back, by its own fault', (t) => {
  const failures: readonly (readonly [string, (world: World) => void])[] = [
    ['exit', (world) => world.exit(slotOf(world))],
    ['watchdog', (world) => world.tell({ tag: 'watchdog', slot: slotOf(world) })],
    ['health', (world) => world.tell({ tag: 'unhealthy', slot: slotOf(world) })]
  ]
  for (const rules of plans.filter(({ plan }) => plan?.handover !== 'exclusive' || plan.level)) {
    for (const [reason, fail] of failures) {
      const world = onTrial(rules)
      fail(world)
      t.is(world.serving, releaseA, reason)
      t.is(reportOf(world), `failed own ${reason}`)
    }
  }
  for (const rules of plans) {
    const ninth = onTrial(rules)
    ninth.pass(9 * MINUTE)
    ninth.tell({ tag: 'watchdog', slot: slotOf(ninth) })
    t.is(ninth.serving, releaseA, 'also in minute nine of ten, when nothing is warm any more')
    t.is(codeOf(ninth.state.quarantine[0]!.code), 'HEALTH_FAILED')
    const loops = onTrial(rules)
    loops.pass(2 * MINUTE)
    for (const wait of [2_000, 4_000, 8_000]) {
      loops.exit(slotOf(loops))
      loops.pass(wait)
    }
    t.is(loops.serving, releaseA)
    t.is(codeOf(loops.state.quarantine[0]!.code), 'CRASH_LOOP')
  }
  for (const start of ['exit', 'timeout'] as const) {
    const world = onTrial({ start: { [releaseB]: start } })
    t.is(world.serving, releaseA)
    t.ok(isQuarantined(world.state, releaseB))
  }
})

test('S74: the old version dies while it watches, and the new one goes on alone', (t) => {
  for (const rules of plans) {
    const world = onTrial(rules)
    const old = slotOf(world) === 'a' ? 'b' : 'a'
    if (world.procs[old] === null) continue
    world.exit(old)
    t.is(world.serving, releaseB)
    t.is(world.edges.at(-1), 16)
    world.pass(700_000)
    t.is(world.pointer?.phase, 'committed')
    // Two writers of one state would have thrown in the world.
    t.is([world.procs.a, world.procs.b].filter((proc) => proc?.role === 'primary').length, 1)
  }
})

test('S74: a take-back that the launcher did alone is taken up, and journaled afterwards', (t) => {
  const world = onTrial({ plan: { level: 2 } })
  t.alike(world.commands('arm'), [{ tag: 'arm', on: 'b', to: 'a' }])
  world.kill('b')
  world.routed = 'a'
  world.restart(true)
  t.is(world.serving, releaseA)
  t.is(world.pointer?.release, releaseA)
  t.alike(world.edges.slice(-2), [31, 33])
})

test('S76: a check that failed before is held against nobody', (t) => {
  for (const rules of plans) {
    const sick = installed(releaseA, { ...rules, start: { [releaseB]: 'exit' } })
    sick.tell({ tag: 'unhealthy', slot: 'a' })
    upgrade(sick, releaseB)
    sick.pass(MINUTE)
    const [entry] = sick.state.quarantine
    t.is(entry?.code, 'baseline-bad')
    t.is(entry?.why, 'host')
    t.absent(reportOf(sick).includes(' own '), 'no vote')
  }
  const cured = installed(releaseA)
  cured.tell({ tag: 'unhealthy', slot: 'a' })
  upgrade(cured, releaseB)
  cured.pass(700_000)
  t.is(cured.pointer?.release, releaseB, 'the new version may be the cure')
})

test('S77: nothing waits for a report', (t) => {
  for (const rules of plans) {
    const world = onTrial(rules)
    world.pass(700_000)
    t.is(world.pointer?.phase, 'committed')
    const at = world.done.findLastIndex((command) => command.tag === 'report')
    const written = world.done.findLastIndex((command) => command.tag === 'flip')
    t.ok(written < at, 'it is committed before anybody hears of it')
    t.is(world.state.op, null, 'and no answer is asked for')
  }
})

test('S78: announced a thousand times it leaves one line, whatever the cause', (t) => {
  const causes: readonly (readonly [string, (world: World) => void])[] = [
    ['host', (world) => dropFor(world, 'disk')],
    ['own', (world) => dropFor(world, 'tree-rule')],
    ['fleet', (world) => world.tell({ tag: 'halted', release: releaseB, why: 'halted' })]
  ]
  for (const [why, cause] of causes) {
    const world = installed(releaseA)
    cause(world)
    const { writes } = world
    const again: Event = { tag: 'want', release: releaseB, kind: 'code' }
    for (let i = 0; i < 1_000; i++) world.tell(again)
    t.is(world.writes, writes, why)
    world.restart(false)
    for (let i = 0; i < 10; i++) world.tell(again)
    t.is(world.state.op, null, 'a restart changes nothing')
    t.is(codeOf('operator'), 'QUARANTINED')
    world.tell({ tag: 'resume', release: releaseB, by: 'id' })
    t.is(
      isQuarantined(world.state, releaseB),
      why !== 'fleet',
      'a resume lifts what the fleet said'
    )
    world.tell({ tag: 'completed', release: releaseB })
    t.is(isQuarantined(world.state, releaseB), why === 'host', 'completion gives one more try')
    world.tell({ tag: 'clear', release: releaseB })
    t.absent(isQuarantined(world.state, releaseB), 'by hand it ends whatever it was')
  }
})

test('S78: the times of a host’s retries outlive the daemon', (t) => {
  const world = installed(releaseA)
  for (const delay of [30 * MINUTE, HOUR, 2 * HOUR]) {
    dropFor(world, 'port')
    world.pass(delay - 1)
    world.restart(true)
    t.ok(isQuarantined(world.state, releaseB))
    world.pass(1)
    t.absent(isQuarantined(world.state, releaseB))
  }
  dropFor(world, 'port')
  world.pass(30 * DAY)
  t.ok(isQuarantined(world.state, releaseB), 'three tries, then it is shown')
  world.tell({ tag: 'apply', release: releaseB })
  upgrade(world, releaseB)
  t.is(world.serving, releaseB)
})

function dropFor(world: World, reason: 'disk' | 'port' | 'tree-rule'): void {
  world.tell({ tag: 'want', release: releaseB, kind: 'code' })
  world.tell({ tag: 'failed', op: world.state.op?.op ?? 0, reason })
}

test('S90: two upgrades in one second share no folder and no number', async (t) => {
  const world = installed(releaseA, { plan: { handover: 'exclusive', transition: true } })
  const { nowMs } = world
  world.tell({ tag: 'want', release: releaseB, kind: 'code' })
  const first = world.state.op!.op
  world.tell({ tag: 'superseded', release: releaseB })
  upgrade(world, releaseC)
  const second = world.state.op!.op
  t.is(world.nowMs, nowMs, 'in no time at all')
  t.not(first, second)
  const home = new Home(realDisk(), await t.tmp())
  const places = [first, second].map((op) => [home.work(op), home.stateWork(op)])
  t.is(new Set(places.flat()).size, 4)
  t.not(home.tree(releaseB), home.tree(releaseC))
  const draft = { schema: 1, class: 'snapshot', from: null } as const
  await home.prepare()
  const gens = [
    await home.gens.fresh({ ...draft, op: 1 }),
    await home.gens.fresh({ ...draft, op: 2 })
  ]
  t.is(new Set(gens).size, 2, 'a number of state is never used again')
})
