import type { Bytes, Code } from '../base/index.ts'

/**
 * Name of a set of evidence, as it goes over the wire. Stage sets: type 32, a = resume number,
 * b = 2 · stage + arm (1 treated), c = stratum. Census: type 34, a = interval, c = 0. Verdict: type
 * 35, a = resume number, b = word. Attestations 48, brakes 50: the release and zeros. Beacons 51
 * and memberships 0: all zeros.
 */
export interface SetRef {
  readonly type: number
  /** First eight bytes of the release id; of a census its anchor. */
  readonly subject: Bytes
  readonly a: number
  readonly b: number
  readonly c: number
}

/** A live set as it is advertised and walked. */
export interface SetView {
  readonly ref: SetRef
  readonly count: number
  /** Rank of the worst member of a full set, 8 bytes big-endian; all ones while it is not full. */
  readonly kthRank: Bytes
  readonly members: readonly { readonly id: Bytes; readonly wire: Bytes }[]
}

/**
 * accepted: verified, held, to be forwarded · duplicate: held already · ignored: not for us, or
 * beaten, no fault of the sender · rejected: the neighbour should have known.
 */
export interface Offer {
  readonly answer: 'accepted' | 'duplicate' | 'ignored' | 'rejected'
  readonly id: Bytes | null
  readonly spread: 'eager' | 'lazy' | 'none'
  readonly ref: SetRef | null
  /** Worth an event: `CLOCK_SKEW`, a beacon key dates itself ahead of the clock (S48). */
  readonly code?: Code
}

/** What gossip needs of the evidence: take one in, list what there is, give one out. */
export interface EvidencePool {
  /** `item` is evidence in its wire form, or a membership (first byte 0x75). */
  offer(item: Bytes, nowMs: number): Offer
  sets(): readonly SetView[]
  get(id: Bytes): Bytes | null
}
