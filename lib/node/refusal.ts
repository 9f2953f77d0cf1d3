import { OtaError, type Code } from '../base/index.ts'
import type { ConditionView, WhyView } from './views.ts'

/** What the conditions do not say apart. */
export interface Standing {
  /** Level `notify`, here or in the release: nothing is installed, whatever its turn. */
  readonly tellsOnly: boolean
}

/**
 * The coded refusal of an operator's `apply`, or null if the release will start by itself: of the
 * conditions that are not met, the first that neither the operator's word nor time answers. Its
 * place, a bake, the gate and a window are waited for and refuse nothing.
 */
export function refusalOf(why: WhyView, standing: Standing): OtaError | null {
  for (const condition of why.conditions) {
    if (condition.ok !== false) continue
    const code = codeOf(condition, standing)
    if (code !== null) return refuse(why, code, condition.text)
  }
  return null
}

/** Conditions that an operator's yes answers, each way of saying it. */
const answered = {
  always: ['level', 'consent', 'ready', 'space'],
  now: ['place', 'shadow', 'gate', 'jitter'],
  skipWindow: ['window']
} as const satisfies Record<string, readonly string[]>

/** What a release still waits for after a yes, in words; null: it starts as soon as it is here. */
export function waitsFor(
  why: WhyView,
  how: { readonly now: boolean; readonly skipWindow: boolean }
): string | null {
  const done: readonly string[] = [
    ...answered.always,
    ...(how.now ? answered.now : []),
    ...(how.skipWindow ? answered.skipWindow : [])
  ]
  return why.conditions.find(({ id, ok }) => ok === false && !done.includes(id))?.text ?? null
}

function refuse({ release, label }: WhyView, code: Code, text: string): OtaError {
  const name = release === null ? 'the release' : `release ${release.slice(0, 8)}`
  return new OtaError(code, `${name} may not start here: ${text}`, {
    hint: 'see: ota-node why',
    facts: { release, label }
  })
}

/** A condition that can fail in several ways says itself which it was. */
function codeOf({ id, code }: ConditionView, standing: Standing): Code | null {
  if (id === 'level') return standing.tellsOnly ? 'HELD' : null
  return code ?? codes[id] ?? null
}

/** By the id of the condition; those that are not here end by themselves. */
const codes: Readonly<Record<string, Code>> = {
  trust: 'TRUST_UNSETTLED',
  signatures: 'THRESHOLD_NOT_MET',
  draw: 'DRAW_INCOMPLETE',
  order: 'ROLLBACK_REFUSED',
  equal: 'EQUIVOCATION',
  quarantine: 'QUARANTINED',
  abort: 'HALTED',
  floor: 'ROLLBACK_REFUSED',
  pause: 'PAUSED',
  brake: 'PAUSED',
  queue: 'QUEUED',
  attestations: 'ATTEST_QUORUM_NOT_MET',
  votes: 'NOT_ELIGIBLE',
  platform: 'NOT_ELIGIBLE',
  channel: 'NOT_ELIGIBLE',
  selector: 'NOT_ELIGIBLE',
  requirements: 'NOT_ELIGIBLE',
  barrier: 'NOT_ELIGIBLE',
  'dead-end': 'NOT_ELIGIBLE',
  policy: 'POLICY_INVALID',
  era: 'NOT_ELIGIBLE',
  hold: 'HELD',
  pin: 'HELD'
}
