import { equal, type Bytes, type Code } from '../base/index.ts'
import type { Verdict } from '../trust/index.ts'

/** Statements in memory at a time; the oldest goes first. At most 60 KiB each. */
const parkedMax = 64

/** What a newer trust may change: with its keys more signatures count, and more may be there. */
const early: ReadonlySet<Code> = new Set<Code>([
  'TRUST_GAP',
  'WRONG_EPOCH',
  'THRESHOLD_NOT_MET',
  'OVER_LIMIT'
])

interface Arrival {
  readonly bytes: Bytes
  readonly from: string
}

/**
 * Statements that came before the trust they need. A carrier may bring each only once, as a feed
 * does, and signatures of keys unknown today are not kept on disk: so the bytes wait here, in memory
 * and bounded, for the next trust.
 */
export class Parked {
  #arrivals: readonly Arrival[] = []

  /** Keeps what the verdict calls early. */
  add(arrival: Arrival, verdict: Verdict): void {
    if (verdict.tag !== 'refused' && verdict.tag !== 'pending') return
    if (verdict.id === null || !early.has(verdict.code)) return
    if (this.#arrivals.some(({ bytes }) => equal(bytes, arrival.bytes))) return
    this.#arrivals = [...this.#arrivals, arrival].slice(-parkedMax)
  }

  /** All of them, oldest first; they are no longer kept. */
  take(): readonly Arrival[] {
    const taken = this.#arrivals
    this.#arrivals = []
    return taken
  }
}
