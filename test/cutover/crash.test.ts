import test from 'brittle'
import * as fc from 'fast-check'
import { isQuarantined, plainPlan, step } from '../../lib/cutover/index.ts'
import type { Event, State } from '../../lib/cutover/index.ts'
import { installed, Killed, releaseA, releaseB, releaseC, replay, upgrade } from './world.ts'
import type { Rules, World } from './world.ts'

/** Story of one upgrade; told again after each kill until it ends. */
function tell(world: World, story: 'good' | 'undo'): void {
  for (let round = 0; round < 12; round++) {
    const { state } = world
    const isThere = state.op === null && state.pointer?.release === releaseB
    if (isThere && story === 'good') return
    if (isQuarantined(state, releaseB)) return
    if (isThere) {
      world.tell({ tag: 'undo', release: releaseB, atMs: world.nowMs + 60_000, why: 'halted' })
    } else upgrade(world, releaseB)
    world.pass(700_000)
  }
}

function survive(world: World, story: 'good' | 'undo', alive: boolean, kills: number[]): void {
  for (const kill of [...kills, Infinity]) {
    world.killAfter = world.points + kill
    try {
      if (world.points > 0) world.restart(alive)
      tell(world, story)
      return
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      const named = world.pointer?.release
      if (named !== releaseA && named !== releaseB)
        throw new Error('half a pointer', { cause: error })
    }
  }
}

const stories: readonly { rules: Rules; story: 'good' | 'undo'; end: string }[] = [
  { rules: {}, story: 'good', end: releaseB },
  { rules: { plan: { handover: 'exclusive' } }, story: 'good', end: releaseB },
  { rules: {}, story: 'undo', end: releaseA },
  { rules: { plan: { handover: 'exclusive' } }, story: 'undo', end: releaseA },
  { rules: { start: { [releaseB]: 'exit' } }, story: 'good', end: releaseA }
]

test('a kill after any journal line, and again while recovering, ends old or new (S67)', (t) => {
  let runs = 0
  for (const { rules, story, end } of stories) {
    for (const alive of [true, false]) {
      for (let first = 1; first < 40; first++) {
        for (const second of [Infinity, 1, 2, 3]) {
          const world = installed(releaseA, rules)
          survive(world, story, alive, [first, second])
          runs++
          const seen = `first ${first} second ${second} alive ${alive} story ${story}`
          if (world.state.op !== null) t.fail(`still under way: ${seen} ${world.state.op.state}`)
          if (world.serving !== end) t.fail(`serves ${world.serving}: ${seen}`)
          if (world.pointer?.release !== end) t.fail(`names ${world.pointer?.release}: ${seen}`)
        }
      }
    }
  }
  t.comment(`${runs} runs`)
  t.ok(runs > 1_000)
})

test('a replay of the journal says what the machine knows', (t) => {
  for (const { rules, story } of stories) {
    const world = installed(releaseA, rules)
    tell(world, story)
    const again = replay(world)
    t.alike(again.op, world.state.op)
    t.alike(again.quarantine, world.state.quarantine)
    t.is(again.lastOp, world.state.lastOp)
    t.is(again.gcAt, world.state.gcAt)
  }
})

test('a release that takes the machine down three times is given up', (t) => {
  const world = installed(releaseA)
  let kills = 0
  for (let round = 0; round < 8 && !isQuarantined(world.state, releaseB); round++) {
    try {
      world.killAfter = Infinity
      if (round > 0) world.restart(false)
      // Dies with its machine as soon as it is started.
      const before = world.edges.length
      world.killAfter = world.points + 20
      world.tell({ tag: 'want', release: releaseB, kind: 'code' })
      const left = world.edges.slice(before).length
      world.killAfter = left > 0 || world.state.op !== null ? world.writes + 2 : Infinity
      world.tell({ tag: 'go', release: releaseB })
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      kills++
    }
  }
  t.is(kills, 3)
  t.is(world.state.quarantine[0]?.code, 'rehearsal-loop')
  t.is(world.serving, releaseA)
})

const slotNames = ['a', 'b'] as const
const releases = [releaseA, releaseB, releaseC]
const anyEvent: fc.Arbitrary<Event> = fc
  .record({
    tag: fc.constantFrom(
      ...(['preflighted', 'fetched', 'no-source', 'verified', 'hash-differs', 'placed'] as const),
      ...(['confirmed', 'healthy', 'unhealthy', 'start-timeout', 'exited', 'ended'] as const),
      ...(['want', 'go', 'withhold', 'halted', 'undo', 'resume', 'completed', 'flipped'] as const),
      ...(['superseded', 'hold', 'floor', 'rollback', 'keep', 'clear', 'tick'] as const),
      ...(['prepared', 'failed', 'start-failed', 'flip-failed'] as const)
    ),
    op: fc.integer({ min: 0, max: 3 }),
    seq: fc.integer({ min: 0, max: 6 }),
    slot: fc.constantFrom(...slotNames),
    release: fc.constantFrom(...releases),
    kind: fc.constantFrom('code', 'node'),
    why: fc.constantFrom('halted' as const, 'aborted' as const),
    reason: fc.constantFrom('disk' as const, 'exit' as const),
    by: fc.constant('id'),
    atMs: fc.integer({ min: 0, max: 3_000_000 }),
    on: fc.boolean(),
    restarting: fc.boolean(),
    barred: fc.subarray(releases),
    plan: fc.constant({
      ...plainPlan,
      gen: '0-1',
      handover: 'overlap' as const,
      warmMs: 5,
      observeMs: 5
    })
  })
  // Each member of the union finds its fields in the record; the others it does not read.
  .map((fields) => fields as unknown as Event)

/** Every state that the stories of this file pass through. */
function statesSeen(): readonly State[] {
  const states: State[] = []
  for (const { rules, story } of stories) {
    const world = installed(releaseA, rules)
    tell(world, story)
    states.push(...world.states)
  }
  return states
}

test('no order of events ever throws, and what is ignored changes nothing', (t) => {
  const seen = statesSeen()
  const triples = new Set<string>()
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 40 }), fc.nat(seen.length - 1), (events, start) => {
      let state: State = seen[start]!
      let nowMs = 2_000_000
      for (const event of events) {
        const result = step(state, event, (nowMs += 1_000))
        triples.add(`${state.op?.state ?? 'idle'} ${event.tag} ${result.ignored}`)
        if (result.ignored && (result.lines.length > 0 || result.commands.length > 0)) {
          throw new Error(`${event.tag} was ignored and did something`)
        }
        if (result.commands.filter(({ tag }) => tag === 'start').length > 1) {
          throw new Error('two starts in one step')
        }
        state = result.state
      }
    }),
    { numRuns: 500 }
  )
  t.comment(`${triples.size} triples of state, event and answer`)
  t.ok(triples.size > 150)
})
