import { frameBytesMax, type Bytes } from '../../base/index.ts'
import { decodeWhole, encodeWhole, fixed, inOrder, struct, times, uint } from '../codec/index.ts'
import { setRef, sid, type SetRef } from './set-ref.ts'

/** Sets in one SUM. */
export const sumMax = 24
/** Buckets of a set; a short id lies in bucket `sid[0] >> 2`. */
export const bucketCount = 64
/** Short ids in one IDS: a census of 1,000 four times over. */
export const idsMax = 4_096

/** One set in short: equal counts and fingerprints mean equal sets. */
export interface Sum {
  readonly set: SetRef
  readonly count: number
  /** Rank of the last member, all ones while the set is not full. */
  readonly kthRank: Bytes
  /** XOR of the short ids. */
  readonly fingerprint: Bytes
}

export interface Buckets {
  readonly set: SetRef
  /** 64 fingerprints, one per bucket. */
  readonly fingerprints: readonly Bytes[]
}

export interface Ids {
  readonly set: SetRef
  /** Bit b of byte b >> 3: bucket b is listed. */
  readonly mask: Bytes
  readonly sids: readonly Bytes[]
}

const sums = inOrder(
  sumMax,
  struct<Sum>({ set: setRef, count: uint, kthRank: fixed(8), fingerprint: fixed(8) })
)
const buckets = struct<Buckets>({ set: setRef, fingerprints: times(bucketCount, fixed(8)) })
const ids = struct<Ids>({ set: setRef, mask: fixed(8), sids: inOrder(idsMax, sid) })

export function encodeSums(values: readonly Sum[]): Bytes {
  return encodeWhole(sums, values, 'sum')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`, as the two below. */
export function decodeSums(bytes: Bytes): readonly Sum[] {
  return decodeWhole(sums, bytes, { what: 'sum', bytesMax: 4_096 })
}

export function encodeBuckets(value: Buckets): Bytes {
  return encodeWhole(buckets, value, 'buckets')
}

export function decodeBuckets(bytes: Bytes): Buckets {
  return decodeWhole(buckets, bytes, { what: 'buckets', bytesMax: 1_024 })
}

export function encodeIds(value: Ids): Bytes {
  return encodeWhole(ids, value, 'ids')
}

export function decodeIds(bytes: Bytes): Ids {
  return decodeWhole(ids, bytes, { what: 'ids', bytesMax: frameBytesMax })
}
