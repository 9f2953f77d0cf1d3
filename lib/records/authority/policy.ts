import type { Bytes } from '../../base/index.ts'

/** One entry of the signed plan. Shares in ppm, times in ms, quotas and reporter counts in nodes. */
export interface Stage {
  /** 0 everybody, 1 the nodes on the release that this one `fixes`. */
  readonly who: number
  readonly sharePpm: number
  readonly bakeMs: number
  readonly kT: number
  readonly kC: number
  readonly qT: number
  readonly qC: number
  /** 0 none, 1 a quorum `widen`, 2 each operator's `apply`. */
  readonly approve: number
}

/** An (epoch, seq) order bound. */
export interface OrderBound {
  readonly epoch: number
  readonly seq: number
}

/** A weekly maintenance window. */
export interface Window {
  /** Bit 0 is Monday. */
  readonly days: number
  readonly startMinute: number
  readonly lengthMs: number
  readonly tz: string
}

/** A release that must be passed through, or that ends a line. */
export interface Waypoint {
  readonly release: Bytes
  readonly reason: string
}

/**
 * The policy of a release as it is signed: plain numbers, every field always there, in the order of
 * the bytes. Ranges are judged by `rollout/policy.ts`, at `propose` and again on every node.
 */
export interface Policy {
  readonly how: {
    readonly level: 'notify' | 'stage' | 'auto'
    readonly critical: boolean
    readonly urgent: boolean
    readonly consent: 'none' | 'notify' | 'ask'
    readonly order: 'leastResponsible' | 'random'
    /** Bit 0 manual, bit 1 critical. */
    readonly bypass: number
    readonly control: 'observe' | 'sham-restart'
  }
  readonly plan: {
    /** Fleet size from the census when the plan was compiled. */
    readonly nodes: number
    readonly small: boolean
    /** Members when proposed, plan `small` only, else 0. */
    readonly members: number
    readonly stages: readonly Stage[]
    readonly holdBackPpm: number
    /** Thousandths of the bake. */
    readonly jitter: number
    readonly prefetchMs: number
    readonly fillWithinMs: number
  }
  readonly gate: {
    readonly alphaPpm: number
    readonly betaPpm: number
    /** Thousandths. */
    readonly holdAt: number
    /** Thousandths. */
    readonly rho0: number
    readonly epsilonPpm: number
    readonly hardCeilingPpm: number
    readonly riskPerStagePpm: number
    readonly coveragePpm: number
    readonly liarBudgetPpm: number
    readonly operatorCapPpm: number
    readonly settleMs: number
    readonly openHoldMs: number
    readonly windowsOpenMs: number
    readonly failFast: 'auto' | 'off'
    /** Exactly five, rising. */
    readonly checkpointsMs: readonly number[]
  }
  readonly halt: {
    readonly onHalt: 'undo' | 'stop'
    readonly undoUpToPpm: number
    readonly undoSpreadMs: number
  }
  readonly others: {
    readonly shadow: 'off' | 'prefer' | 'require'
    readonly first: number
    readonly failures: number
    readonly waitMs: number
    /** Organisations that must attest. */
    readonly attest: number
    readonly votesNeedPpm: number
    readonly votesAgainstPpm: number
    readonly votesWithinMs: number
  }
  readonly time: {
    readonly downloadMs: number
    readonly migrateMs: number
    readonly startMs: number
    readonly shadowMs: number
    readonly trialMs: number
    readonly reportMs: number
    readonly retryHost: number
    readonly retryTimedOut: number
    readonly maxParallel: number
    /** 0 none. */
    readonly startAtMs: number
    /** 0 none. */
    readonly endAtMs: number
    readonly endBehavior: 'stop' | 'cancel' | 'force'
    readonly windows: readonly Window[]
    /** 0 none. */
    readonly endOfLifeMs: number
  }
  readonly who: {
    readonly selector: string
    readonly from: { readonly min: OrderBound; readonly max: OrderBound } | null
    readonly barriers: readonly Waypoint[]
    readonly deadends: readonly Waypoint[]
    readonly requires: {
      readonly daemon: string
      readonly protoLow: number
      readonly protoHigh: number
      readonly schemas: readonly number[]
      readonly eras: readonly string[]
    }
  }
  readonly health: {
    readonly badForMs: number
    readonly crashMax: number
    readonly crashWithinMs: number
    readonly boots: number
  }
  readonly ext: readonly { readonly tag: number; readonly bytes: Bytes }[]
}
