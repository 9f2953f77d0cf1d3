import { OtaError } from '../../base/index.ts'
import { stateFaults, type StateBefore, type StateRules } from '../../records/index.ts'
import type { RunSpec } from '../app/runspec.ts'
import type { HandoverPlan, Insistence } from '../../cutover/index.ts'

/** What a plan is made of; `before` null: a first install. */
export interface PlanFrom {
  readonly spec: RunSpec
  readonly rules: StateRules
  readonly before: StateBefore | null
  /** The generation that is in use, or a fresh one. */
  readonly gen: string
}

/**
 * What the hand-over to a release needs and how far it can be taken back. Throws `NOT_ELIGIBLE`,
 * with every reason, for a release that may not go on from the state that is here (S50).
 */
export function planOf({ spec, rules, before, gen }: PlanFrom): HandoverPlan {
  const faults = before === null ? [] : stateFaults(before, rules)
  if (faults.length > 0) {
    throw new OtaError('NOT_ELIGIBLE', `the release cannot follow: ${faults.join('; ')}`, {
      hint: 'a release in between may go on from here; else its signers must say what goes'
    })
  }
  const changes = before !== null && before.schema !== rules.schema
  const shares = rules.class === 'none' || rules.class === 'external'
  const { warmMs, observeMs, level, split, shadow, phoneHome } = spec
  const look = (policy: Insistence): Insistence =>
    before === null && policy !== 'require' ? 'off' : policy
  return {
    gen,
    // two schemas are never used at once
    handover: changes && !shares ? 'exclusive' : spec.handover,
    warmMs,
    observeMs,
    level,
    split,
    back: changes && rules.class === 'snapshot' ? wayBack(before.schema, rules) : 'code',
    transition: changes && rules.class === 'snapshot',
    shadow: look(shadow.policy),
    phoneHome: look(phoneHome)
  }
}

function wayBack(schema: number, { downTo, lossOk }: StateRules): HandoverPlan['back'] {
  return downTo.includes(schema) || lossOk ? 'snapshot' : 'none'
}
