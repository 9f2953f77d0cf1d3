import { equal, toHex, type Bytes, type Code } from '../base/index.ts'
import { decodeEntry, type Statement } from '../records/index.ts'
import type { Believed, Verdict } from '../trust/index.ts'

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
  readonly id: Bytes
  readonly bytes: Bytes
  readonly from: string
}

/**
 * Statements that came before the trust they need. A carrier may bring each only once, as a feed
 * does, and neither signatures of keys unknown today nor drafts that only retired keys signed are
 * kept on disk: so the bytes wait here, in memory and bounded, for the next trust or signature.
 */
export class Parked {
  #arrivals: readonly Arrival[] = []

  add(arrival: Arrival): void {
    if (this.#arrivals.some((one) => equal(one.bytes, arrival.bytes))) return
    this.#arrivals = [...this.#arrivals, arrival].slice(-parkedMax)
  }

  /** Further signatures on one statement, which has become worth keeping; no longer kept here. */
  takeOf(id: Bytes): readonly Arrival[] {
    const taken = this.#arrivals.filter((one) => equal(one.id, id))
    this.#arrivals = this.#arrivals.filter((one) => !equal(one.id, id))
    return taken
  }

  /** All of them, oldest first; they are no longer kept. */
  take(): readonly Arrival[] {
    const taken = this.#arrivals
    this.#arrivals = []
    return taken
  }
}

/**
 * Whether a later trust may see more in a statement than was taken from it: it is short of
 * something a trust can bring, or carries signatures of keys that nobody lists yet, as one does
 * that the next signers sign before they are in office.
 */
export function isEarly(verdict: Verdict, { entries }: Statement, { held }: Believed): boolean {
  if (verdict.tag === 'refused' || verdict.tag === 'pending') {
    return verdict.id !== null && early.has(verdict.code)
  }
  const signers = held.get(toHex(verdict.id))?.any.known.signers ?? []
  const known = new Set(signers.map(toHex))
  return entries.some((entry) => {
    const signature = decodeEntry(entry)
    return signature !== null && !known.has(toHex(signature.key))
  })
}
