import { PPM } from '../base/index.ts'
import { inBakeOf, type Rollout } from '../crowd/index.ts'
import { chance, draws } from './dice.ts'

/** What the new release does to the nodes that run it; `times` multiplies the failure rate. */
export type Effect = { readonly tag: 'none' } | { readonly tag: 'crash'; readonly times: number }

/**
 * Who fails and when. Each report fails with the base rate, on new nodes times the effect, at an
 * even age within its window: from its beginning to the last checkpoint that its bake waits for.
 * The old version fails anew in each stage a node is control of; all by hash of the seed.
 */
export class Fate {
  readonly #seed: number
  readonly #rollout: Rollout
  readonly #old: number
  readonly #fresh: number

  constructor(
    seed: number,
    rollout: Rollout,
    how: { readonly basePpm: number; readonly effect: Effect }
  ) {
    this.#seed = seed
    this.#rollout = rollout
    this.#old = how.basePpm / PPM
    this.#fresh = Math.min(1, this.#old * (how.effect.tag === 'crash' ? how.effect.times : 1))
  }

  /** Age in ms at which the new version fails here, or Infinity. Each try is drawn anew. */
  newFailsAfterMs(node: number, stage: number, tries: number): number {
    if (chance(this.#seed, node, draws.fails, tries) >= this.#fresh) return Infinity
    return this.#windowMs(stage) * chance(this.#seed, node, draws.failsAt, tries)
  }

  /** Age of a control's report at which the old version fails, or Infinity. */
  oldFailsAfterMs(node: number, stage: number): number {
    if (chance(this.#seed, node, draws.old, stage) >= this.#old) return Infinity
    return this.#windowMs(stage) * chance(this.#seed, node, draws.oldAt, stage)
  }

  /** The bytes come in one to sixty seconds, whenever they are asked for. */
  fetchMs(node: number, starts: number): number {
    return 1_000 + 59_000 * chance(this.#seed, node, draws.fetch, starts)
  }

  /** The new version starts in two to twenty seconds. */
  startMs(node: number, starts: number): number {
    return 2_000 + 18_000 * chance(this.#seed, node, draws.start, starts)
  }

  #windowMs(stage: number): number {
    const { bands, policy } = this.#rollout
    const { checkpointsMs } = policy.gate
    const band = bands.list[stage - 1]
    const last = bands.small || band === undefined ? 2 : inBakeOf(this.#rollout, band.bakeMs)
    return checkpointsMs[last - 1] ?? 0
  }
}
