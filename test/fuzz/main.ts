import { parseArgs } from 'node:util'
import { artifactTargets, fuzz, targets, type Report } from './run.ts'

/**
 * Mutated statements, papers and files against every reader and against admission, or patches, tree
 * cores, indices and lists of files against whoever makes a tree of them:
 *
 *   npm run test:trust -- --seed X [--runs N] [--at RUN]
 *   npm run test:artifact -- --seed X [--runs N] [--at RUN]
 *
 * No crash, nothing taken unlawfully, no tree but the signed one, nothing written outside its
 * folder, memory flat, no input slow, and enough different codes of refusal.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    runs: { type: 'string' },
    at: { type: 'string' },
    of: { type: 'string', default: 'trust' }
  }
})
const seed = values.seed ?? '1'
const from = values.at === undefined ? 0 : Number(values.at)
const runs = values.at === undefined ? Number(values.runs ?? 100_000) : 1

/** Fewer codes mean that the mutations no longer get past the first check. */
const [of, codesMin] = values.of === 'artifact' ? [artifactTargets, 5] : [targets, 25]
/** Codes that a short run need not see. */
const runsForAll = 50_000
/** What may be held more after the last run than after the first tenth, both after a forced gc. */
const heapGrowthMax = 8
const rssGrowthMax = 64
/** Resident memory at the end, in MiB, and milliseconds that one input may take. */
const rssMax = 256
const slowMsMax = 1_000

interface Memory {
  readonly heap: number
  readonly rss: number
}

/** MiB, with all garbage collected. */
function memory(): Memory {
  const { gc } = globalThis
  for (let i = 0; i < 4; i++) gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: (heapUsed + external) / 2 ** 20, rss: rss / 2 ** 20 }
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return sorted.map(([name, times]) => `${name} ${times.toLocaleString('en')}`).join(' · ')
}

function show(report: Report, warm: Memory, end: Memory): readonly string[] {
  const faults: string[] = []
  say(`inputs: ${listed(report.byTarget)}`)
  say(`refused with ${report.refusals.size} different codes: ${listed(report.refusals)}`)
  if (report.alarms.size > 0) say(`alarms beside what was taken: ${listed(report.alarms)}`)
  say(`taken: ${report.lawful.toLocaleString('en')}, each with the signatures its bytes need`)
  for (const { run, target, what, why, hex } of report.failures) {
    say(`FAILED seed ${report.seed} run ${run} (--at ${run}), ${target}, ${what}`)
    say(`  ${why}`)
    say(`  bytes ${hex}`)
  }
  if (report.failures.length > 0) faults.push('a crash, or something taken unlawfully')
  const heap = end.heap - warm.heap
  const rss = end.rss - warm.rss
  say(
    `memory after gc: heap ${warm.heap.toFixed(1)} -> ${end.heap.toFixed(1)} MiB ` +
      `(at most +${heapGrowthMax}), rss ${warm.rss.toFixed(0)} -> ${end.rss.toFixed(0)} MiB ` +
      `(at most +${rssGrowthMax})`
  )
  say(`slowest input: ${report.slowestMs.toFixed(0)} ms (at most ${slowMsMax})`)
  if (report.slowestMs > slowMsMax) faults.push('an input that takes long')
  if (end.rss > rssMax) faults.push(`${end.rss.toFixed(0)} MiB resident, at most ${rssMax}`)
  if (heap > heapGrowthMax || rss > rssGrowthMax) faults.push('memory grows')
  if (report.runs >= runsForAll && report.refusals.size < codesMin) {
    faults.push(`${report.refusals.size} codes, need ${codesMin}`)
  }
  return faults
}

say(`seed ${seed}, ${runs.toLocaleString('en')} runs of ${of.length} kinds of input`)
const startedMs = performance.now()
let warm = memory()
const warmAt = Math.ceil(runs / 10)
const report = await fuzz({
  seed,
  runs,
  of,
  from,
  onRun: (done) => {
    if (done === warmAt) warm = memory()
  }
})
const faults = show(report, warm, memory())
const seconds = ((performance.now() - startedMs) / 1_000).toFixed(0)
say(`digest of all outcomes ${report.digest}, ${seconds} s`)
say(faults.length === 0 ? 'ok' : `not ok: ${faults.join('; ')}`)
process.exitCode = faults.length === 0 ? 0 : 1
