import { operatorCaps, operatorsMin, type OperatorCount } from './cap.ts'
import { readingsOf, type Readings } from './readings.ts'
import type { Reporter } from './reporter.ts'
import type { Rollout } from '../rollouts.ts'
import type { Dues, Leave, StageSet, Tally } from './stage-set.ts'

/** Integer counts of one block: failed and enrolled, treated (x, nT) and control (y, nC). */
export interface FoldBlock {
  readonly stage: number
  readonly checkpoint: number
  readonly stratum: number
  readonly x: number
  readonly y: number
  readonly nT: number
  readonly nC: number
}

/** What one stage holds, all strata together. */
export interface StageCount {
  readonly stage: number
  readonly treated: number
  readonly controls: number
  readonly treatedFailed: number
  /** Treated who failed or passed the last in-bake checkpoint. */
  readonly treatedDone: number
}

/** Treated of one stratum, each once: failed (after the operator cap), and enrolled. */
export interface StratumCount {
  readonly stratum: number
  readonly x: number
  readonly n: number
}

/** Who has not reported in time, in each arm. */
export interface Silence {
  readonly treated: number
  readonly controls: number
}

/**
 * The evidence of one rollout as sums of integers: no arrival order, reporter's clock or viewer's
 * state is in it, so the same records give the same bits (docs/gate.md §4).
 */
export interface Fold {
  /** Blocks with a failure in them; the others say nothing. */
  readonly blocks: readonly FoldBlock[]
  /** Treated, each once: failed (after the operator cap), and enrolled. */
  readonly x: number
  readonly n: number
  /** Treated who failed, no cap; and those whose in-bake checkpoints are complete. */
  readonly failed: number
  readonly done: number
  readonly controlsEnrolled: number
  /** Treated by the version they ran before and their platform: x and n of each alone. */
  readonly strata: readonly StratumCount[]
  readonly stages: readonly StageCount[]
  /** Buckets of one metric of the policy, per stage and stratum in which nearly all answered. */
  readings(metric: number): readonly Readings[]
  /** Controls, each node once over all stages: failed, and enrolled. */
  distinctControls(): { readonly failed: number; readonly enrolled: number }
  silence(nowMs: number): Silence
}

/** The fold of nothing. */
export const emptyFold: Fold = gather(new Map(), new Map(), new Set())

/** Counts of one rollout, made anew only for the sets that changed. */
export class Folder {
  readonly #rollout: Rollout
  readonly #tallies = new Map<StageSet, { version: number; leave: Leave; tally: Tally }>()
  #conflicts: ReadonlySet<string> = new Set()

  constructor(rollout: Rollout) {
    this.#rollout = rollout
  }

  fold(sets: readonly StageSet[]): Fold {
    this.#noteConflicts(sets)
    const opened = this.#opened(sets)
    const leave: Leave = { nodes: this.#conflicts, failures: none, opened }
    const plain = new Map(sets.map((set) => [set, this.#tally(set, leave)]))
    const over = this.#overCap(plain)
    const tallies =
      over.size === 0
        ? plain
        : new Map(
            sets.map((set) => [set, set.tally({ ...leave, failures: over }, this.#dues(set))])
          )
    return gather(tallies, plain, this.#conflicts)
  }

  /** Whoever contradicts itself in one stage leaves every block of the release. */
  #noteConflicts(sets: readonly StageSet[]): void {
    const found = new Set(sets.flatMap((set) => set.conflicts()))
    for (const hex of twoStrata(sets)) found.add(hex)
    const held = this.#conflicts
    const same = found.size === held.size && [...found].every((hex) => held.has(hex))
    if (!same) this.#conflicts = found
  }

  #tally(set: StageSet, leave: Leave): Tally {
    const held = this.#tallies.get(set)
    const isSame = held?.leave.nodes === leave.nodes && held.leave.opened === leave.opened
    if (isSame && held.version === set.version) return held.tally
    const tally = set.tally(leave, this.#dues(set))
    this.#tallies.set(set, { version: set.version, leave, tally })
    return tally
  }

  /** The last stage that is open here: a quarter of its quota, so that no single key says so. */
  #opened(sets: readonly StageSet[]): number {
    const treated = new Map<number, number>()
    for (const { options, reporters } of sets) {
      if (options.arm === 'control') continue
      treated.set(options.stage, (treated.get(options.stage) ?? 0) + reporters.size)
    }
    let opened = 0
    for (const { stage, qT } of this.#rollout.bands.list) {
      if ((treated.get(stage) ?? 0) >= Math.max(1, Math.floor(qT / 4))) opened = stage
    }
    return opened
  }

  #dues(set: StageSet): Dues {
    const { gate, time } = this.#rollout.policy
    // a treated node also has what the plan grants it to migrate, start and shadow
    const own = set.options.arm === 'treated' ? time.migrateMs + time.startMs + time.shadowMs : 0
    return { checkpointsMs: gate.checkpointsMs, graceMs: time.reportMs + own }
  }

  /** Failed reporters above their operator's cap: the smallest ranks are kept. */
  #overCap(tallies: ReadonlyMap<StageSet, Tally>): ReadonlySet<Reporter> {
    const counts = countOperators(tallies)
    if (counts.length < operatorsMin) return none
    const caps = operatorCaps(counts, this.#rollout.policy.gate.operatorCapPpm)
    const over = new Set<Reporter>()
    for (const count of counts) {
      const cap = caps.get(count.label)
      if (cap === undefined) continue
      for (const arm of ['treated', 'control'] as const) {
        const most = arm === 'treated' ? cap.treated : cap.controls
        const have = arm === 'treated' ? count.treatedFailed : count.controlsFailed
        if (have <= most) continue
        const failed = failedOf([...tallies.keys()], arm, count.label)
        for (const one of failed.filter(({ hex }) => !this.#conflicts.has(hex)).slice(most)) {
          over.add(one)
        }
      }
    }
    return over
  }
}

const none: ReadonlySet<Reporter> = new Set()

/** Nodes that named two versions before in one stage. One set per stage and arm has none. */
function twoStrata(sets: readonly StageSet[]): readonly string[] {
  const out: string[] = []
  sets.forEach((a, i) => {
    for (const b of sets.slice(i + 1)) {
      if (a.options.stage !== b.options.stage || a.options.stratum === b.options.stratum) continue
      for (const hex of a.reporters.keys()) if (b.reporters.has(hex)) out.push(hex)
    }
  })
  return out
}

function failedOf(
  sets: readonly StageSet[],
  arm: 'treated' | 'control',
  operator: string
): readonly Reporter[] {
  return sets
    .filter((set) => set.options.arm === arm)
    .flatMap((set) => set.counted().filter((one) => one.operator === operator))
    .filter(({ live }) => live.result === 'fail')
    .toSorted((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : a.hex < b.hex ? -1 : 1))
}

function countOperators(tallies: ReadonlyMap<StageSet, Tally>): readonly OperatorCount[] {
  const counts = new Map<
    string,
    Record<'treated' | 'treatedFailed' | 'controls' | 'controlsFailed', number>
  >()
  for (const [{ options }, { operators }] of tallies) {
    for (const [label, { n, failed }] of operators) {
      const one = counts.get(label) ?? {
        treated: 0,
        treatedFailed: 0,
        controls: 0,
        controlsFailed: 0
      }
      if (options.arm === 'treated') {
        one.treated += n
        one.treatedFailed += failed
      } else {
        one.controls += n
        one.controlsFailed += failed
      }
      counts.set(label, one)
    }
  }
  return [...counts].map(([label, one]) => ({ label, ...one }))
}

function gather(
  tallies: ReadonlyMap<StageSet, Tally>,
  plain: ReadonlyMap<StageSet, Tally>,
  conflicts: ReadonlySet<string>
): Fold {
  const sum = (arm: 'treated' | 'control', pick: (tally: Tally) => number, from = tallies) => {
    let all = 0
    for (const [{ options }, tally] of from) if (options.arm === arm) all += pick(tally)
    return all
  }
  let controls: ReturnType<typeof distinct> | null = null
  const readings = new Map<number, readonly Readings[]>()
  return {
    blocks: blocksOf(tallies),
    x: sum('treated', (tally) => tally.failed),
    n: sum('treated', (tally) => tally.enrolled),
    failed: sum('treated', (tally) => tally.failed, plain),
    done: sum('treated', (tally) => tally.done),
    controlsEnrolled: sum('control', (tally) => tally.enrolled),
    strata: strataOf(tallies),
    stages: stagesOf(plain),
    readings: (metric) => {
      const held = readings.get(metric) ?? readingsOf([...tallies.keys()], metric, conflicts)
      readings.set(metric, held)
      return held
    },
    distinctControls: () => (controls ??= distinct([...tallies.keys()], conflicts)),
    silence: (nowMs) => ({
      treated: sum('treated', ({ silentFrom }) => countBelow(silentFrom, nowMs)),
      controls: sum('control', ({ silentFrom }) => countBelow(silentFrom, nowMs))
    })
  }
}

/** Pairs the arms of each (stage, stratum) into blocks, one per checkpoint with a failure. */
function blocksOf(tallies: ReadonlyMap<StageSet, Tally>): readonly FoldBlock[] {
  const pairs = new Map<string, { set: StageSet; treated?: Tally; control?: Tally }>()
  for (const [set, tally] of tallies) {
    const key = `${set.options.stage} ${set.options.stratum}`
    const pair = pairs.get(key) ?? { set }
    pair[set.options.arm] = tally
    pairs.set(key, pair)
  }
  const blocks: FoldBlock[] = []
  for (const { set, treated, control } of pairs.values()) {
    const { stage, stratum, inBake } = set.options
    for (let checkpoint = 0; checkpoint < 5; checkpoint++) {
      const x = treated?.failedAt[checkpoint] ?? 0
      const y = control?.failedAt[checkpoint] ?? 0
      if (x + y === 0) continue
      // While a stage bakes everybody enrolled is watched. Later a control that may have switched
      // counts only with what it has said: fewer controls beside as many failures acquit (§4).
      const count = checkpoint < inBake ? enrolledLeft : watched
      const nT = enrolledLeft(treated, checkpoint)
      blocks.push({ stage, checkpoint, stratum, x, y, nT, nC: count(control, checkpoint) })
    }
  }
  return blocks.toSorted(
    (a, b) => a.stage - b.stage || a.stratum - b.stratum || a.checkpoint - b.checkpoint
  )
}

/** Enrolled and not failed before; the silent stay in, as not failed. */
function enrolledLeft(tally: Tally | undefined, checkpoint: number): number {
  if (tally === undefined) return 0
  return tally.failedAt.slice(0, checkpoint).reduce((left, failed) => left - failed, tally.enrolled)
}

function watched(tally: Tally | undefined, checkpoint: number): number {
  return tally?.atRisk[checkpoint] ?? 0
}

function strataOf(tallies: ReadonlyMap<StageSet, Tally>): readonly StratumCount[] {
  const out = new Map<number, { stratum: number; x: number; n: number }>()
  for (const [{ options }, tally] of tallies) {
    if (options.arm === 'control') continue
    const { stratum } = options
    const at = out.get(stratum) ?? { stratum, x: 0, n: 0 }
    at.x += tally.failed
    at.n += tally.enrolled
    out.set(stratum, at)
  }
  return [...out.values()].toSorted((a, b) => a.stratum - b.stratum)
}

function stagesOf(tallies: ReadonlyMap<StageSet, Tally>): readonly StageCount[] {
  const out: { -readonly [K in keyof StageCount]: StageCount[K] }[] = []
  for (const [{ options }, tally] of tallies) {
    const { stage } = options
    const at = (out[stage] ??= { stage, treated: 0, controls: 0, treatedFailed: 0, treatedDone: 0 })
    if (options.arm === 'control') {
      at.controls += tally.enrolled
      continue
    }
    at.treated += tally.enrolled
    at.treatedFailed += tally.failed
    at.treatedDone += tally.done
  }
  return out
}

function distinct(
  sets: readonly StageSet[],
  conflicts: ReadonlySet<string>
): { readonly failed: number; readonly enrolled: number } {
  const enrolled = new Set<string>()
  const failed = new Set<string>()
  for (const set of sets) {
    if (set.options.arm !== 'control') continue
    for (const { hex, live } of set.counted()) {
      if (conflicts.has(hex)) continue
      enrolled.add(hex)
      if (live.result === 'fail') failed.add(hex)
    }
  }
  return { failed: failed.size, enrolled: enrolled.size }
}

/** How many of an ascending list lie below `value`. */
function countBelow(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? Infinity) < value) low = middle + 1
    else high = middle
  }
  return low
}
