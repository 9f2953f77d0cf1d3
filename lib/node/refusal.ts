import { HOUR, OtaError, type Code } from '../base/index.ts'
import type { WhyView } from './views.ts'

/** What the conditions do not say apart. */
export interface Standing {
  readonly forked: boolean
  readonly expired: boolean
  /** This clock against the median of the peers. */
  readonly skewMs: number | null
  /** Level `notify`, here or in the release: nothing is installed, whatever its turn. */
  readonly tellsOnly: boolean
}

/**
 * The coded refusal of an operator's `apply`, or null if the release will start by itself: of the
 * conditions that are not met, the first that neither the operator's word nor time answers. Its
 * place, a bake, the gate and a window are waited for and refuse nothing.
 */
export function refusalOf(why: WhyView, standing: Standing): OtaError | null {
  for (const { id, ok, text } of why.conditions) {
    if (ok !== false) continue
    const code = codeOf(id, standing)
    if (code !== null) return refuse(why, code, text)
  }
  // gossip, clock: more than an hour off the peers' median holds everything (S47).
  const { skewMs } = standing
  if (skewMs === null || Math.abs(skewMs) <= HOUR) return null
  return refuse(why, 'CLOCK_SKEW', 'this clock is more than an hour off that of the peers')
}

function refuse({ release, label }: WhyView, code: Code, text: string): OtaError {
  const name = release === null ? 'the release' : `release ${release.slice(0, 8)}`
  return new OtaError(code, `${name} may not start here: ${text}`, {
    hint: 'see: ota-node why',
    facts: { release, label }
  })
}

function codeOf(condition: string, standing: Standing): Code | null {
  if (condition === 'trust') return trustCode(standing)
  if (condition === 'level') return standing.tellsOnly ? 'HELD' : null
  return codes[condition] ?? null
}

function trustCode({ forked, expired }: Standing): Code {
  if (forked) return 'TRUST_FORK'
  return expired ? 'TRUST_EXPIRED' : 'TRUST_UNSETTLED'
}

/** By the id of the condition; those that are not here end by themselves. */
const codes: Readonly<Record<string, Code>> = {
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
  attestations: 'NOT_ELIGIBLE',
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
