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
  readonly running: ReleaseView | null
  readonly previous: ReleaseView | null
  /** The release an upgrade is under way to. */
  readonly next: ReleaseView | null
  readonly app: AppView | null
  /** This node as a treated one: since when the new version is in charge, and how it fares. */
  readonly treatment: TreatmentView | null
  readonly rollout: RolloutStatus | null
  readonly quarantine: readonly { readonly release: string; readonly why: string }[]
  /** How often each release was started here, retries included. */
  readonly attempts: readonly { readonly release: string; readonly count: number }[]
  readonly trust: {
    readonly version: number
    readonly expiresMs: number
    readonly forked: boolean
  } | null
  /** `none`: freshness is the expiry of the trust alone. */
  readonly freshness: 'none' | 'expired'
  readonly peers: number
  /** `HOST:PORT#KEY` for `--peers` of others; null while it is not known or not fixed. */
  readonly address: string | null
  readonly pids: { readonly daemon: number; readonly launcher: number }
  /** Codes of alarms that stand, newest last. */
  readonly alarms: readonly string[]
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
  readonly nextAtMs: number | null
}

export interface ConditionView {
  readonly id: string
  /** Null: not reached yet. */
  readonly ok: boolean | null
  readonly text: string
}
