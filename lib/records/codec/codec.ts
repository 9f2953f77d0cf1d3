import { equal, OtaError, type Bytes, type Code } from '../../base/index.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** One layout, both ways: what `read` accepts is exactly what `write` can produce. */
export interface Codec<T> {
  write(writer: Writer, value: T): void
  read(reader: Reader): T
}

/** Refuses a value, while reading as while writing. */
export type Fail = (code: Code, reason: string) => never

/** The bytes of `value`; `what` names the record in errors. Refuses as the reader would. */
export function encodeWhole<T>(codec: Codec<T>, value: T, what: string): Bytes {
  const writer = new Writer(what)
  codec.write(writer, value)
  return writer.finish()
}

/**
 * Whether `bytes` are what would be written again for what they hold. One writer serves all: nobody
 * reads a record while another is compared.
 */
function isWrittenAs<T>(codec: Codec<T>, value: T, bytes: Bytes): boolean {
  again.cut(0)
  codec.write(again, value)
  return equal(again.since(0), bytes)
}

const again = new Writer('record', 4_096)

interface Whole {
  /** Names the record in errors. */
  readonly what: string
  /** Checked before anything is read (`OVER_LIMIT`). */
  readonly bytesMax: number
}

/**
 * The value that `bytes` hold, all of them. Throws `OVER_LIMIT` above `bytesMax`, `NOT_CANONICAL`
 * for anything that would not be written this way again (S9), and what the fields throw.
 */
export function decodeWhole<T>(codec: Codec<T>, bytes: Bytes, { what, bytesMax }: Whole): T {
  checkSize(bytes.byteLength, { what, bytesMax })
  const reader = new Reader(bytes, what)
  const value = codec.read(reader)
  reader.end()
  if (!isWrittenAs(codec, value, bytes)) {
    reader.fail('NOT_CANONICAL', 'not the one encoding of its content')
  }
  return value
}

/**
 * As `decodeWhole`, of a form that can be read in one way only: raw bytes and integers, which the
 * reader itself takes in their shortest form alone.
 */
export function readWhole<T>(codec: Codec<T>, bytes: Bytes, { what, bytesMax }: Whole): T {
  checkSize(bytes.byteLength, { what, bytesMax })
  const reader = new Reader(bytes, what)
  const value = codec.read(reader)
  reader.end()
  return value
}

/** Throws `OVER_LIMIT` if `size` bytes are more than `bytesMax`. */
export function checkSize(size: number, { what, bytesMax }: Whole): void {
  if (size <= bytesMax) return
  throw new OtaError('OVER_LIMIT', `${what}: at most ${bytesMax} bytes, have ${size}`, {
    facts: { record: what, bytes: size, bytesMax }
  })
}

/** The fields in the order written; that order is the order of the bytes. */
export function struct<T extends object>(fields: {
  readonly [K in keyof T]-?: Codec<T[K]>
}): Codec<T> {
  // Cast: every key of T is there, and a field's codec is of the field's own type.
  const entries = Object.entries(fields) as [keyof T & string, Codec<T[keyof T & string]>][]
  return {
    write(writer, value) {
      for (const [name, codec] of entries) codec.write(writer, value[name])
    },
    read(reader) {
      const value: Partial<T> = {}
      for (const [name, codec] of entries) {
        reader.enter(name)
        value[name] = codec.read(reader)
        reader.leave()
      }
      return value as T // Cast: the loop has set every key.
    }
  }
}

/**
 * `codec` that knows again what it read last: a network's policies hardly differ from release to
 * release. What is read ends where its own bytes end, so bytes that begin with those read before
 * hold the same value; only what is the one encoding of its content is remembered (S9). Its values
 * are shared, as all that is read is never changed.
 */
export function remembered<T extends object>(codec: Codec<T>): Codec<T> {
  let last: { readonly bytes: Bytes; readonly value: T } | null = null
  return {
    write(writer, value) {
      if (last !== null && last.value === value) writer.raw(last.bytes)
      else codec.write(writer, value)
    },
    read(reader) {
      if (last !== null && reader.skipOver(last.bytes)) return last.value
      const start = reader.offset
      const value = codec.read(reader)
      const bytes = encodeWhole(codec, value, reader.what)
      if (equal(bytes, reader.since(start))) last = { bytes, value }
      return value
    }
  }
}

/** `codec` with a further rule, judged on both ways. */
export function refine<T>(codec: Codec<T>, check: (value: T, fail: Fail) => void): Codec<T> {
  return {
    write(writer, value) {
      check(value, writer.refuse)
      codec.write(writer, value)
    },
    read(reader) {
      const value = codec.read(reader)
      check(value, reader.refuse)
      return value
    }
  }
}

/** `codec` behind an ASCII domain tag. */
export function tagged<T>(tag: string, codec: Codec<T>): Codec<T> {
  return {
    write(writer, value) {
      writer.tag(tag)
      codec.write(writer, value)
    },
    read(reader) {
      reader.tag(tag)
      return codec.read(reader)
    }
  }
}
