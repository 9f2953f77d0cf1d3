import { authorityBytesMax, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  ext,
  id,
  key,
  list,
  note,
  oneOf,
  refine,
  struct,
  u32,
  uint,
  type Codec,
  type Ext,
  type Fail
} from '../codec/index.ts'
import { floor, head, type Floor, type Head } from './head.ts'

/** Pause, resume, abort or widen of one release, signed by a quorum of role `release`. */
export interface Control {
  readonly head: Head
  readonly action: 'pause' | 'resume' | 'abort' | 'widen'
  readonly release: Bytes
  /** Resume: the new number (highest known + 1); others: the number in force. */
  readonly resume: number
  readonly floor: Floor
  /** Widen: the plan entry to go to; others: 0. */
  readonly stage: number
  /** Resume: controls, brakes and disputed attestations that end here; others: empty. */
  readonly lifts: readonly Bytes[]
  /** Resume: reporting keys that no longer count; others: empty. */
  readonly exclude: readonly Bytes[]
  readonly reason: string
  readonly ext: readonly Ext[]
}

const control: Codec<Control> = refine(
  struct({
    head,
    action: oneOf(['pause', 'resume', 'abort', 'widen'], 'UNSUPPORTED', 1),
    release: id,
    resume: u32,
    floor,
    stage: uint,
    lifts: list(64, id),
    exclude: list(256, key),
    reason: note(256),
    ext
  }),
  checkControl
)

/** A field that an action has no use for is empty, so that it cannot carry anything unread. */
function checkControl(value: Control, fail: Fail): void {
  const { action } = value
  if (action !== 'abort' && value.floor.tag !== 'none') {
    fail('NOT_CANONICAL', `floor on ${action}, only abort may set it`)
  }
  if (action !== 'widen' && value.stage !== 0) {
    fail('NOT_CANONICAL', `stage on ${action}, only widen may set it`)
  }
  if (action !== 'resume' && value.lifts.length + value.exclude.length > 0) {
    fail('NOT_CANONICAL', `lifts or exclude on ${action}, only resume may set them`)
  }
  if (action === 'resume' && value.resume === 0) {
    fail('NOT_CANONICAL', 'resume number 0, need the highest known + 1')
  }
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT` for a value without a canonical form. */
export function encodeControl(value: Control): Bytes {
  return encodeWhole(control, value, 'control')
}

/** Throws `NOT_CANONICAL`, `OVER_LIMIT`, or `UNSUPPORTED` for an unlisted action or floor (S9). */
export function decodeControl(body: Bytes): Control {
  return decodeWhole(control, body, { what: 'control', bytesMax: authorityBytesMax })
}
