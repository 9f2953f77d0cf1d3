/**
 * When a process that ended by itself is started again; also run by the launcher, so this file
 * imports nothing.
 */

/** Three exits within this time are a crash loop. */
const crashWindowMs = 60_000
const crashesMax = 3

/** Least and most delay before a restart. */
export interface Backoff {
  readonly leastMs: number
  readonly mostMs: number
}

export const usualBackoff: Backoff = { leastMs: 1_000, mostMs: 60_000 }

/** Exits within the last minute, the one at `nowMs` included; time that jumps back keeps them. */
export function noteExit(exits: readonly number[], nowMs: number): readonly number[] {
  return [...exits.filter((ms) => nowMs - ms < crashWindowMs), nowMs].slice(-16)
}

export function isCrashLoop(exits: readonly number[]): boolean {
  return exits.length >= crashesMax
}

/** Delay before restart number `count` (from 1): 1, 2, 4 … 60 s with the usual backoff. */
export function backoffMs(count: number, backoff: Backoff = usualBackoff): number {
  const doublings = Math.min(Math.max(0, count - 1), 16)
  return Math.min(backoff.mostMs, backoff.leastMs * 2 ** doublings)
}
