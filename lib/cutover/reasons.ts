import type { Code } from '../base/index.ts'
import type { QuarantineWhy } from '../records/index.ts'

/** Why an attempt ended. The column says whom it counts against; null leaves no quarantine. */
const WHY = {
  'start-timeout': 'own',
  exit: 'own',
  'crash-loop': 'own',
  watchdog: 'own',
  health: 'own',
  migrate: 'own',
  check: 'own',
  'kind-lost': 'own',
  'phone-home': 'own',
  'shadow-write': 'own',
  params: 'own',
  'over-limit': 'own',
  'tree-rule': 'own',
  unreproducible: 'own',
  'rehearsal-loop': 'own',
  operator: 'own',
  disk: 'host',
  denied: 'host',
  port: 'host',
  memory: 'host',
  neighbour: 'host',
  unavailable: 'host',
  'cannot-build': 'host',
  command: 'host',
  hook: 'host',
  'hook-retries': 'host',
  'baseline-bad': 'host',
  'host-lost': 'host',
  halted: 'fleet',
  aborted: 'fleet',
  floor: 'fleet',
  held: null,
  superseded: null,
  'no-source': null,
  'fetch-budget': null,
  'not-eligible': null
} as const satisfies Readonly<Record<string, QuarantineWhy | null>>

export type Reason = keyof typeof WHY

const CODES: Readonly<Partial<Record<Reason, Code>>> = {
  'start-timeout': 'HEALTH_FAILED',
  watchdog: 'HEALTH_FAILED',
  health: 'HEALTH_FAILED',
  params: 'HEALTH_FAILED',
  'over-limit': 'HEALTH_FAILED',
  exit: 'CRASH_LOOP',
  'crash-loop': 'CRASH_LOOP',
  'rehearsal-loop': 'CRASH_LOOP',
  'tree-rule': 'BAD_TREE',
  unreproducible: 'BUILD_MISMATCH',
  'cannot-build': 'CANNOT_BUILD',
  migrate: 'MIGRATION_FAILED',
  check: 'MIGRATION_FAILED',
  'kind-lost': 'MIGRATION_FAILED',
  'phone-home': 'EGRESS',
  'shadow-write': 'SHADOW_WRITE',
  hook: 'HOOK_FAILED',
  'hook-retries': 'HOOK_RETRIES_SPENT',
  disk: 'NO_SPACE',
  denied: 'NO_PERMISSION',
  halted: 'HALTED',
  aborted: 'HALTED',
  'not-eligible': 'NOT_ELIGIBLE',
  held: 'HELD',
  superseded: 'HELD',
  'no-source': 'HELD',
  'fetch-budget': 'HELD'
}

/** Which quarantine a reason sets, or null for none. */
export function whyOf(reason: Reason): QuarantineWhy | null {
  return WHY[reason]
}

/** The error code people see for a reason. */
export function codeOf(reason: Reason): Code {
  return CODES[reason] ?? 'QUARANTINED'
}

/** Whether `text`, read from a journal, is a reason of this version. */
export function isReason(text: string | null): text is Reason {
  return text !== null && Object.hasOwn(WHY, text)
}

/** A release that does not stay up may be left even below a floor (S102). */
export function doesNotStayUp(reason: Reason): boolean {
  const reasons: readonly Reason[] = ['start-timeout', 'exit', 'crash-loop', 'watchdog']
  return reasons.includes(reason)
}
