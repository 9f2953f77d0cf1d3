import type { EdgeLine, Pair, Pointer, QuarantineWhy, ReleaseName } from '../records/index.ts'
import type { Reason } from './reasons.ts'

export type SlotName = 'a' | 'b'

/** A process slot as this node last saw it; null: nothing runs there. */
export interface Slot {
  readonly release: ReleaseName
  /** `down`: ended by itself, to be started again; `ending`: we are ending it. */
  readonly status: 'starting' | 'healthy' | 'bad' | 'down' | 'ending'
  /** Times of exits that nobody asked for, newest last, at most the last minute. */
  readonly exits: readonly number[]
}

export type OpState =
  | 'admitted'
  | 'fetched'
  | 'verified'
  | 'unpacked'
  | 'waiting'
  | 'cutover'
  | 'trial'
  | 'committed'
  | 'back'
  | 'stuck'

/** One attempt to upgrade. */
export interface Op {
  readonly op: number
  readonly release: ReleaseName
  readonly state: OpState
  /** What ran before; null at a first install. */
  readonly from: Pair | null
  /** Known from `prepared` on. */
  readonly gen: string | null
  readonly handover: 'overlap' | 'exclusive' | null
  readonly warmMs: number
  readonly observeMs: number
  /** In trial: the old version still runs and can take over at once. */
  readonly warm: boolean
  readonly turn: 'no' | 'go'
  readonly boots: number
  readonly rehearsals: number
  readonly tries: number
  /** Absolute ms: next fetch, end of warmth, end of trial. */
  readonly deadline: number | null
  /**
   * `baseline-bad` before any failure: the old version was bad first, do not blame the new (S76).
   */
  readonly reason: Reason | null
  /** A pointer on its way to disk. */
  readonly next: Pointer | null
}

export interface Quarantine {
  readonly release: ReleaseName
  readonly why: QuarantineWhy
  readonly code: Reason
  readonly tries: number
  readonly nextMs: number | null
  readonly by: string | null
  /** False: ended, only its tries are remembered. */
  readonly active: boolean
}

export interface Undo {
  readonly release: ReleaseName
  /** Null: there is no way back, it is kept. */
  readonly atMs: number | null
  readonly why: 'halted' | 'aborted' | 'operator'
}

/** All the upgrade machine knows. A value: `step` makes a new one. */
export interface State {
  readonly pointer: Pointer | null
  readonly op: Op | null
  readonly lastOp: number
  readonly quarantine: readonly Quarantine[]
  readonly undo: Undo | null
  /** Newest release committed here that the fleet completed. */
  readonly lastGood: ReleaseName | null
  /** When the predecessor may go. */
  readonly gcAt: number | null
  readonly held: boolean
  /** Releases that a floor forbids to go back to; told anew after each start, not journaled. */
  readonly barred: readonly ReleaseName[]
  /** Hand-over class of what the pointer names. */
  readonly handover: 'overlap' | 'exclusive'
  /** Slot of what the pointer names, or of what served last. */
  readonly live: SlotName
  /** Slot that gets new connections; null: they wait. */
  readonly routed: SlotName | null
  /** A pointer on its way to disk outside any op. */
  readonly pending: Pointer | null
  readonly slots: Readonly<Record<SlotName, Slot | null>>
  /** When a process that ended by itself is started again. */
  readonly restartAt: number | null
  /** The journal cannot be trusted: run what the pointer names, start no upgrade. */
  readonly fault: 'JOURNAL_DAMAGED' | 'JOURNAL_NEWER' | null
}

/** What a release asks of its hand-over, from its run spec. */
export interface HandoverPlan {
  readonly gen: string
  readonly handover: 'overlap' | 'exclusive'
  readonly warmMs: number
  readonly observeMs: number
}

/** Events that concern an op carry its number; one that comes late is ignored. */
export type Event =
  | { readonly tag: 'want'; readonly release: ReleaseName; readonly kind: string }
  | { readonly tag: 'preflighted'; readonly op: number }
  | { readonly tag: 'fetched'; readonly op: number }
  | { readonly tag: 'no-source'; readonly op: number }
  | { readonly tag: 'verified'; readonly op: number }
  | { readonly tag: 'hash-differs'; readonly op: number }
  | { readonly tag: 'placed'; readonly op: number }
  | { readonly tag: 'prepared'; readonly op: number; readonly plan: HandoverPlan }
  | { readonly tag: 'failed'; readonly op: number; readonly reason: Reason }
  | { readonly tag: 'go'; readonly release: ReleaseName }
  | { readonly tag: 'confirmed'; readonly op: number }
  | { readonly tag: 'withhold'; readonly release: ReleaseName }
  | { readonly tag: 'healthy'; readonly slot: SlotName }
  | { readonly tag: 'unhealthy'; readonly slot: SlotName }
  | { readonly tag: 'start-timeout'; readonly slot: SlotName }
  | { readonly tag: 'start-failed'; readonly slot: SlotName; readonly reason: Reason }
  | { readonly tag: 'exited'; readonly slot: SlotName; readonly restarting: boolean }
  | { readonly tag: 'ended'; readonly slot: SlotName }
  | { readonly tag: 'flipped'; readonly seq: number }
  | { readonly tag: 'flip-failed'; readonly seq: number; readonly reason: Reason }
  | { readonly tag: 'halted'; readonly release: ReleaseName; readonly why: 'halted' | 'aborted' }
  | {
      readonly tag: 'undo'
      readonly release: ReleaseName
      readonly atMs: number
      readonly why: 'halted' | 'aborted'
    }
  | { readonly tag: 'resume'; readonly release: ReleaseName; readonly by: string }
  | { readonly tag: 'completed'; readonly release: ReleaseName }
  | { readonly tag: 'superseded'; readonly release: ReleaseName }
  | { readonly tag: 'hold'; readonly on: boolean }
  | { readonly tag: 'floor'; readonly barred: readonly ReleaseName[] }
  | { readonly tag: 'rollback' }
  | { readonly tag: 'keep' }
  | { readonly tag: 'clear'; readonly release: ReleaseName }
  /** The plan of the release gives its first failure here one more try. */
  | { readonly tag: 'retry'; readonly release: ReleaseName }
  | { readonly tag: 'tick' }

/** What a process did. */
export type SlotEvent = Extract<Event, { slot: SlotName }>

/** What the fleet or an operator said. */
export type FromOutside = Extract<
  Event,
  {
    tag:
      | 'halted'
      | 'undo'
      | 'resume'
      | 'completed'
      | 'superseded'
      | 'hold'
      | 'floor'
      | 'rollback'
      | 'keep'
      | 'clear'
      | 'retry'
  }
>

/**
 * What the shell has to do. All of them are idempotent: a crash repeats them. Which event answers
 * which command stands with each.
 */
export type Command =
  /** Room for the artifact? → `preflighted`, `failed` */
  | { readonly tag: 'preflight'; readonly op: number; readonly release: ReleaseName }
  /** All bytes into `tmp/<op>` → `fetched`, `no-source`, `failed` */
  | { readonly tag: 'fetch'; readonly op: number; readonly release: ReleaseName }
  /** Every hash and the tree digest, from disk → `verified`, `hash-differs`, `failed` */
  | { readonly tag: 'verify'; readonly op: number; readonly release: ReleaseName }
  /** `tmp/<op>` becomes `versions/<release>` → `placed`, `failed` */
  | { readonly tag: 'place'; readonly op: number; readonly release: ReleaseName }
  /** Judge `ota.json`, write the run spec, queue seeding → `prepared`, `failed` */
  | {
      readonly tag: 'prepare'
      readonly op: number
      readonly release: ReleaseName
      readonly from: Pair | null
    }
  /** Judge the guards again, now → `confirmed`, `withhold`, `halted` */
  | { readonly tag: 'confirm'; readonly op: number; readonly release: ReleaseName }
  /** Start beside whatever runs → `healthy`, `start-timeout`, `start-failed`, `exited` */
  | {
      readonly tag: 'start'
      readonly slot: SlotName
      readonly release: ReleaseName
      readonly gen: string
      readonly restart: boolean
    }
  /** Whether the launcher itself starts it again after an exit. No answer. */
  | { readonly tag: 'keep'; readonly slot: SlotName; readonly restart: boolean }
  /** New connections go there; null: they wait. No answer. */
  | { readonly tag: 'route'; readonly slot: SlotName | null }
  /** Take-back by the launcher itself at the exit of `on`. No answer. */
  | { readonly tag: 'arm'; readonly on: SlotName; readonly to: SlotName }
  | { readonly tag: 'disarm' }
  /** Let it finish (`drain`), then end it → `ended` */
  | { readonly tag: 'end'; readonly slot: SlotName; readonly drain: boolean }
  /** Replace `current` → `flipped`, `flip-failed` */
  | { readonly tag: 'flip'; readonly pointer: Pointer }
  /** The op came to its end. For evidence and people. No answer. */
  | Report
  /** Remove all versions but these; also copies and cores. No answer. */
  | { readonly tag: 'gc'; readonly keep: readonly ReleaseName[] }
  /** Remove `tmp/<op>`. No answer. */
  | { readonly tag: 'discard'; readonly op: number }
  /** A thing an operator must know. No answer. */
  | { readonly tag: 'alarm'; readonly what: 'stuck' | 'kept'; readonly release: ReleaseName }

export interface Report {
  readonly tag: 'report'
  readonly op: number
  readonly release: ReleaseName
  /** `failed` with why `own` is a failed outcome; every other end is no vote. */
  readonly result: 'committed' | 'failed' | 'undone' | 'dropped'
  readonly why: QuarantineWhy | null
  readonly reason: Reason | null
}

export type { EdgeLine, Pair, Pointer, ReleaseName }
