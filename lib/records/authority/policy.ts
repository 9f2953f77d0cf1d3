import { releaseBytesMax, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  ext,
  id,
  inOrder,
  list,
  ms,
  name,
  note,
  oneOf,
  opt,
  ppm,
  refine,
  remembered,
  struct,
  text,
  times,
  u16,
  u32,
  u8,
  uint,
  within,
  type Codec,
  type Ext
} from '../codec/index.ts'

/**
 * One entry of the signed plan. Shares in ppm, times in ms, quotas and reporter counts in nodes.
 */
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
  readonly ext: readonly Ext[]
}

/** A value outside its list: a node holds, it does not guess. */
const INVALID = 'POLICY_INVALID'
const flag: Codec<boolean> = oneOf<boolean>([false, true], INVALID)
const upTo = (max: number): Codec<number> => within(u8, { min: 0, max, code: INVALID })

const stage: Codec<Stage> = struct({
  who: upTo(1),
  sharePpm: ppm,
  bakeMs: ms,
  kT: uint,
  kC: uint,
  qT: uint,
  qC: uint,
  approve: upTo(2)
})

const window: Codec<Window> = struct({
  days: upTo(0x7f),
  startMinute: u16,
  lengthMs: ms,
  tz: text(64)
})

const waypoint: Codec<Waypoint> = struct({ release: id, reason: note(64) })

const bound: Codec<OrderBound> = struct({ epoch: uint, seq: u32 })

const how: Codec<Policy['how']> = struct({
  level: oneOf(['notify', 'stage', 'auto'], INVALID),
  critical: flag,
  urgent: flag,
  consent: oneOf(['none', 'notify', 'ask'], INVALID),
  order: oneOf(['leastResponsible', 'random'], INVALID),
  bypass: upTo(3),
  control: oneOf(['observe', 'sham-restart'], INVALID)
})

const plan: Codec<Policy['plan']> = refine(
  struct({
    nodes: uint,
    small: flag,
    members: uint,
    stages: inOrder(64, stage),
    holdBackPpm: ppm,
    jitter: within(uint, { min: 0, max: 1_000, code: INVALID }),
    prefetchMs: ms,
    fillWithinMs: ms
  }),
  ({ small, members }, fail) => {
    if (!small && members !== 0) fail(INVALID, 'members named in a plan that is not small')
  }
)

const gate: Codec<Policy['gate']> = refine(
  struct({
    alphaPpm: ppm,
    betaPpm: ppm,
    holdAt: uint,
    rho0: uint,
    epsilonPpm: ppm,
    hardCeilingPpm: ppm,
    riskPerStagePpm: ppm,
    coveragePpm: ppm,
    liarBudgetPpm: ppm,
    operatorCapPpm: ppm,
    settleMs: ms,
    openHoldMs: ms,
    windowsOpenMs: ms,
    failFast: oneOf(['auto', 'off'], INVALID),
    checkpointsMs: times(5, ms)
  }),
  ({ checkpointsMs }, fail) => {
    const rising = checkpointsMs.every((at, index) => at > (checkpointsMs[index - 1] ?? -1))
    if (!rising) fail(INVALID, 'checkpoints do not rise')
  }
)

const halt: Codec<Policy['halt']> = struct({
  onHalt: oneOf(['undo', 'stop'], INVALID),
  undoUpToPpm: within(ppm, { min: 0, max: 100_000, code: INVALID }),
  undoSpreadMs: ms
})

const others: Codec<Policy['others']> = struct({
  shadow: oneOf(['off', 'prefer', 'require'], INVALID),
  first: u8,
  failures: u8,
  waitMs: ms,
  attest: uint,
  votesNeedPpm: ppm,
  votesAgainstPpm: ppm,
  votesWithinMs: ms
})

const time: Codec<Policy['time']> = struct({
  downloadMs: ms,
  migrateMs: ms,
  startMs: ms,
  shadowMs: ms,
  trialMs: ms,
  reportMs: ms,
  retryHost: u8,
  retryTimedOut: u8,
  maxParallel: uint,
  startAtMs: ms,
  endAtMs: ms,
  endBehavior: oneOf(['stop', 'cancel', 'force'], INVALID),
  windows: list(8, window),
  endOfLifeMs: ms
})

const who: Codec<Policy['who']> = struct({
  selector: text(512),
  from: opt(struct({ min: bound, max: bound })),
  barriers: list(16, waypoint),
  deadends: list(16, waypoint),
  requires: struct({
    daemon: text(32),
    protoLow: u8,
    protoHigh: u8,
    schemas: list(16, uint),
    eras: list(16, name)
  })
})

const health: Codec<Policy['health']> = struct({
  badForMs: ms,
  crashMax: u8,
  crashWithinMs: ms,
  boots: u8
})

/** The policy's place in a release body. */
export const policy: Codec<Policy> = struct({
  how: remembered(how),
  plan: remembered(plan),
  gate: remembered(gate),
  halt: remembered(halt),
  others: remembered(others),
  time: remembered(time),
  who: remembered(who),
  health: remembered(health),
  ext
})

/** Throws `POLICY_INVALID`, `NOT_CANONICAL` or `OVER_LIMIT` for a value without canonical form. */
export function encodePolicy(value: Policy): Bytes {
  return encodeWhole(policy, value, 'policy')
}

/** Throws `POLICY_INVALID` for a value outside its list, `NOT_CANONICAL`, `OVER_LIMIT` (S9). */
export function decodePolicy(bytes: Bytes): Policy {
  return decodeWhole(policy, bytes, { what: 'policy', bytesMax: releaseBytesMax })
}
