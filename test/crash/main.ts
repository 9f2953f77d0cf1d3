import { deedsOf, ways } from './deeds.ts'
import { killEverywhere, type Tally } from './exhaust.ts'
import { killed } from './outside.ts'
import { stories } from './stories.ts'

/**
 * Kills everywhere, `npm run test:crash`: on paper after every journal write and every command, and
 * again at each of the next points while it recovers; then real daemons by SIGKILL at every edge.
 * Counts runs and half states; exit 1 for any.
 */
const again = [Infinity, ...Array.from({ length: 24 }, (_, point) => point + 1)]

const paper: Tally = { runs: 0, half: 0, faults: [] }
for (const story of stories) {
  const before = paper.runs
  killEverywhere(story, { alive: [true, false], again }, paper)
  say(`${story.name}: ${paper.runs - before} runs`)
}
say(`on paper: ${paper.runs} runs, ${paper.half} half states`)

const real: Tally = { runs: 0, half: 0, faults: [] }
for (const deed of ways.flatMap(deedsOf)) {
  const fault = await killed(deed)
  real.runs++
  if (fault === null) continue
  real.half++
  real.faults.push(`${deed.from} to ${deed.to}, killed at ${deed.kills.join(', ')}: ${fault}`)
}
say(`real daemons: ${real.runs} runs, ${real.half} half states`)
for (const fault of [...paper.faults, ...real.faults].slice(0, 50)) say(fault)
say(`${paper.runs + real.runs} runs, ${paper.half + real.half} half states`)
process.exitCode = paper.half + real.half === 0 ? 0 : 1

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
