import { bandsOf, type Band } from '../../../lib/crowd/index.ts'
import type { Policy } from '../../../lib/records/index.ts'
import type { SimDice } from '../../../lib/sim/index.ts'

/** How often reports fail: of controls, and of nodes on the new release. */
export interface Rates {
  readonly base: number
  readonly fresh: number
  /** Share of treated reporters who say "failed" whatever happened. */
  readonly liars?: number
}

/** Counts of one look: what came in since the one before. */
export interface Look {
  readonly x: number
  readonly y: number
  readonly nT: number
  readonly nC: number
}

export interface Verdict {
  readonly word: 'go' | 'hold' | 'halt'
}

/** One judge of one rollout: hears every look in turn, and says what should happen. */
export interface Judge {
  /** A new stage, or the same once more; reports of it are fresh. */
  begin(band: Band): void
  hear(look: Look): Verdict['word']
  /** Whether the next step may be taken, once the reports of the stage are in. */
  isSafe(stepPpm: number): boolean
}

export interface Played {
  readonly ending: 'completed' | 'halted' | 'stalled'
  readonly stage: number
  readonly exposedPpm: number
}

/** Looks per stage, and how often a held stage repeats before it stalls. */
const looks = 8
const repeatsMax = 3

/**
 * One rollout as a table of draws: in each stage min(k, arm) reports, one per reporter, over eight
 * looks with a verdict after each; a stage that holds repeats with fresh reports.
 */
export function play(policy: Policy, rates: Rates, judge: Judge, dice: SimDice): Played {
  const { list, nodes } = bandsOf(policy)
  for (const band of list) {
    const ended = playStage(band, { nodes, rates, judge, dice, next: list[band.stage] })
    const at = { stage: band.stage, exposedPpm: band.reachPpm }
    if (ended !== 'go') return { ending: ended, ...at }
  }
  return { ending: 'completed', stage: list.length, exposedPpm: 1_000_000 }
}

interface Table {
  readonly nodes: number
  readonly rates: Rates
  readonly judge: Judge
  readonly dice: SimDice
  readonly next: Band | undefined
}

function playStage(band: Band, table: Table): 'go' | 'halted' | 'stalled' {
  const { nodes, judge, next } = table
  const count = (ppm: number) => Math.round((nodes * ppm) / 1_000_000)
  const treated = Math.min(band.kT, count(band.widthPpm))
  const controls = Math.min(band.kC, nodes - count(band.reachPpm))
  for (let time = 0; time <= repeatsMax; time++) {
    judge.begin(band)
    let word: Verdict['word'] = 'go'
    for (let i = 0; i < looks; i++) {
      word = judge.hear(drawLook(table, part(treated, i), part(controls, i)))
      if (word === 'halt') return 'halted'
    }
    const stepPpm = (next?.reachPpm ?? 1_000_000) - band.reachPpm
    if (word === 'go' && judge.isSafe(stepPpm)) return 'go'
  }
  return 'stalled'
}

function part(whole: number, i: number): number {
  return Math.floor((whole * (i + 1)) / looks) - Math.floor((whole * i) / looks)
}

function drawLook({ rates, dice }: Table, nT: number, nC: number): Look {
  const liars = rates.liars ?? 0
  const fresh = liars + (1 - liars) * Math.min(1, rates.fresh)
  return { x: failures(nT, fresh, dice), y: failures(nC, rates.base, dice), nT, nC }
}

function failures(n: number, rate: number, dice: SimDice): number {
  let out = 0
  for (let i = 0; i < n; i++) if (dice.next() < rate) out++
  return out
}
