import c from 'compact-encoding'
import { alloc, copy, fromText, OtaError, type Bytes, type Code } from '../../base/index.ts'

/** The largest number a record may hold: 2^53 − 1 (S24). */
const uintMax = Number.MAX_SAFE_INTEGER

type State = ReturnType<typeof c.state>

/**
 * Writes the primitive forms of a record into a buffer that grows. A value that has no canonical
 * form (a fraction, a negative length) is refused here with `NOT_CANONICAL`, so that nothing is
 * signed that nobody could read.
 */
export class Writer {
  readonly what: string
  readonly #state: State = c.state(0, 256, alloc(256))

  /** `what` names the record in errors. */
  constructor(what: string) {
    this.what = what
  }

  /** 1, 3, 5 or 9 bytes, the shortest that fits; 0 to 2^53 − 1. */
  uint(value: number): void {
    this.#integer(value, 0, uintMax)
    c.uint.encode(this.#room(9), value)
  }

  u8(value: number): void {
    this.#integer(value, 0, 0xff)
    c.uint8.encode(this.#room(1), value)
  }

  u16(value: number): void {
    this.#integer(value, 0, 0xffff)
    c.uint16.encode(this.#room(2), value)
  }

  u32(value: number): void {
    this.#integer(value, 0, 0xffffffff)
    c.uint32.encode(this.#room(4), value)
  }

  /** Two's complement. */
  i8(value: number): void {
    this.#integer(value, -0x80, 0x7f)
    this.u8(value & 0xff)
  }

  /** Two's complement, little-endian. */
  i16(value: number): void {
    this.#integer(value, -0x8000, 0x7fff)
    this.u16(value & 0xffff)
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Bytes): void {
    const state = this.#room(bytes.byteLength)
    state.buffer?.set(bytes, state.start)
    state.start += bytes.byteLength
  }

  /** ASCII without terminator: a domain tag. */
  tag(text: string): void {
    this.raw(fromText(text))
  }

  /** All that was written, as an own array. */
  finish(): Bytes {
    const { buffer, start } = this.#state
    return copy((buffer ?? alloc(0)).subarray(0, start))
  }

  /** Refuses the value being written. */
  fail(code: Code, reason: string): never {
    throw new OtaError(code, `${this.what}: ${reason}`, { facts: { record: this.what } })
  }

  #integer(value: number, min: number, max: number): void {
    if (Number.isInteger(value) && value >= min && value <= max) return
    this.fail('NOT_CANONICAL', `need an integer from ${min} to ${max}, have ${value}`)
  }

  #room(size: number): State {
    const state = this.#state
    if (state.start + size > state.end) {
      const larger = alloc(Math.max(state.end * 2, state.start + size))
      larger.set((state.buffer ?? alloc(0)).subarray(0, state.start))
      state.buffer = larger
      state.end = larger.byteLength
    }
    return state
  }
}
