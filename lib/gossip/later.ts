import type { Clock } from '../base/index.ts'

/** Timers that end with their owner. */
export class Later {
  readonly #clock: Clock
  readonly #cancels = new Map<string, () => void>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One timer per purpose: asking twice does not run it twice. */
  once(purpose: string, delayMs: number, fn: () => void): void {
    if (this.#cancels.has(purpose)) return
    const cancel = this.#clock.after(delayMs, () => {
      this.#cancels.delete(purpose)
      fn()
    })
    this.#cancels.set(purpose, cancel)
  }

  /** One more timer. */
  after(delayMs: number, fn: () => void): void {
    this.once(`${this.#count++}`, delayMs, fn)
  }

  close(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}
