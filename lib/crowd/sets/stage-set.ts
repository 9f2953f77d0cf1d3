import { alloc, type Bytes } from '../../base/index.ts'
import type { Arm } from '../bands.ts'
import type { U64 } from '../draws.ts'
import type { SetRef, SetView } from '../ports.ts'
import { advertised, type Reporter } from './reporter.ts'

/** How often a set keeps the k smallest ranks, whatever arrives and in whatever order. */
export interface StageSetOptions {
  readonly ref: SetRef
  readonly stage: number
  readonly arm: Arm
  readonly stratum: number
  readonly k: number
  /** How many are kept, for when a hold calls up more than the k that were signed. */
  readonly more: number
  /** Ranks from here on speak only when they are called up. */
  readonly line: U64
  /** Checkpoints that are judged while the stage bakes. */
  readonly inBake: number
}

/** Counts of one set: who enrolled, failed at a checkpoint, and was watched at one. */
export interface Tally {
  readonly enrolled: number
  readonly failedAt: readonly number[]
  /** Who was watched at a checkpoint: failed at it, passed it, or is still to say so. */
  readonly atRisk: readonly number[]
  /** Failed, or past the last in-bake checkpoint. */
  readonly done: number
  readonly failed: number
  /** Times after which those who have not reported are silent, ascending, in ms. */
  readonly silentFrom: readonly number[]
  readonly operators: ReadonlyMap<string, { n: number; failed: number }>
}

/** What the fold leaves out of a set: nodes in conflict, and failures above an operator's cap. */
export interface Leave {
  readonly nodes: ReadonlySet<string>
  readonly failures: ReadonlySet<Reporter>
  /** The last stage that has opened, as the evidence tells it. */
  readonly opened: number
}

/** Deadlines of reports: ages, and what is granted on top, in ms. */
export interface Dues {
  readonly checkpointsMs: readonly number[]
  readonly graceMs: number
}

const checkpoints = 5

/** The reports of one arm of one stage: the k smallest ranks. */
export class StageSet {
  readonly options: StageSetOptions
  readonly reporters = new Map<string, Reporter>()
  /** Rises with every change, so that counts are made once per change. */
  version = 0
  readonly #order: Reporter[] = []
  #conflicts: { readonly version: number; readonly hexes: readonly string[] } | null = null
  #view: { readonly version: number; readonly view: SetView } | null = null

  constructor(options: StageSetOptions) {
    this.options = options
  }

  /** Whether a rank would be among those that are kept. */
  hasRoom(rank: bigint, hex: string): boolean {
    return this.isAmong(this.options.more, { rank, hex })
  }

  /** Whether a rank would be among the k smallest. */
  isAmong(k: number, it: { readonly rank: U64; readonly hex: string }): boolean {
    const worst = this.#order[k - 1]
    return worst === undefined || before(it, worst) || worst.hex === it.hex
  }

  /** Takes a reporter in; false if k better ranks are held. */
  insert(fresh: Reporter): boolean {
    this.reporters.set(fresh.hex, fresh)
    this.#order.splice(this.#placeFor(fresh), 0, fresh)
    const dropped = this.#order.length > this.options.more ? this.#order.pop() : undefined
    if (dropped !== undefined) this.reporters.delete(dropped.hex)
    return dropped !== fresh
  }

  /** Keys of those who contradict themselves. */
  conflicts(): readonly string[] {
    if (this.#conflicts?.version !== this.version) {
      const hexes = this.#order.filter(({ conflict }) => conflict).map(({ hex }) => hex)
      this.#conflicts = { version: this.version, hexes }
    }
    return this.#conflicts.hexes
  }

  /** Takes reporters out whose slot no longer counts. */
  keep(isSeated: (reporter: Reporter) => boolean): void {
    const gone = this.#order.filter((reporter) => !isSeated(reporter))
    for (const reporter of gone) {
      this.reporters.delete(reporter.hex)
      this.#order.splice(this.#order.indexOf(reporter), 1)
      this.version++
    }
  }

  /** Reporters by rank, best first. */
  byRank(): readonly Reporter[] {
    return this.#order
  }

  /**
   * The reports that count: the k smallest ranks, or all that are kept once one of those is here
   * who speak only when called up. The ranks are drawn, so when to look at more is free to choose.
   */
  counted(): readonly Reporter[] {
    const { k, line } = this.options
    const last = this.#order[this.#order.length - 1]
    const isCalledUp = last !== undefined && last.rank >= line
    return isCalledUp || this.#order.length <= k ? this.#order : this.#order.slice(0, k)
  }

  view(): SetView {
    if (this.#view?.version === this.version) return this.#view.view
    const members = this.#order.flatMap((reporter) =>
      advertised(reporter).map(({ id, wire }) => ({ id, wire }))
    )
    const worst = this.#order[this.options.more - 1]
    const kthRank = worst === undefined ? ones() : rankBytes(worst.rank)
    const view = { ref: this.options.ref, count: members.length, kthRank, members }
    this.#view = { version: this.version, view }
    return view
  }

  tally(leave: Leave, dues: Dues): Tally {
    const failedAt = [0, 0, 0, 0, 0]
    const atRisk = [0, 0, 0, 0, 0]
    const silentFrom: number[] = []
    const operators = new Map<string, { n: number; failed: number }>()
    let enrolled = 0
    let done = 0
    let failed = 0
    for (const reporter of this.counted()) {
      if (leave.nodes.has(reporter.hex)) continue
      enrolled++
      const { live } = reporter
      const fails = live.result === 'fail' && !leave.failures.has(reporter)
      const operator = operators.get(reporter.operator) ?? { n: 0, failed: 0 }
      operator.n++
      operators.set(reporter.operator, operator)
      for (let c = 0; c < checkpoints; c++) {
        if (isAtRisk(reporter, c, leave.opened)) atRisk[c] = (atRisk[c] ?? 0) + 1
      }
      if (live.result === 'fail') done++
      else if (live.seq >= this.options.inBake) done++
      else silentFrom.push(dueOf(reporter, dues))
      if (!fails) continue
      failed++
      operator.failed++
      const at = Math.min(live.seq, checkpoints) - 1
      failedAt[at] = (failedAt[at] ?? 0) + 1
    }
    silentFrom.sort((a, b) => a - b)
    return { enrolled, failedAt, atRisk, done, failed, silentFrom, operators }
  }

  #placeFor(fresh: Reporter): number {
    let low = 0
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >> 1
      const there = this.#order[middle]
      if (there !== undefined && before(there, fresh)) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Smaller rank first; of equal ranks the smaller key. */
function before(
  a: { readonly rank: bigint; readonly hex: string },
  b: { readonly rank: bigint; readonly hex: string }
): boolean {
  return a.rank < b.rank || (a.rank === b.rank && a.hex < b.hex)
}

/**
 * Passed checkpoint `c`, failed at it, or may still say so. A control whose own stage has opened
 * may have switched, and then says no more; what it said until then counts.
 */
function isAtRisk({ live, ownStage, arm }: Reporter, c: number, opened: number): boolean {
  if (live.seq > c) return true
  return live.result !== 'fail' && (arm === 'treated' || ownStage > opened)
}

function dueOf({ heardMs, live }: Reporter, { checkpointsMs, graceMs }: Dues): number {
  return heardMs + (checkpointsMs[live.seq] ?? Infinity) + graceMs
}

/** A rank as eight bytes, so that bytes compare as ranks do. */
export function rankBytes(rank: bigint): Bytes {
  const bytes = alloc(8)
  new DataView(bytes.buffer, bytes.byteOffset, 8).setBigUint64(0, rank, false)
  return bytes
}

export function ones(): Bytes {
  return alloc(8).fill(0xff)
}
