import { equal, fromText, PPM, toText, type Bytes, type Code } from '../../base/index.ts'
import { refine, type Codec } from './codec.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

export const u8: Codec<number> = { write: (w, n) => w.u8(n), read: (r) => r.u8() }
export const u16: Codec<number> = { write: (w, n) => w.u16(n), read: (r) => r.u16() }
export const u32: Codec<number> = { write: (w, n) => w.u32(n), read: (r) => r.u32() }
export const i8: Codec<number> = { write: (w, n) => w.i8(n), read: (r) => r.i8() }
export const i16: Codec<number> = { write: (w, n) => w.i16(n), read: (r) => r.i16() }
/** 0 to 2^53 − 1, shortest form only. */
export const uint: Codec<number> = { write: (w, n) => w.uint(n), read: (r) => r.uint() }
/** Unix milliseconds or a duration in milliseconds. */
export const ms: Codec<number> = { ...uint }
/** Parts per million, 0 to 1,000,000. */
export const ppm = within(uint, { min: 0, max: PPM })

interface Range {
  readonly min: number
  readonly max?: number
  /** What a number outside is refused with; `NOT_CANONICAL` unless given. */
  readonly code?: Code
}

/** A number from `min` to `max`, both included. */
export function within(codec: Codec<number>, { min, max, code }: Range): Codec<number> {
  const top = max ?? Number.MAX_SAFE_INTEGER
  const span = max === undefined ? `at least ${min}` : `${min} to ${max}`
  return refine(codec, (value, fail) => {
    if (value < min || value > top) fail(code ?? 'NOT_CANONICAL', `need ${span}, have ${value}`)
  })
}

/** Exactly `size` raw bytes. */
export function fixed(size: number): Codec<Bytes> {
  return {
    write(writer, bytes) {
      if (bytes.byteLength !== size) {
        writer.fail('NOT_CANONICAL', `need ${size} bytes, have ${bytes.byteLength}`)
      }
      writer.raw(bytes)
    },
    read: (reader) => reader.raw(size)
  }
}

/** An Ed25519 key; whether it is a point of the curve is for `trust` to judge. */
export const key = fixed(32)
/** A BLAKE2b-256 hash. */
export const id = fixed(32)

/** Bytes with their length before them, at most `max` (`OVER_LIMIT`, before allocation). */
export function blob(max: number): Codec<Bytes> {
  return {
    write(writer, bytes) {
      if (bytes.byteLength > max) tooLong(writer, bytes.byteLength, max)
      writer.uint(bytes.byteLength)
      writer.raw(bytes)
    },
    read(reader) {
      const size = reader.uint()
      if (size > max) tooLong(reader, size, max)
      return reader.raw(size)
    }
  }
}

function tooLong(side: Reader | Writer, size: number, max: number): never {
  return side.fail('OVER_LIMIT', `at most ${max} bytes, have ${size}`)
}

const notName = 'need a-z, 0-9, "." and "-", beginning with a letter or digit'

/** 1 to 32 bytes of `[a-z0-9][a-z0-9.-]*`. */
export const name: Codec<string> = refine(utf8(32), (value, fail) => {
  if (!/^[a-z0-9][a-z0-9.-]*$/.test(value)) fail('NOT_CANONICAL', notName)
})

const control = /\p{Cc}/u
const controlButNewline = /(?!\n)\p{Cc}/u

/** 0 to `max` bytes of UTF-8 in NFC without control characters. */
export function text(max: number): Codec<string> {
  return plainText(max, control)
}

/** As `text`, line breaks (U+000A) allowed: notes and reasons. */
export function note(max: number): Codec<string> {
  return plainText(max, controlButNewline)
}

function plainText(max: number, forbidden: RegExp): Codec<string> {
  return refine(utf8(max), (value, fail) => {
    // Most texts are plain: no normal form, nothing to hide
    if (isPlain(value)) return
    // An escape sequence in a label could rewrite what a signer sees (S27: show what was signed).
    if (forbidden.test(value)) fail('NOT_CANONICAL', 'control character in text')
    if (value.normalize('NFC') !== value) fail('NOT_CANONICAL', 'text is not in NFC')
  })
}

/** Strict both ways: bad sequences and lone surrogates would come back as U+FFFD. */
function utf8(max: number): Codec<string> {
  const bytes = blob(max)
  return {
    write(writer, value) {
      if (isPlain(value)) {
        if (value.length > max) tooLong(writer, value.length, max)
        writer.uint(value.length)
        return writer.tag(value)
      }
      const encoded = fromText(value)
      if (toText(encoded) !== value) writer.fail('NOT_CANONICAL', 'text is not well-formed')
      bytes.write(writer, encoded)
    },
    read(reader) {
      const size = reader.uint()
      if (size > max) tooLong(reader, size, max)
      const raw = reader.view(size)
      if (isAscii(raw)) return asciiOf(raw)
      const value = toText(raw)
      if (!equal(fromText(value), raw)) reader.fail('NOT_CANONICAL', 'text is not UTF-8')
      return value
    }
  }
}

/** Printing ASCII and nothing else: most texts, and without a second form. */
function isPlain(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code < 0x20 || code > 0x7e) return false
  }
  return true
}

function asciiOf(bytes: Bytes): string {
  let value = ''
  const { length } = bytes
  for (let at = 0; at < length; at++) value += String.fromCharCode(bytes[at] ?? 0)
  return value
}

/** Bytes that mean themselves in UTF-8; nothing else needs the way back. */
function isAscii(bytes: Bytes): boolean {
  const { length } = bytes
  for (let at = 0; at < length; at++) if ((bytes[at] ?? 0) > 0x7f) return false
  return true
}

/** One byte, `first` + its place in `values`; another is refused (`UNSUPPORTED` unless given). */
export function oneOf<const T extends string | boolean>(
  values: readonly T[],
  code: Code = 'UNSUPPORTED',
  first = 0
): Codec<T> {
  return {
    write(writer, value) {
      const index = values.indexOf(value)
      if (index < 0) writer.fail(code, `need one of ${values.join(', ')}, have ${value}`)
      writer.u8(first + index)
    },
    read(reader) {
      const byte = reader.u8()
      const value = values[byte - first]
      if (value === undefined) return reader.fail(code, `unknown value ${byte}`)
      return value
    }
  }
}

export const bool: Codec<boolean> = oneOf<boolean>([false, true])
