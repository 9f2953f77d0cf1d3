import { HOUR, MINUTE, SECOND } from '../../../base/index.ts'
import type { ZoneOffset } from '../../../rollout/index.ts'

const formats = new Map<string, Intl.DateTimeFormat | null>()

/** Offsets of IANA time zones, daylight saving included, from the tables of this Node. */
export const zoneOffset: ZoneOffset = (tz, atMs) => {
  const format = formatOf(tz)
  if (format === null) return null
  const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign, hours, minutes, seconds] =
    /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name) ?? []
  const size =
    Number(hours ?? 0) * HOUR + Number(minutes ?? 0) * MINUTE + Number(seconds ?? 0) * SECOND
  return sign === '-' ? -size : size
}

function formatOf(tz: string): Intl.DateTimeFormat | null {
  const held = formats.get(tz)
  if (held !== undefined) return held
  const format = made(tz)
  formats.set(tz, format)
  return format
}

/** Null for a zone that is not in the tables: a window in it never opens. */
function made(timeZone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
