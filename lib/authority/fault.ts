import type { Code } from '../base/index.ts'
import type { Verdict } from '../trust/index.ts'

/** What no honest carrier could have offered, whatever trust it stands on. */
const faults: ReadonlySet<Code> = new Set<Code>([
  'NOT_CANONICAL',
  'WRONG_NETWORK',
  'BOOTSTRAP_MISMATCH',
  'BAD_TRUST',
  'BAD_KEY',
  'BAD_SIGNATURE'
])

/**
 * Whether the carrier itself is to blame, so that it counts as a reject. A statement that is merely
 * early, late, or short of its quorum here may be in force where it came from.
 */
export function isPeerFault(verdict: Verdict): boolean {
  if (verdict.tag === 'pending') return verdict.code === 'BAD_SIGNATURE'
  if (verdict.tag !== 'refused') return false
  const isOversized = verdict.code === 'OVER_LIMIT' && verdict.id === null
  return isOversized || faults.has(verdict.code)
}
