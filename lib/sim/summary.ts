import { PPM } from '../base/index.ts'
import type { Ending, Story } from './story.ts'

/** Many plays of one plan. */
export interface Summary {
  readonly runs: number
  readonly endings: Readonly<Record<Ending, number>>
  /** Median share of the fleet exposed when it halted, in ppm; null if none did. */
  readonly exposedPpm: number | null
  /** Median time until the rollout ended, in ms. */
  readonly endedMs: number
  readonly failed: number
}

/** Counts endings and takes medians (the lower one of an even number). */
export function summarise(stories: readonly Story[]): Summary {
  const endings = { halted: 0, completed: 0, stalled: 0, unfinished: 0 }
  for (const { ending } of stories) endings[ending]++
  const halted = stories.filter(({ ending }) => ending === 'halted')
  const shares = halted.map(({ exposed, nodes }) => Math.round((exposed * PPM) / nodes))
  return {
    runs: stories.length,
    endings,
    exposedPpm: median(shares),
    endedMs: median(stories.map(({ endedMs }) => endedMs)) ?? 0,
    failed: median(stories.map(({ failed }) => failed)) ?? 0
  }
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null
}
