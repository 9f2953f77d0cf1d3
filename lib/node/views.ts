import type { Code } from '../base/index.ts'

/**
 * What a node says about itself, as plain JSON values: ids are whole z32 names, times unix
 * milliseconds. The same facts serve the terminal, `--json` and the library.
 */
export interface StatusView {
  readonly network: string
  readonly name: string | null
  readonly node: string
  readonly member: boolean
  /** State of the upgrade, named as in docs/node.md. */
  readonly state: string
  readonly channel: string
  readonly level: string
  readonly held: boolean
  /** When the hold ends by itself (null: never) and why it was said; null: no hold. */
  readonly hold: { readonly untilMs: number | null; readonly reason: string } | null
  /** The only release that is taken, or null. */
  readonly pinned: string | null
  /** Releases that are passed over. */
  readonly skipped: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly running: ReleaseView | null
  readonly previous: ReleaseView | null
  /** The release an upgrade is under way to. */
  readonly next: ReleaseView | null
  /** Generation of the state in use. */
  readonly gen: string | null
  /**
   * How the previous version would be had again: `code`: at once, with the state as it is;
   * `snapshot`: its state is made from what was written since; `none`: only with that left behind.
   */
  readonly wayBack: 'code' | 'snapshot' | 'none' | null
  /** What the rehearsal of the upgrade under way found; `unavailable` is never a pass. */
  readonly rehearsal: { readonly shadow: string; readonly phoneHome: string } | null
  readonly app: AppView | null
  /** This node as a treated one: since when the new version is in charge, and how it fares. */
  readonly treatment: TreatmentView | null
  readonly rollout: RolloutStatus | null
  /** `code`: what happened, as `NO_SPACE`; `retryMs`: when it is tried again by itself. */
  readonly quarantine: readonly {
    readonly release: string
    readonly why: string
    readonly code: string
    readonly retryMs: number | null
  }[]
  /** How often each release was started here, retries included. */
  readonly attempts: readonly { readonly release: string; readonly count: number }[]
  readonly trust: {
    readonly version: number
    readonly expiresMs: number
    readonly forked: boolean
  } | null
  readonly freshness: FreshnessView
  /** The worst of what stands, in the order of the exit numbers of `status`; null: all is well. */
  readonly worst: Code | null
  readonly peers: number
  /** This clock against the median of the peers, in ms; null: too few peers. */
  readonly clockSkewMs: number | null
  /** Version of the daemon that answers. */
  readonly daemon: string
  /** `HOST:PORT#KEY` for `--peers` of others; null while it is not known or not fixed. */
  readonly address: string | null
  readonly pids: { readonly daemon: number; readonly launcher: number }
  /** Codes of alarms that stand, newest last. */
  readonly alarms: readonly string[]
}

export interface FreshnessView {
  /** `none`: the trust lists no beacon, so that freshness is its expiry alone. */
  readonly state: 'none' | 'fresh' | 'stale' | 'frozen' | 'expired'
  /** Age of the newest beacon that counts; null: none, or none heard yet. */
  readonly ageMs: number | null
  /** What beacons name and nobody gives. */
  readonly claim: {
    readonly code: string
    /** Labels of the beacons. */
    readonly by: readonly string[]
    /** More than half of the listed beacons say so: nothing is installed meanwhile. */
    readonly majority: boolean
    readonly trustVersion: number
  } | null
}

export interface ReleaseView {
  readonly release: string
  readonly label: string
  readonly epoch: number
  readonly seq: number
}

export interface TreatmentView {
  readonly release: string
  readonly startedMs: number
  readonly state: 'running' | 'failed'
  readonly tries: number
}

export interface AppView {
  readonly pid: number | null
  readonly restarts: number
  readonly lost: number
}

export interface RolloutStatus {
  readonly release: string
  readonly label: string
  readonly phase: string
  readonly stage: number
  readonly stages: number
  /** Share of the fleet that the stage reaches, in ppm. */
  readonly widthPpm: number
  readonly treated: number
  readonly good: number
  readonly failed: number
  readonly controls: number
  /** Evidence value of "worse than tolerated"; 100 halts. */
  readonly e: number
  readonly reasons: readonly string[]
}

export interface WhyView {
  readonly release: string | null
  readonly label: string
  readonly state: string
  readonly sentence: string
  /** The id of the first condition that is not met. */
  readonly first: string | null
  readonly conditions: readonly ConditionView[]
  /** Null where the release is not known here. */
  readonly place: PlaceView | null
  readonly nextAtMs: number | null
}

export interface ConditionView {
  readonly id: string
  /** Null: not reached yet. */
  readonly ok: boolean | null
  readonly text: string
  readonly have?: number
  readonly need?: number
  /** Of an unmet one, where its id alone does not say it. */
  readonly code?: Code
}

/** The place of this node in the order of a release, and what anybody needs to compute it again. */
export interface PlaceView {
  /** Share of the order that goes before, in ppm. */
  readonly ppm: number
  /** The place itself: eight bytes in hex. */
  readonly u: string
  /** Seed of the order, in hex. */
  readonly seed: string
  /** Reporting key of this node, in z32. */
  readonly nodeKey: string
  /** One entry per drawer; null: none was named, and whoever drafted the release chose the seed. */
  readonly proof: readonly DrawView[] | null
}

/** One drawer's share in the seed: her value, and the way from it to the root in the trust. */
export interface DrawView {
  readonly label: string
  /** In z32; value, path and root in hex. */
  readonly key: string
  readonly value: string
  readonly index: number
  readonly path: readonly string[]
  readonly root: string
}
