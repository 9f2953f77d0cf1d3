import { authorityBytesMax, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  ext,
  key,
  list,
  struct,
  u16,
  type Codec,
  type Ext
} from '../codec/index.ts'
import { head, type Head } from './head.ts'

/** Ends an invite, or some of its slots; signed by one enrol key. */
export interface Revoke {
  readonly head: Head
  readonly invite: Bytes
  /** Empty: the whole invite. */
  readonly slots: readonly number[]
  readonly ext: readonly Ext[]
}

const revoke: Codec<Revoke> = struct({ head, invite: key, slots: list(256, u16), ext })

/** Throws `NOT_CANONICAL` or `OVER_LIMIT` for a value without a canonical form. */
export function encodeRevoke(value: Revoke): Bytes {
  return encodeWhole(revoke, value, 'revoke')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT` (S9). */
export function decodeRevoke(body: Bytes): Revoke {
  return decodeWhole(revoke, body, { what: 'revoke', bytesMax: authorityBytesMax })
}
