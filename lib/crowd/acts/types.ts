import type { Bytes } from '../../base/index.ts'
import type { Brake } from '../../records/index.ts'

/** A brake in force on a release, as people are shown it. Times in unix ms. */
export interface BrakeView {
  readonly id: Bytes
  readonly key: Bytes
  /** Of the key, in the current trust. */
  readonly label: string
  /** When this node heard it: a brake runs from there, whatever its date. */
  readonly receivedMs: number
  readonly untilMs: number
  readonly reason: Brake['reason']
  readonly note: string
}

/** What brakes do to one release now. */
export interface Brakes {
  /** One per key, by label. */
  readonly live: readonly BrakeView[]
  /** Whether live ones of as many keys as the role asks for stop the rollout. */
  readonly acts: boolean
  /** When they stop acting; null if they do not act. */
  readonly untilMs: number | null
  /** When brakes last stopped acting by themselves: the stage bakes again from there. */
  readonly lastEndMs: number | null
}

/** What builders say about one artifact of a release. */
export interface Attestations {
  /** That built the signed tree: sorted, each once, whatever the number of its keys (S54). */
  readonly organisations: readonly string[]
  /** Labels of the builders behind them, sorted. */
  readonly builders: readonly string[]
  /** Other trees than the signed one, until a resume names them by id (S55). */
  readonly conflicts: readonly Dispute[]
}

export interface Dispute {
  readonly id: Bytes
  readonly label: string
  readonly organisation: string
  readonly treeDigest: Bytes
}

/**
 * How old the newest word of the beacons is. `none`: the trust lists no beacon. `ageMs` is null
 * where too few of them were ever heard; `sinceMs` is when the age counts from.
 */
export type Freshness =
  | { readonly state: 'none' }
  | {
      readonly state: 'fresh' | 'stale' | 'frozen'
      readonly ageMs: number | null
      readonly sinceMs: number
    }

/** What fresh beacons name and this node never had. It can make nodes wait, and no more. */
export interface Claim {
  /** A trust, or else a digest of what is believed. */
  readonly code: 'TRUST_WITHHELD' | 'WITHHELD'
  /** Labels of the beacons, sorted. */
  readonly by: readonly string[]
  /** More than half of the listed beacons say so: only then nodes wait (S39, S40). */
  readonly majority: boolean
  /** One of them said so twice in a row. */
  readonly alarm: boolean
  readonly trustVersion: number
  readonly trustId: Bytes
  readonly digest: Bytes
}

/**
 * A thing to be kept over a restart, opaque to its keeper. `wire` is an evidence statement, or one
 * single byte that carries since when beacons are waited for.
 */
export interface Kept {
  readonly wire: Bytes
  readonly receivedMs: number
}
