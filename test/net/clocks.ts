import type { Clock } from '../../lib/base/index.ts'
import { realClock } from '../../lib/host/index.ts'

/** Long enough for whatever waits on loopback to be through before its time is up. */
const momentMs = 300

/** Timers of which those of `fromMs` and more pass in a moment; time jumps along with them. */
export function impatient(fromMs: number): Pick<Clock, 'steadyMs' | 'after'> {
  const clock = realClock()
  let aheadMs = 0
  return {
    steadyMs: () => clock.steadyMs() + aheadMs,
    after: (delayMs, fn) => {
      if (delayMs < fromMs) return clock.after(delayMs, fn)
      return clock.after(momentMs, () => {
        aheadMs += delayMs
        fn()
      })
    }
  }
}

/** A clock that stands until it is driven; timers run in the order of their time. */
export class DrivenClock implements Clock {
  #atMs = 0
  readonly #timers = new Set<{ readonly dueMs: number; readonly fn: () => void }>()

  wallMs(): number {
    return this.#atMs
  }

  steadyMs(): number {
    return this.#atMs
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { dueMs: this.#atMs + delayMs, fn }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  async drive(ms: number): Promise<void> {
    const endMs = this.#atMs + ms
    for (;;) {
      const due = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs)
      const [next] = due.toSorted((x, y) => x.dueMs - y.dueMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#atMs = Math.max(this.#atMs, next.dueMs)
      next.fn()
      // What a timer began comes to its end before the next one.
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    this.#atMs = endMs
  }
}
