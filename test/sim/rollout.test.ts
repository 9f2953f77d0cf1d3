// Whole fleets on a seed: what a plan does with a worse release, and with one that crashes.
import test from 'brittle'
import { crash, patient, planFor, replay, seedFor, worldOf } from './fleets.ts'

test('S68 of 10,000 nodes a release five times worse reaches at most a tenth', patient, (t) => {
  const seed = seedFor(1)
  const story = worldOf({ seed, nodes: 10_000, effect: crash(5) }).run()
  t.is(story.ending, 'halted', replay(seed))
  t.ok(story.exposed * 10 <= story.nodes, `${story.exposed} exposed; ${replay(seed)}`)
  t.is(story.upgraded, 0, `all of them took it back; ${replay(seed)}`)
  const halt = story.moments.at(-1)
  t.ok(halt !== undefined && halt.e >= 100, `evidence ${halt?.e}; ${replay(seed)}`)
})

test('S68 a crash on every node is halted in the first stage, whatever the size', patient, (t) => {
  for (const nodes of [100, 500, 2_000]) {
    const seed = seedFor(nodes)
    const story = worldOf({ seed, nodes, effect: crash(100) }).run()
    const where = `${nodes} nodes; ${replay(seed)}`
    t.is(story.ending, 'halted', where)
    t.is(story.stage, 1, where)
    // the size of a first stage of 5 % is a draw
    const drawn = nodes * 0.05
    t.ok(story.exposed <= drawn + 3.5 * Math.sqrt(drawn), `${story.exposed} of ${where}`)
    t.is(story.upgraded, 0, where)
  }
})

test('S68 a fleet of twenty loses at most two nodes to a crash', (t) => {
  for (let i = 1; i <= 20; i++) {
    const seed = seedFor(i)
    const story = worldOf({ seed, nodes: 20, effect: crash(100) }).run()
    t.is(story.ending, 'halted', replay(seed))
    t.ok(story.exposed <= 2, `${story.exposed} exposed; ${replay(seed)}`)
  }
})

test('a fleet of twenty completes without a failure, whatever the draw', (t) => {
  for (let i = 1; i <= 10; i++) {
    const seed = seedFor(i)
    const story = worldOf({ seed, nodes: 20, basePpm: 0 }).run()
    t.is(story.ending, 'completed', replay(seed))
    t.is(story.upgraded, 20, replay(seed))
  }
})

test('a fleet of one watches itself', (t) => {
  const seed = seedFor(1)
  t.is(worldOf({ seed, nodes: 1, basePpm: 0 }).run().ending, 'completed', replay(seed))
})

test('what is not over when the world ends is called unfinished', (t) => {
  const seed = seedFor(1)
  const story = worldOf({ seed, nodes: 300, policy: planFor(300), limitMs: 3_600_000 }).run()
  t.is(story.ending, 'unfinished', replay(seed))
})

test(
  'S63 a fleet cut in halves halts a crash on neither side beyond its first stage',
  patient,
  (t) => {
    const seed = seedFor(5)
    const partition = { sharePpm: 500_000, fromMs: 0, forMs: 3 * 3_600_000 }
    const story = worldOf({ seed, nodes: 200, effect: crash(100), partition }).run()
    t.is(story.ending, 'halted', replay(seed))
    t.is(story.stage, 1, replay(seed))
    t.ok(story.exposed <= 20, `${story.exposed} of 200 started it; ${replay(seed)}`)
  }
)
