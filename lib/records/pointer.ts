import { assert, fromText, isOtaError, OtaError, toText, type Bytes } from '../base/index.ts'
import { crc32 } from './crc.ts'

/** Name of a release in files of the home: its id in z-base-32. */
export type ReleaseName = string

/** A release and the state generation it runs on. */
export interface Pair {
  readonly release: ReleaseName
  /** `<schema>-<n>`, `n` never used twice. */
  readonly gen: string
}

/**
 * The content of `current`: the one truth about what runs here. Replaced as a whole; `prev` null
 * means nothing ran before. `back` says by which way `prev` can be had again.
 */
export interface Pointer extends Pair {
  readonly v: 1
  /** Rises by one with every write. */
  readonly seq: number
  /** The upgrade that wrote it. */
  readonly op: number
  readonly phase: 'trial' | 'committed'
  readonly prev: (Pair & { readonly back: 'code' | 'snapshot' | 'none' }) | null
}

const pointerBytesMax = 512

/** One line `<crc32> <json>\n`, below 512 bytes. */
export function encodePointer(pointer: Pointer): Bytes {
  const { v, seq, op, release, gen, phase, prev } = pointer
  const kept = prev === null ? null : { release: prev.release, gen: prev.gen, back: prev.back }
  const json = JSON.stringify({ v, seq, op, release, gen, phase, prev: kept })
  const bytes = fromText(`${crc32(fromText(json))} ${json}\n`)
  assert(bytes.byteLength < pointerBytesMax, 'a pointer fits 512 bytes')
  return bytes
}

/**
 * Reads `current`. Throws `JOURNAL_DAMAGED` for anything an `encodePointer` of this version did not
 * write and `JOURNAL_NEWER` for a higher `v`.
 */
export function decodePointer(bytes: Bytes): Pointer {
  const text = bytes.byteLength < pointerBytesMax ? toText(bytes) : ''
  const found = /^([0-9a-f]{8}) (\{.*\})\n$/.exec(text)
  const [, sum = '', json = ''] = found ?? []
  if (found === null || crc32(fromText(json)) !== sum) throw damaged()
  try {
    return checkPointer(JSON.parse(json))
  } catch (error) {
    if (isOtaError(error, 'JOURNAL_NEWER')) throw error
    throw damaged(error)
  }
}

/** A pointer out of parsed JSON; throws `JOURNAL_NEWER` or `JOURNAL_DAMAGED`. */
export function checkPointer(value: unknown): Pointer {
  const fields = asRecord(value)
  const version = asCount(fields['v'])
  if (version > 1) {
    throw new OtaError('JOURNAL_NEWER', `the pointer has format ${version}, known is 1`)
  }
  const phase = fields['phase']
  if (version !== 1 || (phase !== 'trial' && phase !== 'committed')) throw bad('pointer')
  const prev = fields['prev'] === null ? null : checkPrevious(fields['prev'])
  const { release, gen } = checkPair(fields)
  return { v: 1, seq: asCount(fields['seq']), op: asCount(fields['op']), release, gen, phase, prev }
}

/** A release and generation out of parsed JSON; throws `JOURNAL_DAMAGED`. */
export function checkPair(value: unknown): Pair {
  const { release, gen } = asRecord(value)
  if (!isReleaseName(release) || typeof gen !== 'string' || !/^\d+-\d+$/.test(gen)) {
    throw bad('pair')
  }
  return { release, gen }
}

/** Whether `value` is 52 characters of z-base-32. */
export function isReleaseName(value: unknown): value is ReleaseName {
  return typeof value === 'string' && /^[a-km-uw-z13-9]{52}$/.test(value)
}

/** A JSON object; throws `JOURNAL_DAMAGED`. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('object')
  // An object that is no array has only string keys after JSON.parse.
  return value as Readonly<Record<string, unknown>>
}

/** A whole number from 0; throws `JOURNAL_DAMAGED`. */
export function asCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw bad('number')
  return value
}

function checkPrevious(value: unknown): NonNullable<Pointer['prev']> {
  const { back } = asRecord(value)
  if (back !== 'code' && back !== 'snapshot' && back !== 'none') throw bad('way back')
  return { ...checkPair(value), back }
}

function damaged(cause?: unknown): OtaError {
  return new OtaError('JOURNAL_DAMAGED', 'the pointer "current" is damaged', { cause })
}

function bad(what: string): OtaError {
  return new OtaError('JOURNAL_DAMAGED', `the record holds no valid ${what}`)
}
