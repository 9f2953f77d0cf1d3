import { HOUR, toHex, type Bytes } from '../../base/index.ts'
import type { Evidence } from '../../records/index.ts'
import { log2q } from '../kernel.ts'
import type { SetRef, SetView } from '../ports.ts'
import { ones, rankBytes } from './stage-set.ts'

/** Reporters of a census, and how long one counts. */
export const censusMax = 1_000
export const censusTtlMs = 3 * HOUR

/** A node as its newest census tells. */
export interface Member {
  readonly hex: string
  readonly key: Bytes
  /** First eight bytes of the release it ran; zeros: none. */
  readonly running: string
  /** Held, pinned, or waiting for its operator: it said so itself. */
  readonly heldBack: boolean
  readonly saidMs: number
}

interface Entry {
  readonly hex: string
  readonly ticket: bigint
  readonly saidMs: number
  readonly evidence: Evidence
  readonly id: Bytes
}

/** The hourly interval of a moment. */
export function censusInterval(nowMs: number): number {
  return Math.floor(nowMs / HOUR)
}

/** One census: the k smallest tickets of one anchor and interval. */
export class CensusSet {
  readonly ref: SetRef
  readonly entries = new Map<string, Entry>()
  readonly #order: Entry[] = []
  /** Nodes that said two things in one census: they leave it. */
  readonly #doubled = new Map<string, readonly Entry[]>()
  version = 0
  #view: { readonly version: number; readonly view: SetView } | null = null

  constructor(ref: SetRef) {
    this.ref = ref
  }

  hasRoom(ticket: bigint, hex: string): boolean {
    const worst = this.#order[censusMax - 1]
    return worst === undefined || ticket < worst.ticket || worst.hex === hex
  }

  holds(idHex: string, hex: string): boolean {
    const same = (entry: Entry | undefined) => entry !== undefined && toHex(entry.id) === idHex
    return same(this.entries.get(hex)) || (this.#doubled.get(hex) ?? []).some(same)
  }

  add(evidence: Evidence, id: Bytes, ticket: bigint): boolean {
    const hex = toHex(evidence.signer)
    const entry = { hex, ticket, saidMs: evidence.tsS * 1_000, evidence, id }
    if (this.#doubled.has(hex)) return false
    this.version++
    const held = this.entries.get(hex)
    if (held !== undefined) {
      this.#doubled.set(hex, [held, entry])
      return true
    }
    this.entries.set(hex, entry)
    const at = this.#order.findIndex((other) => ticket < other.ticket)
    this.#order.splice(at < 0 ? this.#order.length : at, 0, entry)
    const dropped = this.#order.length > censusMax ? this.#order.pop() : undefined
    if (dropped !== undefined) this.entries.delete(dropped.hex)
    return dropped !== entry
  }

  /** Members that said one thing only. */
  *members(): Iterable<Entry> {
    for (const entry of this.#order) if (!this.#doubled.has(entry.hex)) yield entry
  }

  /** Size of the fleet: exact up to k, else ⌊(k − 1) · 2¹²⁸ / t₍k₎⌋. */
  estimate(): number {
    return estimateSize(this.#order.map(({ ticket }) => ticket))
  }

  view(): SetView {
    if (this.#view?.version === this.version) return this.#view.view
    const members = this.#order.flatMap((entry) =>
      (this.#doubled.get(entry.hex) ?? [entry]).map(({ id, evidence }) => ({
        id,
        wire: evidence.wire
      }))
    )
    const worst = this.#order[censusMax - 1]
    const kthRank = worst === undefined ? ones() : rankBytes((censusRank(worst.ticket) << 16n) | 1n)
    const view = { ref: this.ref, count: members.length, kthRank, members }
    this.#view = { version: this.version, view }
    return view
  }
}

/** L of a ticket: 128 · 2³² − log2q(2¹²⁸ − t, 1). With weight 1 it orders as the ticket does. */
export function censusRank(ticket: bigint): bigint {
  return (128n << 32n) - log2q((1n << 128n) - ticket, 1n)
}

/** Size of a fleet from its smallest tickets, ascending; their number when fewer than k. */
export function estimateSize(tickets: readonly bigint[], k = censusMax): number {
  if (tickets.length < k) return tickets.length
  const worst = tickets[k - 1] ?? 1n
  return Number((BigInt(k - 1) << 128n) / (worst === 0n ? 1n : worst))
}

/** A member as one census entry tells it. */
export function memberOf({ hex, saidMs, evidence }: Entry): Member {
  const { body } = evidence
  const running = body.tag === 'census' ? toHex(body.census.running) : ''
  const heldBack = body.tag === 'census' && (body.census.flags & 19) !== 0
  return { hex, key: evidence.signer, running, heldBack, saidMs }
}
