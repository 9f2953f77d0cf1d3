import * as v from 'valibot'
import { DAY, isOtaError, MINUTE } from '../../../base/index.ts'
import { isReservedEnv, type Probe, type Window } from '../../../records/index.ts'
import { parseJoin } from '../../../trust/index.ts'
import { parseDuration, parseSize } from '../../frame/index.ts'
import { zoneOffset } from './zone.ts'

/** A text that another function reads; what it throws as `OtaError` is the fault of the key. */
function read<T>(parse: (text: string) => T) {
  return v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }): T => {
      try {
        return parse(dataset.value)
      } catch (error) {
        if (!isOtaError(error)) throw error
        addIssue({ message: error.message })
        return NEVER
      }
    })
  )
}

/** As `90s`, in ms. */
export const duration = read((text) => parseDuration(text, 'the value'))

/** Bytes as a number, or as `512MiB`. */
export const size = v.union(
  [v.pipe(v.number(), v.integer(), v.minValue(1)), read((text) => parseSize(text, 'the value'))],
  'the value is a size: a number of bytes, or text like "512MiB"'
)

/** A join string, kept as it is written once it can be read. */
export const joinText = read((text) => (parseJoin(text), text))

/** Variables for the app; those that the node sets itself, or that load code, are refused. */
export const environment = v.pipe(
  v.record(v.string(), v.string()),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return
    for (const name of Object.keys(dataset.value)) {
      if (isReservedEnv(name)) addIssue({ message: `the variable ${name} is reserved` })
    }
  })
)

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** Days of a week as `sat,sun`, `mon-fri` or `daily`; bit 0 is Monday. Null: unreadable. */
function daysOf(text: string): number | null {
  if (text.trim() === 'daily') return 0b111_1111
  let days = 0
  for (const part of text.toLowerCase().split(',')) {
    const [from = '', to = from, ...more] = part.trim().split('-')
    const [first, last] = [dayNames.indexOf(from), dayNames.indexOf(to)]
    if (first < 0 || last < 0 || more.length > 0) return null
    for (let day = first; ; day = (day + 1) % 7) {
      days |= 1 << day
      if (day === last) break
    }
  }
  return days
}

const window = v.pipe(
  v.strictObject({
    days: v.optional(v.string(), 'daily'),
    start: v.string(),
    length: duration,
    tz: v.string()
  }),
  v.rawTransform(({ dataset, addIssue, NEVER }): Window => {
    const { days: text, start, length: lengthMs, tz } = dataset.value
    const days = daysOf(text)
    const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(start) ?? []
    const faults = [
      days === null ? `days are like "sat,sun", "mon-fri" or "daily", got "${text}"` : null,
      hours === undefined ? `start is a time of the day like "02:00", got "${start}"` : null,
      lengthMs < 10 * MINUTE || lengthMs > 7 * DAY ? 'length is from 10m to 7d' : null,
      zoneOffset(tz, 0) === null ? `this machine knows no time zone "${tz}"` : null
    ].filter((fault) => fault !== null)
    for (const message of faults) addIssue({ message })
    if (faults.length > 0 || days === null) return NEVER
    return { days, startMinute: Number(hours) * 60 + Number(minutes), lengthMs, tz }
  })
)

/** Maintenance windows. */
export const windows = v.pipe(v.array(window), v.maxLength(32))

const name = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{0,31}$/))

/** `{ http = "web:/healthz", expect = 200 }`, `{ tcp = "web" }` or `{ command = ["prog"] }`. */
const probe = v.union(
  [
    v.pipe(
      v.strictObject({
        http: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.-]{0,31}:\//)),
        expect: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(599)), 200)
      }),
      v.transform(({ http, expect }): Probe => {
        const at = http.indexOf(':')
        return { tag: 'http', listen: http.slice(0, at), path: http.slice(at + 1), expect }
      })
    ),
    v.pipe(
      v.strictObject({ tcp: name }),
      v.transform(({ tcp }): Probe => ({ tag: 'tcp', listen: tcp }))
    ),
    v.pipe(
      v.strictObject({ command: v.pipe(v.array(v.string()), v.minLength(1)) }),
      v.transform(({ command }): Probe => ({ tag: 'command', run: command }))
    )
  ],
  'a probe is { http = "NAME:/path" }, { tcp = "NAME" } or { command = ["PROGRAM"] }'
)

/** What is asked beside the release's own probe. */
export const probes = v.pipe(v.array(probe), v.maxLength(16))
