import { equal, type Bytes, type Code } from '../base/index.ts'
import { decodeEntry, type Statement } from '../records/index.ts'
import type { Believed, Ruling } from '../trust/index.ts'

/** Statements in memory at a time. At most 60 KiB each. */
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
  #arrivals: readonly Arrival[]

  constructor(arrivals: readonly Arrival[] = []) {
    this.#arrivals = arrivals
  }

  /** The same ones apart, for a try that may come to nothing. */
  fork(): Parked {
    return new Parked(this.#arrivals)
  }

  /** Of the carrier with the most, the oldest goes first: a flood pushes out its own (S99). */
  add(arrival: Arrival): void {
    if (this.#arrivals.some((one) => equal(one.bytes, arrival.bytes))) return
    const all = [...this.#arrivals, arrival]
    const drop = all.length > parkedMax ? all.findIndex(({ from }) => from === busiest(all)) : -1
    this.#arrivals = all.filter((_, index) => index !== drop)
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

function busiest(arrivals: readonly Arrival[]): string {
  const counts = new Map<string, number>()
  for (const { from } of arrivals) counts.set(from, (counts.get(from) ?? 0) + 1)
  const [first] = [...counts].toSorted(([, a], [, b]) => b - a)
  return first?.[0] ?? ''
}

/** A statement under the hex of its id, and what was ruled on it. */
interface Ruled {
  readonly hex: string
  readonly ruling: Ruling
}

/**
 * Whether a later trust may see more in a statement than was taken from it: it is short of
 * something a trust can bring, or carries signatures of keys that nobody lists yet, as one does
 * that the next signers sign before they are in office.
 */
export function isEarly(
  { hex, ruling }: Ruled,
  { entries }: Statement,
  { held }: Pick<Believed, 'held'>
): boolean {
  if (ruling.tag === 'refused' || ruling.tag === 'pending') return early.has(ruling.code)
  const signers = held.get(hex)?.any.known.signers ?? []
  return entries.some((entry) => {
    if (signers.some((key) => begins(entry.bytes, key))) return false
    return decodeEntry(entry) !== null
  })
}

function begins(bytes: Bytes, key: Bytes): boolean {
  const { length } = key
  for (let at = 0; at < length; at++) if (bytes[at] !== key[at]) return false
  return true
}
