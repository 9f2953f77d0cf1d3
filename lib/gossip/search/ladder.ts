import { HOUR, MINUTE } from '../../base/index.ts'

/** Rungs of the search, gentlest first; 0 is the ground. */
export type Rung = 1 | 2 | 3 | 4 | 5 | 6

const top = 6
/** Time for a rung to show what it brings. */
const rungMs = 5 * MINUTE
/** After the top: who is cut off for a day must not give up, and must not churn either. */
const restMs = HOUR

/** Where a search stands; `dueMs` is on the steady clock, null while nobody searches. */
export interface Ladder {
  /** The rung taken last; 0: none yet. */
  readonly rung: number
  readonly dueMs: number | null
}

/** Nobody searches. */
export const ground: Ladder = { rung: 0, dueMs: null }

/** Begins a search, whose first rung is due at once; one under way goes on as it is. */
export function begin(ladder: Ladder, nowMs: number): Ladder {
  return ladder.dueMs === null ? { rung: 0, dueMs: nowMs } : ladder
}

/**
 * Takes the next rung if it is due: one, however late it is, since a machine that slept has not
 * tried the others. From the top it begins anew after an hour (S37, S39, S40).
 */
export function climb(
  ladder: Ladder,
  nowMs: number
): { readonly ladder: Ladder; readonly rung: Rung | null } {
  const { dueMs } = ladder
  if (dueMs === null || nowMs < dueMs) return { ladder, rung: null }
  // The remainder of six, plus one, is a rung.
  const rung = ((ladder.rung % top) + 1) as Rung
  return { ladder: { rung, dueMs: nowMs + (rung === top ? restMs : rungMs) }, rung }
}
