/**
 * The gate against other judges: good releases (false halts) and bad ones (halted, and how many
 * were exposed), on a table of draws. Same seed, same tables.
 *
 *   npm run bench:gate -- [--runs N] [--quick]
 */
import { bandsOf } from '../../lib/crowd/index.ts'
import { compilePlan } from '../../lib/rollout/index.ts'
import { relative, share } from '../../lib/rollout/gate/evidence.ts'
import { SimDice } from '../../lib/sim/index.ts'
import { FixedThreshold, MannWhitney, RepeatedZ, Upswell } from './gate/judges.ts'
import { play, type Judge, type Played, type Rates } from './gate/model.ts'
import type { Policy } from '../../lib/records/index.ts'

const argv = process.argv.slice(2)
const flagAt = argv.indexOf('--runs')
const runs = flagAt >= 0 ? Number(argv[flagAt + 1]) : argv.includes('--quick') ? 100 : 1_000

type Make = (policy: Policy) => Judge
const judges: readonly (readonly [string, Make])[] = [
  ['upswell', (policy) => new Upswell(policy)],
  ['fixed 2 %', ({ plan }) => new FixedThreshold(0.02, plan.nodes)],
  ['fixed 10 %', ({ plan }) => new FixedThreshold(0.1, plan.nodes)],
  ['repeated z', () => new RepeatedZ()],
  ['Mann-Whitney', () => new MannWhitney()]
]

function many(nodes: number, rates: Rates, make: Make): readonly Played[] {
  const policy = compilePlan(nodes < 2_000 ? 'short' : 'standard', { nodes })
  return Array.from({ length: runs }, (_, seed) =>
    play(policy, rates, make(policy), new SimDice(seed + 1))
  )
}

function shareOf(played: readonly Played[], ending: Played['ending']): string {
  const count = played.filter((one) => one.ending === ending).length
  return ((100 * count) / played.length).toFixed(1)
}

function medianExposed(played: readonly Played[]): number {
  const stopped = played
    .filter(({ ending }) => ending !== 'completed')
    .map(({ exposedPpm }) => exposedPpm)
  const sorted = stopped.toSorted((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) / 10_000
}

function say(line: string): void {
  process.stdout.write(line + '\n')
}

const fleets = [2_000, 3_000, 20_000, 1_000_000]
const bases = [0.001, 0.01, 0.05]
let isMet = true

say(`${runs} runs a cell; standard plan, 200 treated a stage, defaults of the product`)
say('')
say('good releases: halted %, stalled %')
say('| nodes | base | ' + judges.map(([name]) => name).join(' | ') + ' |')
say('| ---: | ---: | ' + judges.map(() => '---: | ').join(''))
for (const nodes of [200, 1_000, ...fleets]) {
  for (const base of bases) {
    const cells = judges.map(([name, make]) => {
      const played = many(nodes, { base, fresh: base }, make)
      const halted = Number(shareOf(played, 'halted'))
      if (name === 'upswell' && halted > 1) isMet = false
      return `${halted}, ${shareOf(played, 'stalled')}`
    })
    say(`| ${nodes} | ${base * 100} % | ${cells.join(' | ')} |`)
  }
}

say('')
say('bad releases: halted + stalled @ median exposed % of those stopped')
say('| nodes | what | ' + judges.map(([name]) => name).join(' | ') + ' |')
say('| ---: | --- | ' + judges.map(() => '---: | ').join(''))
const bads: readonly (readonly [string, Rates])[] = [
  ['5x at 1 %', { base: 0.01, fresh: 0.05 }],
  ['20x at 0.1 %', { base: 0.001, fresh: 0.02 }],
  ['20x at 1 %', { base: 0.01, fresh: 0.2 }],
  ['2x at 5 %', { base: 0.05, fresh: 0.1 }],
  ['2x at 1 %', { base: 0.01, fresh: 0.02 }],
  ['crash', { base: 0.01, fresh: 1 }]
]
for (const nodes of fleets) {
  for (const [name, rates] of bads) {
    const cells = judges.map(([judge, make]) => {
      const played = many(nodes, rates, make)
      const at = medianExposed(played)
      if (judge === 'upswell' && name === '5x at 1 %' && nodes >= 3_000 && at > 10) isMet = false
      return `${shareOf(played, 'halted')}+${shareOf(played, 'stalled')}@${at}`
    })
    say(`| ${nodes} | ${name} | ${cells.join(' | ')} |`)
  }
}

say('')
say('restarts that fail, and treated who lie, on good releases: upswell halts %')
for (const nodes of [3_000, 1_000_000]) {
  const rows = [
    [0.001, 0.003, 0],
    [0.001, 0.005, 0],
    [0.01, 0.005, 0],
    [0.01, 0.01, 0],
    [0.05, 0.01, 0],
    [0.01, 0, 0.005],
    [0.01, 0, 0.01]
  ].map(([base = 0, more = 0, liars = 0]) => {
    const played = many(nodes, { base, fresh: base + more, liars }, (p) => new Upswell(p))
    const what = `base ${base * 100} % +${(more * 100).toFixed(1)} pp, ${liars * 100} % lie`
    return `${what}: ${shareOf(played, 'halted')}`
  })
  say(`${nodes} nodes: ${rows.join(' · ')}`)
}

say('')
const policy = compilePlan('standard', { nodes: 1_000_000 })
const bands = bandsOf(policy).list
const dice = new SimDice(1)
const blocks = Array.from({ length: 136 }, (_, i) => ({
  x: Math.floor(dice.next() * 3),
  y: Math.floor(dice.next() * 4),
  nT: Math.min(25, bands[i % 17]?.kT ?? 25),
  nC: 75
}))
const margin = share(1_200, 1_000)
relative(blocks, margin, 4)
const times = Array.from({ length: 201 }, (_, i) => {
  // one more report has come: one block has changed its arm and its counts
  const now = blocks.map((one, j) => (i % 136 === j ? { ...one, x: one.x + 1, nT: 30 + i } : one))
  const start = performance.now()
  relative(now, margin, 4)
  return performance.now() - start
}).toSorted((a, b) => a - b)
const tookMs = times[100] ?? 0
if (tookMs >= 1) isMet = false
say(`one verdict over 136 blocks: ${tookMs.toFixed(3)} ms (median of 201 looks, one block is new)`)
say(isMet ? 'all targets met' : 'a target was missed')
process.exitCode = isMet ? 0 : 1
