import { fromHex, toHex, type Bytes } from '../../base/index.ts'
import { fixed, struct, u8, uint, type Codec } from '../codec/index.ts'

/**
 * Names one live set of evidence. Stage sets (type 32 for enrol and outcome alike): `a` resume
 * number, `b` 2 · stage + arm (0 control, 1 treated), `c` stratum. Verdicts: `a` resume number, `b`
 * word. Census: subject is the anchor, `a` interval, `c` 0 hourly or 1 ten-minute. Membership
 * pairs: type 0 and zeros throughout.
 */
export interface SetRef {
  readonly type: number
  /** First 8 bytes of the release (census: of the anchor). */
  readonly subject: Bytes
  readonly a: number
  readonly b: number
  readonly c: number
}

/** A short id: 8 bytes that only the two ends of one connection can compute. */
export const sid = fixed(8)

export const setRef: Codec<SetRef> = struct<SetRef>({
  type: u8,
  subject: fixed(8),
  a: uint,
  b: uint,
  c: uint
})

/** One text per set, for maps. */
export function setKey(ref: SetRef): string {
  return `${ref.type}:${toHex(ref.subject)}:${ref.a}:${ref.b}:${ref.c}`
}

/** The set that `setKey` named. */
export function fromSetKey(text: string): SetRef {
  const [type = '0', subject = '', a = '0', b = '0', c = '0'] = text.split(':')
  return { type: +type, subject: fromHex(subject), a: +a, b: +b, c: +c }
}
