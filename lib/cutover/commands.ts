import type { Pair, Pointer, QuarantineWhy, ReleaseName } from '../records/index.ts'
import type { Reason } from './reasons.ts'
import type { Insistence, SlotName, Verdicts } from './state.ts'

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
  /** A copy of the state in use, if one is needed → `snapped`, `unavailable`, `failed` */
  | {
      readonly tag: 'snapshot'
      readonly op: number
      readonly release: ReleaseName
      readonly from: Pair | null
    }
  /** Migrate and check the copy → `rehearsed`, `retry-later`, `unavailable`, `failed` */
  | {
      readonly tag: 'rehearse'
      readonly op: number
      readonly release: ReleaseName
      readonly from: Pair | null
    }
  /** Run it in a jail on the copy → `shadow-ready`, then `shadowed`; `failed` */
  | {
      readonly tag: 'shadow'
      readonly op: number
      readonly release: ReleaseName
      readonly from: Pair | null
      readonly shadow: Insistence
      readonly phoneHome: Insistence
    }
  /** End the shadow, drop the copies. No answer, and none of what it ended. */
  | { readonly tag: 'end-shadow'; readonly op: number }
  /** The state that counts, while nobody writes it → `sealed`, `failed` */
  | {
      readonly tag: 'migrate'
      readonly op: number
      readonly release: ReleaseName
      readonly from: Pair
    }
  /** What `from` has written, for the version of `to` → `sealed`, `failed` */
  | {
      readonly tag: 'down'
      readonly op: number
      readonly release: ReleaseName
      readonly from: Pair
      readonly to: Pair
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
      /** `wait`: ready to serve, but nobody yet, and without the lock, until `takeover`. */
      readonly mode: 'live' | 'wait'
    }
  /** Accept no more, give up the lock, stay → `released`, `release-timeout` */
  | { readonly tag: 'release'; readonly slot: SlotName }
  /** Be the one in charge → `primary`, `takeover-timeout` */
  | { readonly tag: 'takeover'; readonly slot: SlotName }
  /** Be the one in charge again → `primary`, `takeover-timeout` */
  | { readonly tag: 'resume'; readonly slot: SlotName }
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
  /** The op, or its part in a shadow, came to its end. For evidence and people. No answer. */
  | Report
  /** Remove all versions but these; also copies and cores. No answer. */
  | { readonly tag: 'gc'; readonly keep: readonly ReleaseName[] }
  /** Remove `tmp/<op>`. No answer. */
  | { readonly tag: 'discard'; readonly op: number }
  /** A thing an operator must know. No answer. */
  | {
      readonly tag: 'alarm'
      readonly what: 'stuck' | 'kept' | 'blocked'
      readonly release: ReleaseName
    }

export interface Report {
  readonly tag: 'report'
  readonly op: number
  readonly release: ReleaseName
  /** `failed` with why `own` is a failed outcome; every other end is no vote. */
  readonly result: 'committed' | 'failed' | 'undone' | 'dropped' | 'shadowed' | 'blocked'
  readonly why: QuarantineWhy | null
  readonly reason: Reason | null
  /** What the rehearsal found; null: there was none. */
  readonly verdicts: Verdicts | null
}
