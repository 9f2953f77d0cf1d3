import { DAY, MINUTE } from '../base/index.ts'

/** Time without a sign of life, peers being there, after which a feed is dead. */
const deadAfterMs = 7 * DAY
/** One look counts no more than this: a machine that slept has listened to nobody. */
const lookMaxMs = MINUTE

/** How long a feed that the trust names has been silent. */
export interface Pulse {
  /** Milliseconds of listening without a sign, over restarts. */
  readonly silentMs: number
  readonly isDead: boolean
}

export const alive: Pulse = { silentMs: 0, isDead: false }

export interface Look {
  /** Milliseconds since the last look. */
  readonly elapsedMs: number
  /** Whether anybody is connected: who is alone hears nothing, and that says nothing. */
  readonly hasPeers: boolean
  /** A peer holds blocks of the feed, and at least one of its blocks could be read here. */
  readonly isHeard: boolean
}

/** The pulse after one more look. A sign of life, however late, makes a dead feed live again. */
export function beat(pulse: Pulse, { elapsedMs, hasPeers, isHeard }: Look): Pulse {
  if (isHeard) return alive
  if (!hasPeers) return pulse
  const silentMs = Math.min(deadAfterMs, pulse.silentMs + Math.min(elapsedMs, lookMaxMs))
  return { silentMs, isDead: silentMs >= deadAfterMs }
}
