// What the conductor tells: the alarms of the upgrade machine and what a decision changed.
import test from 'brittle'
import { HOUR } from '../../lib/base/index.ts'
import type { Command } from '../../lib/cutover/index.ts'
import { alarmCode, changesOf } from '../../lib/node/changes.ts'
import { readPolicyFile, type Decision } from '../../lib/rollout/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { releaseA, upgrade, World as Machine } from '../cutover/world.ts'
import { World } from '../rollout/world.ts'

/** Codes of the alarms that a machine on paper asked for. */
function alarms({ done }: Machine): readonly string[] {
  const asked = done.filter(
    (command): command is Extract<Command, { tag: 'alarm' }> => command.tag === 'alarm'
  )
  return asked.map(alarmCode)
}

function events(from: Decision | null, to: Decision): readonly unknown[][] {
  return changesOf(from, to).map(({ event, facts }) => [event, facts['release']])
}

test('a failed first install has no way back, and an operator is told by code', (t) => {
  const machine = new Machine()
  upgrade(machine, releaseA)
  t.alike(alarms(machine), [])
  machine.tell({ tag: 'unhealthy', slot: 'a' })
  t.alike(alarms(machine), ['TAKE_BACK_FAILED'])
})

test('a release that must go and has nothing to go to is kept, and told by code', (t) => {
  const machine = new Machine()
  upgrade(machine, releaseA)
  machine.pass(HOUR)
  machine.tell({ tag: 'undo', release: releaseA, atMs: machine.nowMs, why: 'aborted' })
  machine.pass(HOUR)
  t.alike(alarms(machine), ['NOTHING_PERMITTED'])
})

test('a stage, a halt and a completion are told once each', (t) => {
  const world = new World({ nodes: 3 })
  const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 3 })
  const first = world.release(1, policy)
  world.installed(first)
  const next = world.release(2, policy)
  const node = world.nodes[0]!
  const before = world.step(node)
  t.alike(changesOf(before, before), [])
  t.alike(events(null, before), [
    ['rollout', toName(next)],
    ['completed', toName(first)]
  ])
  world.control(next, { action: 'abort' })
  const after = world.step(node)
  t.ok(events(before, after).some(([event, id]) => event === 'halted' && id === toName(next)))
  t.alike(changesOf(after, world.step(node)), [])
})
