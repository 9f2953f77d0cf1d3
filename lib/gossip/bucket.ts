import type { Clock } from '../base/index.ts'

export interface Rate {
  /** Tokens at the start and at most. */
  readonly burst: number
  /** Tokens per second; asked at each use, because limits shrink with `settle`. */
  readonly perSecond: () => number
}

/** Counts what a peer may do: `burst` at once, then a steady rate. */
export class Bucket {
  readonly #clock: Clock
  readonly #rate: Rate
  #tokens: number
  #atMs: number

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock
    this.#rate = rate
    this.#tokens = rate.burst
    this.#atMs = clock.steadyMs()
  }

  /** Whether `count` tokens were there; they are gone then. */
  take(count = 1): boolean {
    this.#fill()
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }

  /** As many of `count` as are there. */
  takeSome(count: number): number {
    this.#fill()
    const taken = Math.min(count, Math.floor(this.#tokens))
    this.#tokens -= taken
    return taken
  }

  /** Milliseconds until `count` tokens (at most the burst) are there. */
  waitMs(count = 1): number {
    this.#fill()
    const missing = Math.max(0, Math.min(count, this.#rate.burst) - this.#tokens)
    return Math.ceil((missing / this.#rate.perSecond()) * 1_000)
  }

  #fill(): void {
    const nowMs = this.#clock.steadyMs()
    const gained = ((nowMs - this.#atMs) / 1_000) * this.#rate.perSecond()
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + gained)
    this.#atMs = nowMs
  }
}
