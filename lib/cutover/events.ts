import type { ReleaseName } from '../records/index.ts'
import type { Reason } from './reasons.ts'
import type { HandoverPlan, SlotName, Verdict } from './state.ts'

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
  /** Its turn to try the release in a shadow only. */
  | { readonly tag: 'shadow'; readonly release: ReleaseName }
  | { readonly tag: 'snapped'; readonly op: number }
  | { readonly tag: 'rehearsed'; readonly op: number }
  /** A hook asks for another try later. */
  | { readonly tag: 'retry-later'; readonly op: number }
  | {
      readonly tag: 'unavailable'
      readonly op: number
      readonly what: 'snapshot' | 'rehearse'
    }
  /** It can serve in its shadow; from now on it is measured. */
  | { readonly tag: 'shadow-ready'; readonly op: number }
  | {
      readonly tag: 'shadowed'
      readonly op: number
      readonly shadow: Exclude<Verdict, 'fail'>
      readonly phoneHome: Exclude<Verdict, 'fail'>
    }
  /** A generation is whole and durable, and nothing names it yet. */
  | { readonly tag: 'sealed'; readonly op: number; readonly gen: string }
  | { readonly tag: 'confirmed'; readonly op: number }
  | { readonly tag: 'withhold'; readonly release: ReleaseName }
  | { readonly tag: 'healthy'; readonly slot: SlotName }
  | { readonly tag: 'unhealthy'; readonly slot: SlotName }
  | { readonly tag: 'start-timeout'; readonly slot: SlotName }
  | { readonly tag: 'start-failed'; readonly slot: SlotName; readonly reason: Reason }
  | { readonly tag: 'exited'; readonly slot: SlotName; readonly restarting: boolean }
  | { readonly tag: 'ended'; readonly slot: SlotName }
  /** It missed its sign of life twice. */
  | { readonly tag: 'watchdog'; readonly slot: SlotName }
  /** It ended, or is ended, for want of memory that its own limit refuses; `exited` follows. */
  | { readonly tag: 'over-limit'; readonly slot: SlotName }
  /** The system ended it because the whole machine lacked memory; `exited` follows. */
  | { readonly tag: 'starved'; readonly slot: SlotName }
  /** It waits for its turn and lacks nothing but the lock. */
  | { readonly tag: 'loaded'; readonly slot: SlotName }
  | { readonly tag: 'released'; readonly slot: SlotName }
  | { readonly tag: 'release-timeout'; readonly slot: SlotName }
  | { readonly tag: 'primary'; readonly slot: SlotName }
  | { readonly tag: 'takeover-timeout'; readonly slot: SlotName }
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
  /** Releases below a floor; `dead`: those of them that were aborted as well. */
  | {
      readonly tag: 'floor'
      readonly barred: readonly ReleaseName[]
      readonly dead?: readonly ReleaseName[]
    }
  /** `acceptLoss`: what was written since the hand-over may stay behind. */
  | { readonly tag: 'rollback'; readonly acceptLoss?: boolean }
  | { readonly tag: 'keep' }
  | { readonly tag: 'clear'; readonly release: ReleaseName }
  /** An operator's yes also ends what this machine was to blame for. */
  | { readonly tag: 'apply'; readonly release: ReleaseName }
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
      | 'apply'
      | 'retry'
  }
>

/** What a rehearsal tells, and the turn for one. */
export type Rehearsed = Extract<
  Event,
  {
    tag:
      | 'shadow'
      | 'snapped'
      | 'rehearsed'
      | 'retry-later'
      | 'unavailable'
      | 'shadow-ready'
      | 'shadowed'
  }
>
