import { compare, type Bytes, type Code } from '../../base/index.ts'
import type { Codec } from './codec.ts'
import { encodeWhole } from './codec.ts'
import type { Reader } from './reader.ts'
import { blob, u8 } from './values.ts'
import type { Writer } from './writer.ts'

/** Nothing, or one `codec`. */
export function opt<T>(codec: Codec<T>): Codec<T | null> {
  return {
    write(writer, value) {
      writer.u8(value === null ? 0 : 1)
      if (value !== null) codec.write(writer, value)
    },
    read(reader) {
      const first = reader.u8()
      if (first > 1) reader.fail('NOT_CANONICAL', `need 0 or 1 before an optional, have ${first}`)
      return first === 0 ? null : codec.read(reader)
    }
  }
}

/**
 * 0 to `max` entries, strictly ascending by their bytes. Writing sorts; an entry that is there
 * twice is refused either way, with `repeated` if given.
 */
export function list<T>(
  max: number,
  codec: Codec<T>,
  repeated: Code = 'NOT_CANONICAL'
): Codec<readonly T[]> {
  return {
    write(writer, values) {
      checkCount(writer, values.length, max)
      writer.uint(values.length)
      const start = writer.size
      let isAscending = true
      let last: Bytes | null = null
      for (const value of values) {
        const from = writer.size
        codec.write(writer, value)
        const part = writer.since(from)
        isAscending &&= last === null || compare(last, part) < 0
        last = part
      }
      if (isAscending) return
      writer.cut(start)
      writeSorted(writer, { values, codec, repeated })
    },
    read(reader) {
      const values: T[] = []
      let last: Bytes | null = null
      readEach(reader, readCount(reader, max), () => {
        const start = reader.offset
        values.push(codec.read(reader))
        const part = reader.since(start)
        const order = last === null ? -1 : compare(last, part)
        if (order === 0) reader.fail(repeated, 'list entry repeated')
        if (order > 0) reader.fail('NOT_CANONICAL', 'list not sorted')
        last = part
      })
      return values
    }
  }
}

interface Unsorted<T> {
  readonly values: readonly T[]
  readonly codec: Codec<T>
  readonly repeated: Code
}

function writeSorted<T>(writer: Writer, { values, codec, repeated }: Unsorted<T>): void {
  const parts = values.map((value) => encodeWhole(codec, value, writer.what)).toSorted(compare)
  let last: Bytes | null = null
  for (const part of parts) {
    if (last !== null && compare(last, part) === 0) writer.fail(repeated, 'list entry repeated')
    writer.raw(part)
    last = part
  }
}

/** 0 to `max` entries in the order given. */
export function inOrder<T>(max: number, codec: Codec<T>): Codec<readonly T[]> {
  return {
    write(writer, values) {
      checkCount(writer, values.length, max)
      writer.uint(values.length)
      for (const value of values) codec.write(writer, value)
    },
    read(reader) {
      const values: T[] = []
      readEach(reader, readCount(reader, max), () => values.push(codec.read(reader)))
      return values
    }
  }
}

/** Exactly `count` entries in the order given, without a count. */
export function times<T>(count: number, codec: Codec<T>): Codec<readonly T[]> {
  return {
    write(writer, values) {
      if (values.length !== count) {
        writer.fail('NOT_CANONICAL', `need ${count} entries, have ${values.length}`)
      }
      for (const value of values) codec.write(writer, value)
    },
    read(reader) {
      const values: T[] = []
      readEach(reader, count, () => values.push(codec.read(reader)))
      return values
    }
  }
}

/** An extension field: tag ≥ 128 is kept and ignored, below 128 it is critical. */
export interface Ext {
  readonly tag: number
  readonly bytes: Bytes
}

const extensions = list<Ext>(16, {
  write(writer, { tag, bytes }) {
    u8.write(writer, tag)
    blob(1_024).write(writer, bytes)
  },
  read: (reader) => ({ tag: reader.u8(), bytes: blob(1_024).read(reader) })
})

/** The last field of an authority body and of an invite: at most 16, one per tag. */
export const ext: Codec<readonly Ext[]> = {
  write(writer, values) {
    checkTags(writer, values)
    extensions.write(writer, values)
  },
  read(reader) {
    const values = extensions.read(reader)
    checkTags(reader, values)
    return values
  }
}

/** Whether a reader that does not know these tags must not act on the record (S10). */
export function isCritical(extensionFields: readonly Ext[]): boolean {
  return extensionFields.some(({ tag }) => tag < 128)
}

function checkTags(side: Reader | Writer, values: readonly Ext[]): void {
  if (values.length < 2) return
  const tags = new Set(values.map(({ tag }) => tag))
  if (tags.size < values.length) side.fail('NOT_CANONICAL', 'extension tag twice')
}

/** A count of 0 to `max`, judged before anything is allocated (`OVER_LIMIT`). */
function readCount(reader: Reader, max: number): number {
  const count = reader.uint()
  checkCount(reader, count, max)
  return count
}

function checkCount(side: Reader | Writer, count: number, max: number): void {
  if (count > max) side.fail('OVER_LIMIT', `at most ${max} entries, have ${count}`)
}

function readEach(reader: Reader, count: number, read: () => unknown): void {
  for (let index = 0; index < count; index++) {
    reader.enter(index)
    read()
    reader.leave()
  }
}
