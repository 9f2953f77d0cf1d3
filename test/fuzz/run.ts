import { alloc, EXIT, isOtaError, toHex, type Code } from '../../lib/base/index.ts'
import { Hasher } from '../../lib/trust/index.ts'
import { fromText } from '../../lib/base/index.ts'
import { Dice } from './dice.ts'
import type { Offered, Outcome, Target } from './outcome.ts'
import { evidence } from './evidence.ts'
import { manifests, otaJsons, policies } from './files.ts'
import { folders, journals } from './folders.ts'
import { members } from './members.ts'
import { joins, papers } from './papers.ts'
import { cores, indices, locals, patches } from './patches.ts'
import { statements } from './statements.ts'

export const targets: readonly Target[] = [
  statements,
  papers,
  joins,
  members,
  evidence,
  otaJsons,
  policies,
  manifests,
  folders,
  journals
]

/** Bytes of trees, and what is made of them. */
export const artifactTargets: readonly Target[] = [patches, cores, indices, locals, manifests]

/** Something that must not be: the seed and the run throw it again, the bytes show it. */
export interface Failure {
  readonly run: number
  readonly target: string
  readonly what: string
  readonly why: string
  readonly hex: string
}

export interface Report {
  readonly seed: string
  readonly runs: number
  readonly byTarget: ReadonlyMap<string, number>
  /** How often each code refused. */
  readonly refusals: ReadonlyMap<Code, number>
  readonly alarms: ReadonlyMap<Code, number>
  /** Mutated inputs that were taken, each lawfully. */
  readonly lawful: number
  /** Milliseconds of the slowest one. */
  readonly slowestMs: number
  readonly failures: readonly Failure[]
  /** Hash over all outcomes in order: the same seed gives the same. */
  readonly digest: string
}

export interface Options {
  readonly seed: string
  readonly runs: number
  /** Kinds of input; those of trust unless told. */
  readonly of?: readonly Target[]
  /** First run; to look at one alone. */
  readonly from?: number
  /** Called after each run with the number of runs done. */
  readonly onRun?: (done: number) => void
}

/** Failures kept: the first ones say it. */
const failuresMax = 20

/** Throws `runs` mutated inputs at the product, each alone, and says what became of them. */
export async function fuzz(options: Options): Promise<Report> {
  const { seed, runs, of = targets, from = 0, onRun } = options
  for (const target of of) await target.sanity()
  const tally = new Tally()
  for (let run = from; run < from + runs; run++) {
    const dice = new Dice(seed, run)
    const target = choose(of, dice)
    const startedMs = performance.now()
    const offered: Offered = { bytes: alloc(0), what: '' }
    let outcome: Outcome
    try {
      outcome = await target.run(dice, offered)
    } catch (error) {
      outcome = { codes: [], taken: false, fault: `crash: ${shown(error)}` }
    }
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - startedMs)
    tally.add(target, outcome)
    const why = outcome.fault ?? unknownCode(outcome)
    if (why !== null && tally.failures.length < failuresMax) {
      const { what, bytes } = offered
      tally.failures.push({ run, target: target.name, what, why, hex: toHex(bytes) })
    }
    onRun?.(run - from + 1)
  }
  return { seed, runs, ...tally.close() }
}

class Tally {
  slowestMs = 0
  readonly failures: Failure[] = []
  readonly #byTarget = new Map<string, number>()
  readonly #refusals = new Map<Code, number>()
  readonly #alarms = new Map<Code, number>()
  readonly #hasher = new Hasher()
  #lawful = 0

  add({ name }: Target, { codes, alarms = [], taken, fault }: Outcome): void {
    count(this.#byTarget, name)
    for (const code of codes) count(this.#refusals, code)
    for (const code of alarms) count(this.#alarms, code)
    if (taken && fault === null) this.#lawful += 1
    const line = [name, taken, fault ?? '', ...codes, ...alarms].join(' ')
    this.#hasher.update(fromText(`${line}\n`))
  }

  close(): Omit<Report, 'seed' | 'runs'> {
    return {
      byTarget: this.#byTarget,
      refusals: this.#refusals,
      alarms: this.#alarms,
      lawful: this.#lawful,
      slowestMs: this.slowestMs,
      failures: this.failures,
      digest: toHex(this.#hasher.final()).slice(0, 16)
    }
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function choose(of: readonly Target[], dice: Dice): Target {
  const sum = of.reduce((total, { weight }) => total + weight, 0)
  let at = dice.below(sum)
  for (const target of of) {
    at -= target.weight
    if (at < 0) return target
  }
  return statements
}

function unknownCode({ codes, alarms = [] }: Outcome): string | null {
  const strange = [...codes, ...alarms].find((code) => !(code in EXIT))
  return strange === undefined ? null : `the code ${strange} is not listed`
}

function shown(error: unknown): string {
  if (isOtaError(error)) return `${error.code} thrown where it is returned: ${error.message}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
