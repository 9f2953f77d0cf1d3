import { authorityBytesMax, HOUR, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  ext,
  ms,
  name,
  oneOf,
  ppm,
  refine,
  struct,
  text,
  u32,
  u8,
  uint,
  within,
  type Codec,
  type Ext,
  type Fail
} from '../codec/index.ts'
import { head, type Head } from './head.ts'

/** Announcement, date or cancellation of an era. */
export interface Era {
  readonly head: Head
  readonly action: 'announce' | 'date' | 'cancel'
  readonly name: string
  /** 0 to 31, in `eraBits` of a census. */
  readonly bit: number
  /** Per name, only rises. */
  readonly seq: number
  readonly source: 'time' | 'counter'
  /** Name of the app's counter, "" where the source is time. */
  readonly counter: string
  /** Unix ms or a value of the counter; 0 unless this is a date. */
  readonly at: number
  /** At least 72 h. */
  readonly noticeMs: number
  readonly thresholdPpm: number
  /** Hourly censuses in a row that must reach the threshold. */
  readonly censuses: number
  readonly onShort: 'postpone' | 'force' | 'fail'
  readonly ext: readonly Ext[]
}

const era: Codec<Era> = refine(
  struct({
    head,
    action: oneOf(['announce', 'date', 'cancel'], 'UNSUPPORTED', 1),
    name,
    bit: within(u8, { min: 0, max: 31 }),
    seq: within(u32, { min: 1 }),
    source: oneOf(['time', 'counter']),
    counter: text(32),
    at: uint,
    noticeMs: within(ms, { min: 72 * HOUR }),
    thresholdPpm: ppm,
    censuses: u8,
    onShort: oneOf(['postpone', 'force', 'fail']),
    ext
  }),
  checkEra
)

function checkEra({ action, source, counter, at }: Era, fail: Fail): void {
  if (action !== 'date' && (source !== 'time' || counter !== '' || at !== 0)) {
    fail('NOT_CANONICAL', `a date on ${action}`)
  }
  if (action === 'date' && at === 0) fail('NOT_CANONICAL', 'date without a time or counter value')
  if (action === 'date' && (source === 'counter') !== (counter !== '')) {
    fail('NOT_CANONICAL', 'counter name present exactly when the source is a counter')
  }
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT` for a value without a canonical form. */
export function encodeEra(value: Era): Bytes {
  return encodeWhole(era, value, 'era')
}

/** Throws `NOT_CANONICAL`, `OVER_LIMIT`, or `UNSUPPORTED` for an unlisted value (S9). */
export function decodeEra(body: Bytes): Era {
  return decodeWhole(era, body, { what: 'era', bytesMax: authorityBytesMax })
}
