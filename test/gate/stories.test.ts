// Every edge of the state machine as a story of a few lines: what a node sees, and where it is.
import test from 'brittle'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { playStory, type Story } from './stage.ts'

const folder = join(process.cwd(), 'fixtures', 'stories')
const stories = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .toSorted()
  .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Story[])

/** Edges of docs/gate.md §8 as `from > to`; each is on the way of at least one story. */
const edges = [
  'waiting > waiting',
  'waiting > shadow',
  'waiting > filling',
  'waiting > halted',
  'waiting > completed',
  'shadow > filling',
  'shadow > shadow',
  'filling > filling',
  'filling > baking',
  'filling > stalled',
  'filling > pending-halt',
  'baking > filling',
  'baking > hold',
  'baking > pending-halt',
  'baking > completed',
  'hold > baking',
  'hold > filling',
  'hold > hold',
  'hold > stalled',
  'hold > pending-halt',
  'pending-halt > pending-halt',
  'pending-halt > halted',
  'pending-halt > hold',
  'pending-halt > stalled',
  'stalled > stalled',
  'stalled > filling',
  'halted > halted',
  'completed > completed'
]

const walked = new Set<string>()

for (const story of stories) {
  test(story.story, (t) => {
    const runs = playStory(story)
    let from: string = 'waiting'
    story.steps.forEach((step, i) => {
      const run = runs[i]!
      t.is(run.phase, step.is, `at ${step.at}`)
      if (step.stage !== undefined) t.is(run.stage, step.stage, `stage at ${step.at}`)
      if (step.held !== undefined) t.is(run.held, step.held, `evidence at ${step.at}`)
      if (step.calledUp !== undefined) t.is(run.calledUp === true, step.calledUp, `at ${step.at}`)
      if (step.bakeTimes !== undefined) t.is(run.bakeTimes, step.bakeTimes)
      if (step.solo !== undefined) t.is(run.solo, step.solo)
      if (step.stood !== undefined) t.is(run.stood !== null, step.stood, `stood at ${step.at}`)
      if (step.haltStage !== undefined) t.is(run.haltStage, step.haltStage)
      walked.add(`${from} > ${run.phase}`)
      from = run.phase
    })
  })
}

test('the stories walk every edge that docs/gate.md names', (t) => {
  const missing = edges.filter((edge) => !walked.has(edge))
  t.alike(missing, [])
  t.ok(stories.length >= 20, `${stories.length} stories`)
})
