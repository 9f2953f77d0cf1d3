import test from 'brittle'
import * as fc from 'fast-check'
import { isQuarantined, step } from '../../lib/cutover/index.ts'
import type { Event, State } from '../../lib/cutover/index.ts'
import { stories as allStories, tell as tellStory } from '../crash/stories.ts'
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

const stories: readonly { rules: Rules; story: 'good' | 'undo' }[] = [
  { rules: {}, story: 'good' },
  { rules: { plan: { handover: 'exclusive' } }, story: 'good' },
  { rules: {}, story: 'undo' },
  { rules: { plan: { handover: 'exclusive' } }, story: 'undo' },
  { rules: { start: { [releaseB]: 'exit' } }, story: 'good' }
]

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
      ...(['prepared', 'failed', 'start-failed', 'flip-failed', 'shadow', 'snapped'] as const),
      ...(['rehearsed', 'retry-later', 'unavailable', 'shadow-ready', 'shadowed'] as const),
      ...(['sealed', 'watchdog', 'loaded', 'released', 'release-timeout', 'primary'] as const),
      ...(['takeover-timeout', 'apply', 'retry'] as const)
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
    dead: fc.subarray(releases),
    what: fc.constantFrom('snapshot' as const, 'rehearse' as const),
    gen: fc.constantFrom('1-1', '2-5'),
    shadow: fc.constantFrom('pass', 'unavailable', 'off'),
    phoneHome: fc.constantFrom('pass', 'unavailable', 'off'),
    acceptLoss: fc.boolean(),
    plan: fc.record({
      gen: fc.constant('0-1'),
      handover: fc.constantFrom('overlap' as const, 'exclusive' as const),
      warmMs: fc.constant(5),
      observeMs: fc.constant(5),
      level: fc.constantFrom(0 as const, 1 as const, 2 as const),
      split: fc.boolean(),
      back: fc.constantFrom('code' as const, 'snapshot' as const, 'none' as const),
      transition: fc.boolean(),
      shadow: fc.constantFrom('off' as const, 'prefer' as const, 'require' as const),
      phoneHome: fc.constantFrom('off' as const, 'prefer' as const)
    })
  })
  // Each member of the union finds its fields in the record; the others it does not read.
  .map((fields) => fields as unknown as Event)

/** Every state that the stories of this file pass through. */
function statesSeen(): readonly State[] {
  return allStories.flatMap((story) => {
    const world = installed(releaseA, story.rules)
    tellStory(world, story)
    return world.states
  })
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
    { numRuns: 1_500 }
  )
  t.comment(`${triples.size} triples of state, event and answer`)
  t.ok(triples.size > 400)
})
