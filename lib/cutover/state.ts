import type { Pair, Pointer, QuarantineWhy, ReleaseName } from '../records/index.ts'
import type { Reason } from './reasons.ts'

export type SlotName = 'a' | 'b'

/** A process slot as this node last saw it; null: nothing runs there. */
export interface Slot {
  readonly release: ReleaseName
  /**
   * `down`: ended by itself, to be started again; `ending`: we are ending it; `taking`: told to be
   * in charge; `released`: it gave that up and can have it back.
   */
  readonly status: 'starting' | 'healthy' | 'bad' | 'down' | 'ending' | 'taking' | 'released'
  /** Times of exits that nobody asked for, newest last, at most the last minute. */
  readonly exits: readonly number[]
}

export type OpState =
  | 'admitted'
  | 'fetched'
  | 'verified'
  | 'unpacked'
  | 'built'
  | 'waiting'
  | 'snapshot'
  | 'migrated'
  | 'shadow'
  | 'checked'
  | 'cutover'
  | 'trial'
  | 'committed'
  | 'back'
  | 'stuck'

export type Insistence = 'off' | 'prefer' | 'require'
export type Verdict = 'off' | 'unavailable' | 'pass' | 'fail'

/** What a rehearsal found. `unavailable` is neither: this machine cannot look. */
export interface Verdicts {
  readonly shadow: Verdict
  readonly phoneHome: Verdict
}

/** What a release asks of its hand-over, from its run spec and from the state that is here. */
export interface HandoverPlan {
  /** The generation it runs on when nothing is migrated; a fresh one at a first install. */
  readonly gen: string
  readonly handover: 'overlap' | 'exclusive'
  readonly warmMs: number
  readonly observeMs: number
  /** 0: signals only; 1: sockets are passed; 2: it speaks the control stream. */
  readonly level: 0 | 1 | 2
  /** Level 1: the old version goes on accepting while it is warm. */
  readonly split: boolean
  /** By which way what ran before can be had again, once the new version has written. */
  readonly back: 'code' | 'snapshot' | 'none'
  /** A new generation of the state must be made. */
  readonly transition: boolean
  readonly shadow: Insistence
  readonly phoneHome: Insistence
}

/** A plan that is not made yet, and one of a journal that knew no more than this. */
export const plainPlan: Omit<HandoverPlan, 'gen' | 'handover' | 'warmMs' | 'observeMs'> = {
  level: 0,
  split: false,
  back: 'code',
  transition: false,
  shadow: 'off',
  phoneHome: 'off'
}

/** One attempt to upgrade. */
export interface Op extends Omit<HandoverPlan, 'gen' | 'handover'> {
  readonly op: number
  readonly release: ReleaseName
  readonly state: OpState
  /** What ran before; null at a first install. */
  readonly from: Pair | null
  /** Known from `prepared` on. */
  readonly gen: string | null
  readonly handover: 'overlap' | 'exclusive' | null
  /** Level of what ran before. */
  readonly fromLevel: 0 | 1 | 2
  /** In trial: the old version still runs and can take over at once. */
  readonly warm: boolean
  readonly turn: 'no' | 'shadow' | 'go'
  readonly boots: number
  readonly rehearsals: number
  readonly tries: number
  /** Absolute ms: next fetch or try of a hook, end of a block, of warmth, of the trial. */
  readonly deadline: number | null
  /**
   * `baseline-bad` before any failure: the old version was bad first, do not blame the new (S76).
   * `unavailable` while waiting: blocked, for this machine cannot look as it must.
   */
  readonly reason: Reason | null
  readonly verdicts: Verdicts | null
  /** An operator accepted that what was written since the hand-over stays behind. */
  readonly loss: boolean
  /** In cutover: nobody writes the state any more. Not journaled: a crash begins again. */
  readonly quiet: boolean
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
  /** Of those, the ones that were aborted too: nothing leads back to them. */
  readonly dead: readonly ReleaseName[]
  /** Hand-over class of what the pointer names. */
  readonly handover: 'overlap' | 'exclusive'
  /** Level of what the pointer names. */
  readonly level: 0 | 1 | 2
  /** Level of what ran before that. */
  readonly prevLevel: 0 | 1 | 2
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
