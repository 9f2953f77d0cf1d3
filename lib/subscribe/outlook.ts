import { toHex } from '../base/index.ts'
import type { PoolView } from '../crowd/index.ts'
import type { KnownRelease } from '../trust/index.ts'
import type { Events } from './events.ts'
import { describe, indexFor } from './info.ts'
import type { Freshness } from './subscription.ts'

type Seen = Pick<PoolView, 'freshness' | 'claim' | 'brakes' | 'attestations'>

/**
 * What a few named keys say beside the quorum: beacons, brakes, builders. Each change is told once;
 * a beacon or a brake only makes nodes wait, and what is told here permits nothing.
 */
export class Outlook {
  readonly #events: Events
  readonly #platform: string
  readonly #told = new Map<string, string>()

  constructor(events: Events, platform: string) {
    this.#events = events
    this.#platform = platform
  }

  /** `admitted` is the channel's. */
  look(pool: Seen, admitted: readonly KnownRelease[], nowMs: number): void {
    const freshness = freshnessOf(pool, nowMs)
    const { state, withheld } = freshness
    if (this.#isNew('freshness', `${state} ${withheld}`, 'none false')) {
      this.#events.emit({ tag: 'freshness', freshness })
    }
    for (const known of admitted.toReversed()) {
      this.#lookAtBrakes(pool, known, nowMs)
      this.#lookAtBuilders(pool, known, nowMs)
    }
  }

  #lookAtBrakes(pool: Seen, known: KnownRelease, nowMs: number): void {
    const hex = toHex(known.id)
    const { acts, untilMs } = pool.brakes(hex, nowMs)
    const until = acts ? untilMs : null
    if (!this.#isNew(`brake ${hex}`, String(until), 'null')) return
    this.#events.emit({ tag: 'brake', release: describe(known, this.#platform), untilMs: until })
  }

  #lookAtBuilders(pool: Seen, known: KnownRelease, nowMs: number): void {
    const index = indexFor(known, this.#platform)
    if (index < 0) return
    const hex = toHex(known.id)
    const { organisations, conflicts } = pool.attestations(hex, index, nowMs)
    const disputed = conflicts.length > 0
    if (!this.#isNew(`attested ${hex}`, `${disputed} ${organisations.join()}`, 'false ')) return
    const release = describe(known, this.#platform)
    this.#events.emit({ tag: 'attested', release, organisations, disputed })
  }

  /** Whether `now` was not what was told last; `first` is what nobody needs to be told. */
  #isNew(what: string, now: string, first: string): boolean {
    if ((this.#told.get(what) ?? first) === now) return false
    this.#told.set(what, now)
    return true
  }
}

/** Freshness as an app sees it. */
export function freshnessOf(pool: Pick<Seen, 'freshness' | 'claim'>, nowMs: number): Freshness {
  const fresh = pool.freshness(nowMs)
  const withheld = pool.claim(nowMs)?.majority === true
  return { state: fresh.state, ageMs: fresh.state === 'none' ? null : fresh.ageMs, withheld }
}
