import type { Argv, Probe } from '../../records/index.ts'
import type { Destination } from '../netwatch/destination.ts'
import type { Seen } from '../netwatch/verdict.ts'
import type { WatchOrder } from '../netwatch/watch.ts'
import type { Passing } from '../launcher/config.ts'
import type { Limits } from '../app/runspec.ts'

/** What the first process of the jail is told: all it needs to run a new version beside the old. */
export interface ShadowOrder {
  /** Null: the network is not looked at. */
  readonly watch: WatchOrder | null
  readonly release: string
  readonly gen: string
  /** `${PORT}` and `${PORT_NAME}` stand for ports that are chosen inside. */
  readonly argv: Argv
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly pass: Passing
  /** `passed`: the app is given the socket; `port`: it is told one; `own`: it binds by itself. */
  readonly listen: readonly {
    readonly name: string
    readonly address: string
    readonly how: 'passed' | 'port' | 'own'
  }[]
  readonly probes: readonly Probe[]
  readonly shadowProbe: Argv | null
  readonly startTimeoutMs: number
  readonly intervalMs: number
  readonly badForMs: number
  readonly windowMs: number
  readonly limits: Limits
}

/** Highest values seen, and sums, of all processes of the app together; bytes and milliseconds. */
export interface Meters {
  readonly rssBytes: number
  readonly cpuMs: number
  readonly pids: number
  readonly fds: number
  readonly writtenBytes: number
}

export const noMeters: Meters = { rssBytes: 0, cpuMs: 0, pids: 0, fds: 0, writtenBytes: 0 }

/** Failures that the jail sees from inside, by their names in the journal. */
export type InsideReason = 'exit' | 'start-timeout' | 'health' | 'watchdog' | 'over-limit'

/** How the new version fared; `unavailable` is no verdict about it. */
export interface InsideEnd {
  readonly answer: 'pass' | 'fail' | 'unavailable'
  readonly reason: InsideReason | null
  /** In words, for an answer that is not `pass`. */
  readonly why: string
  readonly meters: Meters
  /** Null: nobody looked, or nobody could. */
  readonly seen: Seen | null
  /** From its start until it was ready; null: it never was. */
  readonly readyMs: number | null
  /** What it answered when asked to check itself. */
  readonly selfCheck: 'ok' | 'bad' | 'silent'
}

/** A line from the first process of the jail. */
export type ShadowWord =
  /** It has its order. What goes wrong before is the machine's fault, never the app's. */
  | { readonly tag: 'up' }
  | { readonly tag: 'ready' }
  | { readonly tag: 'tried'; readonly destination: Destination }
  | { readonly tag: 'end'; readonly end: InsideEnd }
