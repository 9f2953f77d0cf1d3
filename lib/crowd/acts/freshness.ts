import { DAY, HOUR } from '../../base/index.ts'
import type { BeaconBook } from './beacon-book.ts'
import type { Ground } from './ground.ts'
import type { Freshness } from './types.ts'

/** Six beacons missed, and a day without any. */
export const staleMs = HOUR
const frozenMs = DAY

/**
 * How fresh what is believed is: as the beacon that completes the number of keys asked for.
 * Who never heard so many waits since `waitingMs`, and is not fresh for it (S37).
 */
export function freshnessOf(
  book: BeaconBook,
  { beacons, beaconsNeeded }: Ground,
  waitingMs: number,
  nowMs: number
): Freshness {
  if (beacons.size === 0) return { state: 'none' }
  const dates = [...beacons.keys()]
    .flatMap((signer) => book.saidBy(signer).slice(0, 1))
    .map(({ tsMs }) => tsMs)
    .toSorted((a, b) => b - a)
  const heardMs = dates[beaconsNeeded - 1]
  const sinceMs = heardMs ?? waitingMs
  const ageMs = Math.max(0, nowMs - sinceMs)
  const late = ageMs >= staleMs || heardMs === undefined
  const state = ageMs >= frozenMs ? 'frozen' : late ? 'stale' : 'fresh'
  return { state, ageMs: heardMs === undefined ? null : ageMs, sinceMs }
}
