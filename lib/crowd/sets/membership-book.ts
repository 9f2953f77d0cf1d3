import { alloc, copy, toHex, type Bytes } from '../../base/index.ts'
import { decodeMembership } from '../../records/index.ts'
import { certificateId, Slots, type Believed } from '../../trust/index.ts'
import { poolSeatOf, type PoolSeat } from './seats.ts'
import type { Offer, SetRef, SetView } from '../ports.ts'
import { ones } from './stage-set.ts'

/** Memberships are a set of their own, without rank: their number is bounded by slots. */
const membershipRef: SetRef = { type: 0, subject: alloc(8), a: 0, b: 0, c: 0 }

/** Certificates kept at once; slots of invites bound them long before. */
const membershipsMax = 16_384

/** Who sits in which slot, and the bytes that say so. */
export class MembershipBook {
  readonly #slots: Slots
  readonly #wires = new Map<string, { readonly id: Bytes; readonly wire: Bytes }>()
  readonly #seats = new Map<string, PoolSeat | null>()
  #view: SetView | null = null
  version = 0

  constructor(believed: Believed) {
    this.#slots = new Slots(believed)
  }

  /** A slot that two keys claim is absent: the clash is kept as its proof (S103). */
  offer(wire: Bytes, network: Bytes, nowMs: number): Offer {
    const membership = decodeMembership(wire, network)
    const id = certificateId(membership.certificate)
    const hex = toHex(id)
    const base = { id, ref: membershipRef }
    if (this.#wires.has(hex)) return { ...base, answer: 'duplicate', spread: 'none' }
    if (this.#wires.size >= membershipsMax) return { ...base, answer: 'ignored', spread: 'none' }
    const seated = this.#slots.addMembership(membership, nowMs)
    if (seated.tag === 'refused') {
      const answer = seated.code === 'BAD_SIGNATURE' ? 'rejected' : 'ignored'
      return { ...base, answer, spread: 'none' }
    }
    const isProof =
      seated.tag === 'clash' &&
      seated.proof.every(({ certificate }) => toHex(certificateId(certificate)) !== hex)
    if (isProof) return { ...base, answer: 'ignored', spread: 'none' }
    this.#wires.set(hex, { id, wire: copy(wire) })
    this.#changed()
    return { ...base, answer: 'accepted', spread: 'eager' }
  }

  /** The seat of a reporting key, or null: unknown, revoked or doubled. */
  seatOf(hex: string, nodeKey: Bytes): PoolSeat | null {
    const held = this.#seats.get(hex)
    if (held !== undefined) return held
    const seat = this.#slots.slotOf(nodeKey)
    const pool = seat === null ? null : poolSeatOf(seat)
    this.#seats.set(hex, pool)
    return pool
  }

  setBelieved(believed: Believed): void {
    this.#slots.setBelieved(believed)
    this.#changed()
  }

  /** Seats that count. */
  count(): number {
    return this.#slots.seats().length
  }

  /** Slots that count for nobody because two keys claim them. */
  doubled(): number {
    return this.#slots.clashes().length
  }

  get(hex: string): Bytes | null {
    return this.#wires.get(hex)?.wire ?? null
  }

  view(): SetView {
    const members = [...this.#wires.values()]
    this.#view ??= { ref: membershipRef, count: members.length, kthRank: ones(), members }
    return this.#view
  }

  #changed(): void {
    this.#seats.clear()
    this.#view = null
    this.version++
  }
}
