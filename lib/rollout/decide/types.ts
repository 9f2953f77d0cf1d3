import type { Bytes, Code } from '../../base/index.ts'
import type { Arm, PoolView, Reading } from '../../crowd/index.ts'
import type { Cause, Metric, EvidenceDraft } from '../../records/index.ts'
import type { Believed } from '../../trust/index.ts'
import type { Wishes } from './operator.ts'

/** Everything a decision follows from. Nothing else is read, so anybody can recompute it. */
export interface DecideInput {
  /** The machine's clock, not below the newest quorum-signed date, in ms; read once per step. */
  readonly nowMs: number
  readonly believed: Believed
  readonly pool: PoolView
  readonly self: SelfFacts
  readonly node: NodeFacts
  readonly network: NetworkFacts
  readonly memory: RolloutMemory
}

/** Who this node is and what its operator wants. */
export interface SelfFacts {
  /** The reporting key. */
  readonly nodeKey: Bytes
  /** It may report: it has a slot (enrolled membership) or a key (open), and runs an app. */
  readonly member: boolean
  readonly platform: string
  readonly channel: string
  /** Declared responsibility: 0 leaf, 1 normal, 2 critical. */
  readonly tier: 0 | 1 | 2
  readonly level: 'auto' | 'stage' | 'notify'
  readonly hold: boolean
  readonly pinned: Bytes | null
  readonly skipped: readonly Bytes[]
  /** Releases the operator said `apply` to. */
  readonly applied: readonly Bytes[]
  /** `apply --now`: place, jitter and bake are skipped, and the node reports nothing about it. */
  readonly appliedNow?: readonly Bytes[]
  /** Version of the daemon, for `requires.daemon`; absent: such a release is held. */
  readonly daemon?: string
  /** Organisations that must attest at least, whatever trust and policy ask for; absent: 0. */
  readonly attest?: number
  readonly wishes?: Wishes
}

/** What the machine runs and is busy with. */
export interface NodeFacts {
  readonly running: Bytes | null
  readonly previous: Bytes | null
  readonly quarantine: readonly Quarantined[]
  /** The release whose tree lies ready. */
  readonly staged: Bytes | null
  /** The release of the operation under way, past waiting. */
  readonly busy: Bytes | null
  readonly treatment: Treatment | null
  /** The version that ran before failed by itself while no treatment was under way. */
  readonly incumbentFailed?: { readonly cause: Cause } | null
  /** What the metrics of the policy say here, in their order. */
  readonly metrics?: Measured | null
}

/** Own figures of this node for the metrics of a policy. */
export interface Measured {
  /** Bit j: metric j has enough readings from before. */
  readonly before: number
  /** Bucket of ln(after / before), larger is worse; null: readings before and none after. */
  readonly buckets: readonly (number | null)[]
}

export interface Quarantined {
  readonly release: Bytes
  readonly why: 'host' | 'own' | 'fleet'
  readonly retryAtMs: number | null
}

/** The switch to a release as the node's journal tells it. */
export interface Treatment {
  readonly release: Bytes
  readonly resume: number
  /** Start of the new version, in ms. */
  readonly startedMs: number
  readonly state: 'running' | 'failed'
  readonly cause: Cause
  /** Failed attempts so far; reasons of class `host` are none. */
  readonly tries: number
}

export interface NetworkFacts {
  readonly peers: number
  /** Two rounds with two different peers since `sinceMs` (unix ms). */
  readonly settledSince: (sinceMs: number) => boolean
  /** Share of the drawn reports that is held, as peers list them, in ppm. */
  readonly coverage: (release: Bytes, resume: number) => number
  readonly clockSkewMs: number | null
  /** Enough sources agree on the newest trust; true at once with a checkpoint. */
  readonly trustSettled: boolean
}

export type Phase =
  | 'waiting'
  | 'shadow'
  | 'filling'
  | 'baking'
  | 'hold'
  | 'pending-halt'
  | 'halted'
  | 'stalled'
  | 'completed'
  | 'ended'

/** One enrolment of this node, published or not. */
export interface Mine {
  readonly arm: Arm
  readonly stage: number
  readonly stratum: number
  readonly enrolMs: number
  /** It is one of the reporters that were drawn. */
  readonly speaks: boolean
  /** Sequence number of its last statement; 0 after the enrolment. */
  readonly seq: number
  /** It failed, or left its arm: nothing more is said. */
  readonly over: boolean
  /** It keeps what it would say: a hold may call up twice as many reporters. */
  readonly reserve?: boolean
  /** Metrics with data from before the enrolment, and what was measured at the end of the bake. */
  readonly dataMask?: number
  readonly metrics?: readonly Metric[]
  /** How it failed, while that is kept and not said. */
  readonly failed?: { readonly cause: Cause; readonly tries: number }
}

/** Since when a rollout stands still here. */
export interface Stood {
  readonly sinceMs: number
  /** People stopped it: afterwards the stage bakes from zero, it does not go on where it was. */
  readonly byPeople: boolean
}

/** What this node knows of one rollout under one resume number. */
export interface Run {
  readonly resume: number
  readonly phase: Phase
  /** Entry of the plan that is filling or baking, from 1; 0 before. */
  readonly stage: number
  readonly seenMs: number
  /** Local start of the stage; jitter counts from it. */
  readonly startMs: number
  readonly bakeMs: number | null
  readonly bakeTimes: 1 | 2
  readonly enrolledAtBake: number
  /** The evidence holds: entered at its bound, left below a third of it. */
  readonly held: boolean
  readonly heldSinceMs: number | null
  /** The rollout stands still, by a brake, a pause, or because nothing fresh is heard. */
  readonly stood?: Stood | null
  /** End of the last brake or pause in this stage: from there it bakes again. */
  readonly lapsedMs?: number | null
  /** Nobody could shadow: the first node goes alone. */
  readonly solo: boolean
  /** It was away: follows the majority, is counted nowhere. */
  readonly away: boolean
  readonly crossedMs: number | null
  readonly haltStage: number | null
  /** When the halt or abort was learned; the take-back counts from it. */
  readonly learnedMs: number | null
  readonly mine: readonly Mine[]
  /** Largest stage a verdict was said for, and the last word. */
  readonly saidStage: number
  readonly saidWord: 'none' | 'widen-to' | 'halted' | 'completed'
  /** Plan small: since when this node finds itself next; since when others were first in order. */
  readonly nextMs: number | null
  readonly front: Readonly<Record<string, number>>
  readonly late: readonly string[]
  /** Plan small: deadlines are doubled after a stall without a failure. */
  readonly doubled: boolean
  /** Reporters of the stage are called up: it has held for one bake. */
  readonly calledUp?: boolean
  /** A failed try that waits for its one retry. */
  readonly failedMs: number | null
  readonly failedTries: number
}

/** Plain JSON, journaled whenever it changes; the same object is returned while nothing does. */
export interface RolloutMemory {
  readonly v: 1
  /** By the hex of the release id. */
  readonly runs: Readonly<Record<string, Run>>
  readonly census: CensusMemory | null
  /** Releases whose abort was learned, with the time. */
  readonly aborted: Readonly<Record<string, number>>
}

export interface CensusMemory {
  /** Hex of the anchor, and the interval it was said in. */
  readonly anchor: string
  readonly interval: number
  /** A new anchor is answered after a drawn delay. */
  readonly dueMs: number
  readonly said: boolean
  /** Anchors it was said for in this interval. */
  readonly told: readonly string[]
}

export const emptyMemory: RolloutMemory = { v: 1, runs: {}, census: null, aborted: {} }

export type Act =
  | { readonly tag: 'wait'; readonly untilMs: number | null }
  | { readonly tag: 'fetch'; readonly release: Bytes }
  /** `first`: nothing is installed, own checks only, in no arm. */
  | { readonly tag: 'upgrade'; readonly release: Bytes; readonly first: boolean }
  | {
      readonly tag: 'undo'
      readonly release: Bytes
      readonly atMs: number
      readonly why: 'halted' | 'aborted'
    }

/** Names of the conditions in the fixed order in which `why` shows them. */
export const conditionOrder = [
  'trust',
  'signatures',
  'draw',
  'order',
  'equal',
  'quarantine',
  'abort',
  'floor',
  'pause',
  'brake',
  'queue',
  'attestations',
  'votes',
  'platform',
  'channel',
  'selector',
  'requirements',
  'barrier',
  'dead-end',
  'policy',
  'era',
  'level',
  'hold',
  'pin',
  'window',
  'consent',
  'weight',
  'tier',
  'place',
  'shadow',
  'gate',
  'jitter',
  'space',
  'ready'
] as const

export type ConditionId = (typeof conditionOrder)[number]

/** One line of `why`: met, not met, or not reached yet. */
export interface Condition {
  readonly id: ConditionId
  readonly ok: boolean | null
  readonly text: string
  readonly have?: number
  readonly need?: number
  /** Of an unmet one, where its id alone does not say it. */
  readonly code?: Code
}

/** Where a rollout is, for status and watch. */
export interface RolloutView {
  readonly release: Bytes | null
  readonly resume: number
  readonly phase: Phase | 'none'
  readonly stage: number
  readonly stages: number
  /** Share of the fleet that the stage reaches, in ppm; plan small: of members on the release. */
  readonly widthPpm: number
  readonly small: boolean
  readonly treated: number
  readonly controls: number
  /** Treated and controls that failed. */
  readonly failures: number
  readonly controlsFailed: number
  readonly good: number
  /** Nodes with a census at most three hours old. */
  readonly members: number
  /** Evidence value E of "worse than tolerated"; 1 says nothing, 100 halts. */
  readonly e: number
  readonly reading: Reading
  readonly reasons: readonly string[]
  /** Releases that wait behind this one. */
  readonly queued: readonly Bytes[]
}

export interface Decision {
  readonly memory: RolloutMemory
  readonly act: Act
  /** When to ask again at the latest, whatever `act` is; null: only at an event. */
  readonly untilMs: number | null
  /** Releases that nobody may start: halted by the fleet or aborted. */
  readonly halted: readonly Bytes[]
  /** Releases whose rollout is completed in the fleet. */
  readonly completed: readonly Bytes[]
  /** To be signed, put into the own pool and published; each once per memory. */
  readonly say: readonly EvidenceDraft[]
  /** Release that the conditions are about, or null. */
  readonly about: Bytes | null
  /** Made when first read, from the evidence of that moment: read it before the next event. */
  readonly conditions: readonly Condition[]
  /** As `conditions`. */
  readonly view: RolloutView
}
