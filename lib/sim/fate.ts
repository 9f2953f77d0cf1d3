import { PPM } from '../base/index.ts'
import { inBakeOf, type Rollout } from '../crowd/index.ts'
import { marginBuckets, metricsOf, type Measured } from '../rollout/index.ts'
import { chance, draws } from './dice.ts'

/** What the new release does to the nodes that run it; `times` multiplies the failure rate. */
export type Effect =
  | { readonly tag: 'none' }
  | { readonly tag: 'crash'; readonly times: number }
  /** It answers so many per cent later, and fails no more often. */
  | { readonly tag: 'latency'; readonly percent: number }

/** A failure to come: when, and in which bake of which stage. */
export interface Failure {
  readonly atMs: number
  readonly stage: number
  readonly bake: number
}

export const never: Failure = { atMs: Infinity, stage: 0, bake: 0 }

export function earlier(a: Failure, b: Failure): Failure {
  return b.atMs < a.atMs ? b : a
}

/** Four even draws have a deviation of 0.58: five buckets are ten per cent. */
const noiseBuckets = 8.7

/** A stage that is held is watched for as many further bakes before it stalls. */
const bakesMax = 4

/**
 * Who fails and when. In each bake of its stage a node fails with the base rate, on new nodes times
 * the effect, at an even age within the window that the bake waits for. A stage that is held bakes
 * on, and fails on; the old version fails anew in each stage a node is control of. All by hash of
 * the seed.
 */
export class Fate {
  readonly #seed: number
  readonly #rollout: Rollout
  readonly #old: number
  readonly #fresh: number
  readonly #measures: boolean
  readonly #slower: number
  readonly #isStill: (stage: number) => boolean

  constructor(
    seed: number,
    rollout: Rollout,
    how: {
      readonly basePpm: number
      readonly effect: Effect
      /** Whether a stage is the one that bakes or holds now. */
      readonly isStill: (stage: number) => boolean
    }
  ) {
    this.#seed = seed
    this.#rollout = rollout
    this.#old = how.basePpm / PPM
    this.#fresh = Math.min(1, this.#old * (how.effect.tag === 'crash' ? how.effect.times : 1))
    this.#isStill = how.isStill
    this.#measures = (metricsOf(rollout.policy)?.length ?? 0) > 0
    const { effect } = how
    this.#slower = effect.tag === 'latency' ? marginBuckets(Math.round(effect.percent * 10)) : 0
  }

  /** When the new version fails here. Each try is drawn anew. */
  newFails(
    node: number,
    { stage, tries, nowMs }: { readonly stage: number; readonly tries: number; nowMs: number }
  ): Failure {
    return this.#fails(node, this.#fresh, { stage, nowMs, which: draws.fails, round: tries })
  }

  /** When the old version fails on a control that enrols now. */
  oldFails(node: number, stage: number, nowMs: number): Failure {
    return this.#fails(node, this.#old, { stage, nowMs, which: draws.old, round: stage })
  }

  /** A failure of a further bake comes to pass only where there is one. */
  happens({ stage, bake, atMs }: Failure): boolean {
    return atMs < Infinity && (bake === 0 || this.#isStill(stage))
  }

  /** What the one metric of the policy says here; null without one. */
  measured(node: number, isNew: boolean): Measured | null {
    if (!this.#measures) return null
    // a node differs from itself by some ten per cent from one hour to the next
    let noise = -2
    for (let i = 0; i < 4; i++) noise += chance(this.#seed, node, draws.noise, i)
    const bucket = Math.round(noise * noiseBuckets) + (isNew ? this.#slower : 0)
    return { before: 1, buckets: [bucket] }
  }

  /** The bytes come in one to sixty seconds, whenever they are asked for. */
  fetchMs(node: number, starts: number): number {
    return 1_000 + 59_000 * chance(this.#seed, node, draws.fetch, starts)
  }

  /** The new version starts in two to twenty seconds. */
  startMs(node: number, starts: number): number {
    return 2_000 + 18_000 * chance(this.#seed, node, draws.start, starts)
  }

  #fails(
    node: number,
    rate: number,
    it: {
      readonly stage: number
      readonly nowMs: number
      readonly which: number
      readonly round: number
    }
  ): Failure {
    const { stage, nowMs, which, round } = it
    const { bands } = this.#rollout
    const band = bands.list[stage - 1]
    const isOnce = bands.small || band === undefined
    for (let bake = 0; bake < (isOnce ? 1 : bakesMax); bake++) {
      const draw = round + 1_000 * bake
      if (chance(this.#seed, node, which, draw) >= rate) continue
      const age = this.#windowMs(stage) * chance(this.#seed, node, which + 1, draw)
      return { atMs: nowMs + bake * (band?.bakeMs ?? 0) + age, stage, bake }
    }
    return never
  }

  #windowMs(stage: number): number {
    const { bands, policy } = this.#rollout
    const { checkpointsMs } = policy.gate
    const band = bands.list[stage - 1]
    const last = bands.small || band === undefined ? 2 : inBakeOf(this.#rollout, band.bakeMs)
    return checkpointsMs[last - 1] ?? 0
  }
}
