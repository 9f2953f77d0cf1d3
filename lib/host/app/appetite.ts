import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/index.ts'

/**
 * From this share of its limit on, a process that ends is taken to have ended for want of memory: a
 * program that is refused memory ends by its own doing, and the system keeps no record of why.
 */
const fullShare = 0.8
const lookMsMost = 1_000

/** Looks at what a process holds whose memory is held by `prlimit`, which tells nobody. */
export class Appetite {
  readonly #clock: Clock
  readonly #pid: number
  readonly #limit: number
  readonly #everyMs: number
  #share = 0
  #cancel: () => void = () => undefined

  /** `limit` in bytes; looks as often as its probes do, at least once a second. */
  constructor(clock: Clock, given: { pid: number; limit: number; intervalMs: number }) {
    this.#clock = clock
    this.#pid = given.pid
    this.#limit = given.limit
    this.#everyMs = Math.min(lookMsMost, given.intervalMs)
    this.#look()
  }

  /** Whether it held nearly all it may when it was last looked at. */
  get isFull(): boolean {
    return this.#share >= fullShare
  }

  stop(): void {
    this.#cancel()
  }

  #look(): void {
    const bytes = privateBytes(this.#pid)
    if (bytes !== null) this.#share = bytes / this.#limit
    this.#cancel = this.#clock.after(this.#everyMs, () => this.#look())
  }
}

/** What RLIMIT_DATA counts; null for a process that is gone, or where there is no `/proc`. */
function privateBytes(pid: number): number | null {
  try {
    const kib = /^VmData:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? null : Number(kib) * 1_024
  } catch {
    // it has just ended, which its parent tells
    return null
  }
}
