import type { Clock } from '../base/index.ts'

/** One timer per purpose: asking for it twice does not run it twice. */
export class Later {
  readonly #clock: Clock
  readonly #cancels = new Map<string, () => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  once(purpose: string, delayMs: number, fn: () => void): void {
    if (this.#cancels.has(purpose)) return
    const cancel = this.#clock.after(delayMs, () => {
      this.#cancels.delete(purpose)
      fn()
    })
    this.#cancels.set(purpose, cancel)
  }

  close(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}
