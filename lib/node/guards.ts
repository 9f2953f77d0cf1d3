import type { Code } from '../base/index.ts'
import { firstAgainst, judgedOf, standings, type Moment } from '../rollout/index.ts'
import type { KnownRelease } from '../trust/index.ts'

/** What is asked again before the bytes of a release are unpacked, and before it takes charge. */
export type Guarded =
  | { readonly tag: 'confirmed' }
  | { readonly tag: 'withhold'; readonly why: string; readonly code: Code }
  | { readonly tag: 'halted'; readonly why: 'halted' | 'aborted' }

/**
 * design 1: permission is judged now, under the current trust (S6, S19), and with it all that
 * stands against a release: brake, attestations, freshness, abort, pause. The decision asked the
 * same, so what is withheld here waits there. Forward only: no way back comes here.
 */
export function judgeNow(
  moment: Moment,
  release: KnownRelease,
  near: { readonly first: boolean; readonly halted: boolean }
): Guarded {
  const judged = judgedOf(moment.believed, release)
  if (judged.aborted) return { tag: 'halted', why: 'aborted' }
  if (near.halted) return { tag: 'halted', why: 'halted' }
  const against = firstAgainst(standings(moment, judged, near))
  if (against === null) return { tag: 'confirmed' }
  const { text, code = 'NOT_ELIGIBLE' } = against
  return { tag: 'withhold', why: text, code }
}

/** The release is not known here any more: nothing of it may come nearer. */
export const unknownHere: Guarded = {
  tag: 'withhold',
  why: 'it is not known here',
  code: 'NOT_ELIGIBLE'
}
