// A whole fleet on a seed takes a good release, stage by stage, to the last node.
import test from 'brittle'
import { patient, quickStandard, replay, seedFor, worldOf } from './fleets.ts'

test('a good release completes: everybody has it but those on whom it failed', patient, (t) => {
  const seed = seedFor(1)
  const world = worldOf({ seed, nodes: 1_200, policy: quickStandard(1_200) })
  const story = world.run()
  t.is(story.ending, 'completed', replay(seed))
  const { upgraded, failed } = world.headcount()
  t.is(upgraded + failed, story.nodes, replay(seed))
  t.ok(story.failed < 40, `${story.failed} of 1,200 failed at a base rate of 1 %; ${replay(seed)}`)
  const hours = story.endedMs / 3_600_000
  t.ok(hours >= 23 && hours < 30, `${hours} h for a plan of at least 23; ${replay(seed)}`)
  const opened = story.moments.filter(({ phase }) => phase === 'filling')
  t.alike(
    opened.map(({ stage }) => stage),
    Array.from({ length: 18 }, (_, i) => i + 1),
    'stage by stage, none twice'
  )
  const shares = story.moments.map(({ exposed }) => exposed)
  t.alike(
    shares,
    shares.toSorted((a, b) => a - b),
    'the share never shrinks'
  )
})
