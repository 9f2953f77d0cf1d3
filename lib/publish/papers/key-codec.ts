import { OtaError, copy, fromText, type Bytes } from '../../base/index.ts'
import { Reader, Writer } from '../../records/index.ts'
import {
  boxCostMax,
  boxNonceBytes,
  boxSaltBytes,
  isKey,
  type BoxOptions
} from '../../trust/index.ts'

/** The public half of a key file. */
export interface KeyInfo {
  readonly label: string
  readonly key: Bytes
  /** Key of the hypercore this person writes; a hash, not a point. */
  readonly feed: Bytes
  /** Anchor of this key's one-time values, should it be listed as a drawer. */
  readonly drawRoot: Bytes
  /** The file has no signing seed: an agent or another program signs with this key. */
  readonly isElsewhere: boolean
}

export interface KeyFile extends KeyInfo {
  readonly options: BoxOptions
  /** The secrets, sealed: seed and draw secret, or the draw secret alone. */
  readonly box: Bytes
  readonly bytes: Bytes
}

const HEAD = 'upswell/key/1'
const BOX_BYTES_MAX = 256
/** A draw secret alone, and the tag of its box: no seed is in it. */
const DRAW_BOX_BYTES = 32 + 16
const LABEL = /^[a-z0-9][a-z0-9.-]{0,31}$/

/** Throws `USAGE` for what is no label of a key. */
export function checkLabel(label: string): void {
  if (LABEL.test(label)) return
  throw new OtaError('USAGE', `"${label}" is no label`, {
    hint: 'use 1 to 32 of a-z, 0-9, "." and "-", beginning with a letter or digit'
  })
}

/** The part of a key file that anyone may read; its box is bound to it. */
export function encodePublic(
  info: Omit<KeyInfo, 'isElsewhere'>,
  { salt, nonce, cost }: BoxOptions
): Bytes {
  const writer = new Writer('key file')
  const label = fromText(info.label)
  writer.tag(HEAD)
  writer.uint(label.byteLength)
  for (const part of [label, info.key, info.feed, info.drawRoot, salt, nonce]) writer.raw(part)
  writer.uint(cost.ops)
  writer.uint(cost.memory)
  return writer.finish()
}

/** Throws `NOT_CANONICAL`, `OVER_LIMIT`, `BAD_KEY` or `USAGE` for what no key file of ours is. */
export function decodeKeyFile(bytes: Bytes, what: string): KeyFile {
  const reader = new Reader(bytes, what)
  reader.tag(HEAD)
  const label = String.fromCharCode(...reader.raw(Math.min(33, reader.uint())))
  checkLabel(label)
  const key = reader.raw(32)
  const feed = reader.raw(32)
  const drawRoot = reader.raw(32)
  const salt = reader.raw(boxSaltBytes)
  const nonce = reader.raw(boxNonceBytes)
  const cost = { ops: reader.uint(), memory: reader.uint() }
  // a foreign file must not make this machine stretch for hours
  if (cost.ops > boxCostMax.ops || cost.memory > boxCostMax.memory) {
    reader.fail('OVER_LIMIT', 'asks for more work than we give')
  }
  const beside = copy(reader.since(0))
  if (reader.remaining > BOX_BYTES_MAX) reader.fail('OVER_LIMIT', 'is too long')
  const box = reader.raw(reader.remaining)
  if (!isKey(key)) reader.fail('BAD_KEY', 'holds no key')
  const isElsewhere = box.byteLength === DRAW_BOX_BYTES
  const options = { salt, nonce, cost, beside }
  return { label, key, feed, drawRoot, isElsewhere, options, box, bytes }
}
