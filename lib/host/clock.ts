import { performance } from 'node:perf_hooks'
import type { Clock } from '../base/index.ts'

/** setTimeout takes 31 bits of milliseconds and fires at once above that. */
const delayMsMax = 0x7fff_ffff

/** The machine's clock. Timers do not keep the process alive by themselves. */
export function realClock(): Clock {
  return {
    wallMs: () => Date.now(),
    steadyMs: () => Math.floor(performance.now()),
    after(delayMs, fn) {
      const timer = setTimeout(fn, Math.min(Math.max(0, delayMs), delayMsMax))
      timer.unref()
      return () => clearTimeout(timer)
    }
  }
}
