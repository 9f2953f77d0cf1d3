import { equal, HOUR } from '../base/index.ts'
import {
  admittedReleases,
  equalNumbers,
  expired,
  permission,
  refusals,
  type Believed,
  type KnownRelease
} from '../trust/index.ts'

/** What is asked again in the very moment before a release takes charge. */
export type Guarded =
  | { readonly tag: 'confirmed' }
  | { readonly tag: 'withhold'; readonly why: string }
  | { readonly tag: 'halted'; readonly why: 'halted' | 'aborted' }

/**
 * design 1: permission is judged now, just before the install, under the current trust (S6, S19);
 * what stands against the release is asked again too. Forward only: no way back comes here.
 */
export function judgeNow(
  believed: Believed,
  release: KnownRelease,
  now: { readonly ms: number; readonly skewMs: number | null; readonly halted: boolean }
): Guarded {
  const { aborted, paused, floor } = refusals(believed, release.id)
  if (aborted.length > 0) return { tag: 'halted', why: 'aborted' }
  if (now.halted) return { tag: 'halted', why: 'halted' }
  const { have, need } = permission(believed, release)
  if (have < need) return withhold(`${have} of ${need} signatures under the current trust`)
  const admitted = admittedReleases(believed, release.body.channel)
  if (!admitted.some(({ id }) => equal(id, release.id))) return withhold('it is not admitted')
  if (believed.fork.length > 0) return withhold('two trusts stand against each other')
  if (expired(believed, now.ms)) return withhold('the trust has expired')
  if (equalNumbers(believed, release).length > 0) return withhold('two releases have its number')
  if (paused.length > 0) return withhold('it is paused')
  if (floor !== null) return withhold('it lies below a floor')
  // gossip, clock: more than an hour off the peers' median holds everything (S47).
  if (now.skewMs !== null && Math.abs(now.skewMs) > HOUR) return withhold('the clock is off')
  return { tag: 'confirmed' }
}

function withhold(why: string): Guarded {
  return { tag: 'withhold', why }
}
