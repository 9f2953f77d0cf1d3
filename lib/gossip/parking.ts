import { MINUTE, type Bytes, type Clock } from '../base/index.ts'

/** Statements that may make sense in a moment. */
const parkedMax = 64
const parkedMs = MINUTE

/**
 * Evidence can arrive before the trust, the release or the slot that makes it readable. What the
 * pool ignored waits here for a minute and is offered again when one of these changes.
 */
export class Parking {
  readonly #clock: Clock
  readonly #parked: { readonly item: Bytes; readonly atMs: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  park(item: Bytes): void {
    this.#parked.push({ item, atMs: this.#clock.steadyMs() })
    if (this.#parked.length > parkedMax) this.#parked.shift()
  }

  /** All that still wait; they wait no longer. */
  takeAll(): readonly Bytes[] {
    const nowMs = this.#clock.steadyMs()
    const all = this.#parked.splice(0)
    return all.filter(({ atMs }) => nowMs < atMs + parkedMs).map(({ item }) => item)
  }
}
