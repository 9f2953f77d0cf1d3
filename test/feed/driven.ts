import type { Clock } from '../../lib/base/index.ts'

export interface DrivenClock extends Clock {
  /** Lets time pass, and whatever waits for it happen. */
  pass(ms: number): Promise<void>
  /** Lets time pass until it is over. */
  passUntilOver<T>(deed: Promise<T>): Promise<T>
}

interface Timer {
  readonly atMs: number
  readonly fn: () => void
}

/** A clock that stands until the test lets it go on. */
export function drivenClock(): DrivenClock {
  let nowMs = 1_000_000
  const timers = new Set<Timer>()
  const due = (untilMs: number): Timer | undefined =>
    [...timers].filter(({ atMs }) => atMs <= untilMs).toSorted((a, b) => a.atMs - b.atMs)[0]
  const clock: DrivenClock = {
    wallMs: () => nowMs,
    steadyMs: () => nowMs,
    after(delayMs, fn) {
      const timer = { atMs: nowMs + delayMs, fn }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async pass(ms) {
      const untilMs = nowMs + ms
      for (let timer = due(untilMs); timer !== undefined; timer = due(untilMs)) {
        timers.delete(timer)
        nowMs = Math.max(nowMs, timer.atMs)
        timer.fn()
        await turns()
      }
      nowMs = untilMs
      await turns()
    },
    async passUntilOver(deed) {
      const state = { isOver: false }
      const over = (): void => {
        state.isOver = true
      }
      deed.then(over, over)
      while (!state.isOver) await clock.pass(250)
      return await deed
    }
  }
  return clock
}

/** Streams and storage do not follow the clock: give them a moment of real time. */
async function turns(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 2))
}
