// What a quorum may and may not do to a rollout, in the plan by rank and by stages.
import test from 'brittle'
import { HOUR, MINUTE, SECOND, toHex, type Bytes } from '../../lib/base/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { World, type WorldNode } from './world.ts'

const small = readPolicyFile({ plan: 'small' }, { nodes: 4 }).policy

function four(behaves: () => 'good' | 'crash' = () => 'good'): { world: World; next: Bytes } {
  const world = new World({ nodes: 4, behaves })
  world.installed(world.release(1, small))
  world.run(5 * SECOND)
  return { world, next: world.release(2, small) }
}

const phaseOf = (node: WorldNode | undefined) => node?.decision?.view.phase

test('S104 by rank: under a brake nobody goes, and after it a step bakes first', (t) => {
  const { world, next } = four()
  world.run(HOUR, () => world.running(next) === 1)
  world.brake(next, 2 * HOUR)
  const endMs = world.nowMs + 2 * HOUR
  world.run(2 * HOUR - 1)
  t.is(world.running(next), 1)
  t.ok(
    world.nodes.every((node) => phaseOf(node) === 'hold'),
    'and it never stalls'
  )
  world.run(endMs + 14 * MINUTE - world.nowMs)
  t.is(world.running(next), 1, 'a quarter of an hour more, as after any step')
  world.run(3 * HOUR)
  t.is(world.running(next), 4)
})

test('S104 by rank: who was first in order under a brake is not passed over for it', (t) => {
  const { world, next } = four()
  world.run(HOUR, () => world.running(next) === 1)
  world.brake(next, 2 * HOUR)
  world.run(3 * HOUR)
  t.ok(world.nodes.every(({ memory }) => memory.runs[toHex(next)]?.late.length === 0))
})

test('after a resume who runs the release enrols as it runs, unless it had failed there', (t) => {
  const { world, next } = four()
  world.run(HOUR, () => world.running(next) === 1)
  const treated = world.nodes.find(({ running }) => toHex(running!) === toHex(next))!
  world.control(next, { action: 'resume', resume: 1 })
  world.run(10 * SECOND)
  const input = world.inputOf(treated)
  const { treatment } = input.node
  const run = { ...input.memory.runs[toHex(next)]!, mine: [], phase: 'filling', stage: 1 } as const
  const memory = { ...input.memory, runs: { ...input.memory.runs, [toHex(next)]: run } }
  const enrols = (state: 'running' | 'failed') =>
    world
      .decide({ ...input, memory, node: { ...input.node, treatment: { ...treatment!, state } } })
      .say.filter(({ body }) => body.tag === 'enrol').length
  t.is(treatment?.resume, 0, 'it switched before the resume')
  t.is(enrols('running'), 1)
  t.is(enrols('failed'), 0, 'unwell before this treatment: it belongs in no arm')
})
