import type { Bytes } from '../../base/index.ts'
import { decodeWhole, encodeWhole, id, inOrder, struct, u8, uint } from '../codec/index.ts'

/** Statements named in one AUTH_IDS: a node keeps no more. */
export const authIdsMax = 256
/** Ids in one AUTH_WANT. */
export const authWantMax = 16

/** What a node believes, in short. */
export interface Heads {
  /** 0: no trust yet. */
  readonly trustVersion: number
  readonly digest: Bytes
}

/** A statement that a node keeps and would give. */
export interface AuthId {
  /** Number of the statement type. */
  readonly type: number
  readonly id: Bytes
  /** Trust: version. Release: epoch. Else 0. */
  readonly a: number
  /** Release: seq. Else 0. */
  readonly b: number
  /** Signatures held, so that a rotation's further ones are noticed. */
  readonly sigs: number
}

const heads = struct<Heads>({ trustVersion: uint, digest: id })
const authIds = inOrder(authIdsMax, struct<AuthId>({ type: u8, id, a: uint, b: uint, sigs: u8 }))
const authWant = inOrder(authWantMax, id)

export function encodeHeads(value: Heads): Bytes {
  return encodeWhole(heads, value, 'heads')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`, as the two below. */
export function decodeHeads(bytes: Bytes): Heads {
  return decodeWhole(heads, bytes, { what: 'heads', bytesMax: 64 })
}

/** None: please send yours. */
export function encodeAuthIds(ids: readonly AuthId[]): Bytes {
  return encodeWhole(authIds, ids, 'auth-ids')
}

export function decodeAuthIds(bytes: Bytes): readonly AuthId[] {
  return decodeWhole(authIds, bytes, { what: 'auth-ids', bytesMax: 16_384 })
}

export function encodeAuthWant(ids: readonly Bytes[]): Bytes {
  return encodeWhole(authWant, ids, 'auth-want')
}

export function decodeAuthWant(bytes: Bytes): readonly Bytes[] {
  return decodeWhole(authWant, bytes, { what: 'auth-want', bytesMax: 1_024 })
}
