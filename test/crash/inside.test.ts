import test from 'brittle'
import { killEverywhere, pointsOf, type Tally } from './exhaust.ts'
import { stories } from './stories.ts'

test('every story ends as it must when nobody is killed', (t) => {
  for (const story of stories) {
    const points = pointsOf(story)
    t.ok(points > 10, `${story.name}: ${points} points`)
  }
})

test('a kill at any point, and again in recovery, ends old or new (S67)', (t) => {
  const tally: Tally = { runs: 0, half: 0, faults: [] }
  for (const story of stories) {
    killEverywhere(story, { alive: [true, false], again: [Infinity, 2] }, tally)
  }
  t.comment(`${tally.runs} runs, ${tally.half} half states`)
  t.alike(tally.faults.slice(0, 20), [])
  t.ok(tally.runs > 3_000)
})
