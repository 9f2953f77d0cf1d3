import { compare, equal, toHex, type Bytes } from '../base/index.ts'
import type { Membership } from '../records/index.ts'
import type { Believed } from './belief/believed.ts'
import { seatLack, slotIdOf, verifyMembership, type NoSeat, type Seat } from './membership.ts'

/** What a membership brought. A clash is the proof that its slot is doubled (S103). */
export type Seated =
  | { readonly tag: 'added'; readonly seat: Seat }
  | { readonly tag: 'known'; readonly seat: Seat }
  | { readonly tag: 'clash'; readonly slotId: string; readonly proof: readonly Membership[] }
  | NoSeat

/** Two claims make a slot absent, further ones change nothing; so no more are kept. */
const claimsMax = 2

/**
 * Who sits where. Slots, not keys, bound how many voices an invite has: a slot that two node keys
 * claim is absent for everybody until it is revoked, in whatever order the claims arrived.
 */
export class Slots {
  #believed: Believed
  readonly #claims = new Map<string, readonly Claim[]>()
  readonly #byNode = new Map<string, ReadonlySet<string>>()

  constructor(believed: Believed) {
    this.#believed = believed
  }

  /** Judges one membership and seats it; verifies each at most once. */
  addMembership(membership: Membership, nowMs: number): Seated {
    const slotId = slotIdOf(membership)
    const claims = this.#claims.get(slotId) ?? []
    const held = claims.find(({ seat }) => equal(nodeOf(seat), membership.certificate.node))
    const lack = held === undefined ? null : seatLack(this.#believed, membership)
    if (lack !== null) return lack
    if (held === undefined) {
      const seat = verifyMembership(this.#believed, membership, nowMs)
      if (seat.tag === 'refused') return seat
      if (claims.length >= claimsMax) return this.#clash(slotId, claims)
      const all = [...claims, { seat, membership }]
      this.#claims.set(slotId, all)
      this.#remember(seat)
      return all.length > 1 ? this.#clash(slotId, all) : { tag: 'added', seat }
    }
    return claims.length > 1 ? this.#clash(slotId, claims) : { tag: 'known', seat: held.seat }
  }

  /** The seat of a reporting key, or null: unknown, revoked, or its slot is doubled. */
  slotOf(nodeKey: Bytes): Seat | null {
    for (const slotId of [...(this.#byNode.get(toHex(nodeKey)) ?? [])].toSorted()) {
      const seat = this.#sole(slotId)
      if (seat !== null && equal(nodeOf(seat), nodeKey)) return seat
    }
    return null
  }

  /** Every seat that counts, one per node key, by slot. */
  seats(): readonly Seat[] {
    const seats: Seat[] = []
    for (const slotId of [...this.#claims.keys()].toSorted()) {
      const seat = this.#sole(slotId)
      if (seat !== null && this.slotOf(nodeOf(seat))?.slotId === slotId) seats.push(seat)
    }
    return seats
  }

  /** Both memberships of each doubled slot: the proof, to be spread (`SLOT_CLASH`). */
  clashes(): readonly (readonly Membership[])[] {
    const doubled = [...this.#claims.values()].filter((claims) => claims.length > 1)
    return doubled.map((claims) => claims.map(({ membership }) => membership).toSorted(byWire))
  }

  /** Judges all seats again under a new belief; the signatures stand as they were verified. */
  setBelieved(believed: Believed): void {
    this.#believed = believed
    for (const [slotId, claims] of this.#claims) {
      const kept = claims.filter(({ membership }) => seatLack(believed, membership) === null)
      if (kept.length === 0) this.#claims.delete(slotId)
      else this.#claims.set(slotId, kept)
    }
    this.#byNode.clear()
    for (const { seat } of [...this.#claims.values()].flat()) this.#remember(seat)
  }

  #sole(slotId: string): Seat | null {
    const claims = this.#claims.get(slotId) ?? []
    return claims.length === 1 ? (claims[0]?.seat ?? null) : null
  }

  #remember(seat: Seat): void {
    const node = toHex(nodeOf(seat))
    this.#byNode.set(node, new Set([...(this.#byNode.get(node) ?? []), seat.slotId]))
  }

  #clash(slotId: string, claims: readonly Claim[]): Seated {
    return { tag: 'clash', slotId, proof: claims.map(({ membership }) => membership) }
  }
}

interface Claim {
  readonly seat: Seat
  readonly membership: Membership
}

function nodeOf({ certificate }: Seat): Bytes {
  return certificate.node
}

function byWire(a: Membership, b: Membership): number {
  return compare(a.wire, b.wire)
}
