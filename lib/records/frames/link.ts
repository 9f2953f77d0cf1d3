import { membershipBytesMax, type Bytes } from '../../base/index.ts'
import {
  blob,
  decodeWhole,
  encodeWhole,
  fixed,
  inOrder,
  key,
  struct,
  u8,
  uint
} from '../codec/index.ts'

/** Peer keys in one PX. */
export const exchangeMax = 16

/** Why a channel ends. */
export const BYE = { full: 0, version: 1, banned: 2, leaving: 3, members: 4 } as const

export interface Bye {
  /** One of `BYE`; a later version may send others. */
  readonly reason: number
  /** Seconds before the sender wants to be dialled again; 0 never said. */
  readonly retryAfterS: number
  /** Versions of the channel that the sender speaks. */
  readonly low: number
  readonly high: number
}

/** Proof on a connection that the peer holds a certificate. */
export interface Proof {
  /** Invite and certificate with their signatures. */
  readonly membership: Bytes
  /** By the reporting key over ("upswell/gossip/cert", connection key, 0 dialler or 1 dialled). */
  readonly signature: Bytes
}

const exchange = inOrder(exchangeMax, key)
const bye = struct<Bye>({ reason: u8, retryAfterS: uint, low: u8, high: u8 })
const proof = struct<Proof>({ membership: blob(membershipBytesMax), signature: fixed(64) })

/** Keys of peers to dial; none asks for some. */
export function encodeExchange(keys: readonly Bytes[]): Bytes {
  return encodeWhole(exchange, keys, 'px')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`, as the two below. */
export function decodeExchange(bytes: Bytes): readonly Bytes[] {
  return decodeWhole(exchange, bytes, { what: 'px', bytesMax: 1_024 })
}

export function encodeBye(value: Bye): Bytes {
  return encodeWhole(bye, value, 'bye')
}

export function decodeBye(bytes: Bytes): Bye {
  return decodeWhole(bye, bytes, { what: 'bye', bytesMax: 64 })
}

export function encodeProof(value: Proof): Bytes {
  return encodeWhole(proof, value, 'cert')
}

export function decodeProof(bytes: Bytes): Proof {
  return decodeWhole(proof, bytes, { what: 'cert', bytesMax: 2 * membershipBytesMax })
}
