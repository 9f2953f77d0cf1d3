import { HOUR, toHex, type Bytes } from '../../base/index.ts'
import type { Evidence } from '../../records/index.ts'
import { censusInterval, CensusSet, censusTtlMs, memberOf, type Member } from './census.ts'
import { censusSalt, censusTicket } from '../draws.ts'
import type { SetView } from '../ports.ts'

/** Size of the fleet now, and as the hours before told it. */
export interface CensusEstimate {
  readonly nodes: number
  readonly before: number
}

/** A place in a census: which one, and the ticket that was drawn for a node. */
export interface Seating {
  readonly set: CensusSet
  readonly ticket: bigint
}

/** Sets kept at once: three intervals of the anchors in use. Foreign anchors open none. */
const setsMax = 24

/** All censuses that still count: by anchor and interval. */
export class CensusBook {
  readonly #network: Bytes
  readonly #sets = new Map<string, CensusSet>()
  #members: {
    readonly until: number
    readonly version: number
    readonly list: readonly Member[]
  } | null = null
  version = 0

  constructor(network: Bytes) {
    this.#network = network
  }

  /** Where a census of `anchor` belongs. Null when it is no longer, or not yet, current. */
  place(anchor: Bytes, interval: number, nodeKey: Bytes, nowMs: number): Seating | null {
    const now = censusInterval(nowMs)
    if (interval > now + 1 || interval < now - 3) return null
    const key = `${toHex(anchor)} ${interval}`
    const ref = { type: 34, subject: anchor.slice(0, 8), a: interval, b: 0, c: 0 }
    const set = this.#sets.get(key) ?? new CensusSet(ref)
    const ticket = censusTicket(censusSalt(this.#network, anchor, interval), nodeKey)
    return { set, ticket }
  }

  /** Takes a verified census in. */
  add(evidence: Evidence, id: Bytes, { set, ticket }: Seating, anchor: Bytes): boolean {
    this.#sets.set(`${toHex(anchor)} ${evidence.interval}`, set)
    if (this.#sets.size > setsMax) this.#dropOldest()
    const changed = set.add(evidence, id, ticket)
    if (changed) this.version++
    return changed
  }

  /** Nodes with a census at most three hours old: the newest statement of each. */
  members(nowMs: number): readonly Member[] {
    const held = this.#members
    if (held !== null && held.version === this.version && nowMs < held.until) return held.list
    const newest = new Map<string, Member>()
    let until = Infinity
    for (const set of this.#sets.values()) {
      for (const entry of set.members()) {
        const endMs = entry.saidMs + censusTtlMs
        if (endMs <= nowMs) continue
        until = Math.min(until, endMs)
        const before = newest.get(entry.hex)
        if (before === undefined || before.saidMs <= entry.saidMs) {
          newest.set(entry.hex, memberOf(entry))
        }
      }
    }
    const list = [...newest.values()].toSorted((a, b) => (a.hex < b.hex ? -1 : 1))
    this.#members = { until, version: this.version, list }
    return list
  }

  /** The largest of the current and the last interval: one that has just begun is not a drop. */
  estimate(nowMs: number): CensusEstimate {
    const now = censusInterval(nowMs)
    let nodes = 0
    let before = 0
    for (const set of this.#sets.values()) {
      const age = now - set.ref.a
      if (age <= 1) nodes = Math.max(nodes, set.estimate())
      else before = Math.max(before, set.estimate())
    }
    return { nodes, before }
  }

  /** Intervals that are over are neither advertised nor kept. */
  expire(nowMs: number): void {
    for (const [key, set] of this.#sets) {
      if ((set.ref.a + 1) * HOUR + censusTtlMs <= nowMs) this.#sets.delete(key)
    }
  }

  views(): readonly SetView[] {
    return [...this.#sets.values()].map((set) => set.view())
  }

  #dropOldest(): void {
    const oldest = [...this.#sets].toSorted(([, a], [, b]) => a.ref.a - b.ref.a)[0]
    if (oldest !== undefined) this.#sets.delete(oldest[0])
  }
}
