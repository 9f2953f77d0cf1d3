import {
  evidenceBytesMax,
  frameBytesMax,
  frameStatementsMax,
  type Bytes
} from '../../base/index.ts'
import { blob, decodeWhole, encodeWhole, inOrder, struct } from '../codec/index.ts'
import { setRef, sid, type SetRef } from './set-ref.ts'

/** Short ids in one IHAVE or IWANT. */
export const haveMax = 256

/** "I have these members of that set." */
export interface Have {
  readonly set: SetRef
  readonly sids: readonly Bytes[]
}

const push = inOrder(frameStatementsMax, blob(evidenceBytesMax))
const want = inOrder(haveMax, sid)
const have = struct<Have>({ set: setRef, sids: want })

/** Evidence and membership pairs as they lie on the wire, at most 64 of at most 1,024 bytes. */
export function encodePush(items: readonly Bytes[]): Bytes {
  return encodeWhole(push, items, 'push')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`; the items themselves stay foreign. */
export function decodePush(bytes: Bytes): readonly Bytes[] {
  return decodeWhole(push, bytes, { what: 'push', bytesMax: frameBytesMax })
}

export function encodeHave(value: Have): Bytes {
  return encodeWhole(have, value, 'ihave')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`. */
export function decodeHave(bytes: Bytes): Have {
  return decodeWhole(have, bytes, { what: 'ihave', bytesMax: 4_096 })
}

export function encodeWant(sids: readonly Bytes[]): Bytes {
  return encodeWhole(want, sids, 'iwant')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`. */
export function decodeWant(bytes: Bytes): readonly Bytes[] {
  return decodeWhole(want, bytes, { what: 'iwant', bytesMax: 4_096 })
}
