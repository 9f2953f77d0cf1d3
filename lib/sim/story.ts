import { MINUTE } from '../base/index.ts'
import type { Phase, RolloutView } from '../rollout/index.ts'

/** How a rollout ended; `unfinished`: it still went on after the longest time that is played. */
export type Ending = 'halted' | 'completed' | 'stalled' | 'unfinished'

/** The fleet at one moment at which its phase changed. */
export interface Moment {
  /** Since the release was issued, in ms. */
  readonly atMs: number
  readonly phase: Phase | 'none'
  readonly stage: number
  /** Nodes that ever started the new version, that run it, and on which it failed. */
  readonly exposed: number
  readonly upgraded: number
  readonly failed: number
  /** Reports the gate counts: treated and control, and the failures among them. */
  readonly treated: number
  readonly controls: number
  readonly treatedFailed: number
  readonly controlsFailed: number
  /** Evidence value of "worse than tolerated": 10 holds, 100 halts. */
  readonly e: number
  readonly reasons: readonly string[]
}

/** What one play showed. */
export interface Story {
  readonly seed: number
  readonly nodes: number
  readonly ending: Ending
  /** Stage it ended in, and the number of stages. */
  readonly stage: number
  readonly stages: number
  /** At the end of the rollout: at the halt, the stall or the completion. */
  readonly exposed: number
  readonly failed: number
  readonly endedMs: number
  /** When nothing moved any more, and how many ran the new release then. */
  readonly restedMs: number
  readonly upgraded: number
  readonly moments: readonly Moment[]
  readonly curve: readonly Point[]
}

/** How far the fleet was at one time, in ms since the release. */
export interface Point extends Headcount {
  readonly atMs: number
}

/** At most so many points are kept of one play; then every second one, and so on. */
const pointsMax = 400

/** The fleet over time, as finely as a picture shows. */
export class Curve {
  points: readonly Point[] = []
  #stepMs = MINUTE
  #lastMs = -Infinity

  note(atMs: number, heads: Headcount): void {
    if (atMs < this.#lastMs + this.#stepMs) return
    this.#lastMs = atMs
    this.points = [...this.points, { atMs, ...heads }]
    if (this.points.length <= pointsMax) return
    this.points = this.points.filter((_, i) => i % 2 === 0)
    this.#stepMs *= 2
  }
}

/** Counts of the fleet at a moment, from its machines. */
export interface Headcount {
  readonly exposed: number
  readonly upgraded: number
  readonly failed: number
}

/** One line of the story. */
export function momentOf(atMs: number, view: RolloutView, heads: Headcount): Moment {
  return {
    atMs,
    phase: view.phase,
    stage: view.stage,
    ...heads,
    treated: view.treated,
    controls: view.controls,
    treatedFailed: view.failures,
    controlsFailed: view.controlsFailed,
    e: view.e,
    reasons: view.reasons
  }
}
