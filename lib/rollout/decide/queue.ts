import { DAY, toHex, unreachable } from '../../base/index.ts'
import { compareOrder, releaseOf } from '../../trust/index.ts'
import { leastMs } from '../plan/policy.ts'
import type { ReleaseFacts } from './facts.ts'
import type { DecideInput, Run } from './types.ts'

/** Where the rollout of a release stands for this node. */
export type Status = 'new' | 'open' | 'resumed' | 'completed' | 'halted' | 'ended'

/** Own evidence first, then the majority of verdicts; a refusal stands above both. */
export function statusOf(input: DecideInput, facts: ReleaseFacts): Status {
  if (facts.aborted || facts.superseded) return 'ended'
  const run = input.memory.runs[facts.hex]
  if (run !== undefined) return statusOfRun(run, facts.rollout.resume)
  const { running } = input.node
  // the first release of a network has nothing to be compared with, and no rollout
  if (facts.first && (running === null || toHex(running) === facts.hex)) return 'completed'
  const reading = input.pool.verdicts(facts.hex)
  if (reading.tag === 'completed') return 'completed'
  if (reading.tag === 'halted') return 'halted'
  return isOldEnough(input, facts) ? 'completed' : 'new'
}

function statusOfRun(run: Run, resume: number): Status {
  if (resume > run.resume && run.phase !== 'completed') return 'resumed'
  switch (run.phase) {
    case 'completed':
      return 'completed'
    case 'halted':
      return 'halted'
    case 'ended':
      return 'ended'
    case 'waiting':
    case 'shadow':
    case 'filling':
    case 'baking':
    case 'hold':
    case 'pending-halt':
    case 'stalled':
      return 'open'
    default:
      return unreachable(run.phase)
  }
}

/** Open membership has no verdicts: issue date, least time of the plan, and a week (S46). */
function isOldEnough(input: DecideInput, { known, rollout }: ReleaseFacts): boolean {
  if (!input.pool.isOpen) return false
  return input.nowMs >= known.body.head.issuedMs + leastMs(rollout.policy) + 7 * DAY
}

/**
 * The one live rollout of the channel, or null. A newer release waits until the live one has ended;
 * then the highest waiting one starts and the lower ones are passed over for ever (S69).
 */
export function liveOf(input: DecideInput, releases: readonly ReleaseFacts[]): ReleaseFacts | null {
  const top = releases.findLast(({ hex }) => input.memory.runs[hex] !== undefined)
  if (top !== undefined) {
    const status = statusOf(input, top)
    if (status === 'open' || status === 'resumed') return top
  }
  const candidates = releases.filter(
    (facts) => facts.equals === 0 && isAbove(input, facts, top) && statusOf(input, facts) === 'new'
  )
  // who was away finds the fleet at one that others have begun, not at the newest
  const begun = candidates.find(
    ({ hex }) => input.pool.fold(hex).n > 0 || input.pool.verdicts(hex).voters > 0
  )
  return begun ?? candidates[candidates.length - 1] ?? null
}

/** Releases that wait behind the live one. */
export function queuedBehind(
  input: DecideInput,
  releases: readonly ReleaseFacts[],
  live: ReleaseFacts | null
): readonly ReleaseFacts[] {
  if (live === null) return []
  return releases.filter(
    (facts) =>
      compareOrder(facts.known.body, live.known.body) > 0 && statusOf(input, facts) === 'new'
  )
}

function isAbove(input: DecideInput, facts: ReleaseFacts, top: ReleaseFacts | undefined): boolean {
  if (top !== undefined) return compareOrder(facts.known.body, top.known.body) > 0
  const { running } = input.node
  const known = running === null ? null : releaseOf(input.believed, running)
  return known === null || compareOrder(facts.known.body, known.body) >= 0
}

/** Whether a release is newer than what runs here: order never falls (S41). */
export function isNewer(input: DecideInput, facts: ReleaseFacts): boolean {
  const { running } = input.node
  if (running === null) return true
  const known = releaseOf(input.believed, running)
  return known === null || compareOrder(facts.known.body, known.body) > 0
}
