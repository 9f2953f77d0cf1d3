import type { Evidence, Policy } from '../records/index.ts'
import type { Effect } from './fate.ts'
import type { Lie } from './liars.ts'

export interface WorldOptions {
  /** A whole number from 0 to 2³² − 1. */
  readonly seed: number
  readonly nodes: number
  readonly policy: Policy
  /** Share of nodes that fail in a bake although nothing is wrong with a release, in ppm. */
  readonly basePpm: number
  readonly effect: Effect
  /** Share of the nodes that are switched off for half of each day, in ppm. */
  readonly offlinePpm?: number
  /** A share of the nodes is cut off from the others for a time. */
  readonly partition?: Partition | null
  /** Reporters who do not say what happened. */
  readonly lie?: Lie | null
  /** Asks every node at every event, as real ones are: the same story, and slow. */
  readonly asksAll?: boolean
  /** Longest time that is played, in ms of the world. */
  readonly limitMs?: number
  /** Hears every statement as it is said. */
  readonly onSaid?: (evidence: Evidence) => void
}

/** A cut through the fleet: how many are on the smaller side, from when and for how long, in ms. */
export interface Partition {
  readonly sharePpm: number
  readonly fromMs: number
  readonly forMs: number
}
