import c from 'compact-encoding'
import { alloc, copy, OtaError, type Bytes, type Code } from '../../base/index.ts'

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
  readonly #state: State

  /** `fail`, as rules are handed it. */
  readonly refuse = (code: Code, reason: string): never => this.fail(code, reason)

  /** `what` names the record in errors; `size` bytes are expected. */
  constructor(what: string, size = 256) {
    this.what = what
    this.#state = c.state(0, size, new Uint8Array(size))
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#state.start
  }

  /** What was written from `start` (an earlier `size`) to here; a view, not a copy. */
  since(start: number): Bytes {
    return (this.#state.buffer ?? alloc(0)).subarray(start, this.#state.start)
  }

  /** Takes back what was written from `start` on. */
  cut(start: number): void {
    this.#state.start = start
  }

  /** 1, 3, 5 or 9 bytes, the shortest that fits; 0 to 2^53 − 1. */
  uint(value: number): void {
    this.#integer(value, 0, uintMax)
    if (value <= 0xfc) this.#byte(value)
    else c.uint.encode(this.#room(9), value)
  }

  u8(value: number): void {
    this.#integer(value, 0, 0xff)
    this.#byte(value)
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
    this.#room(text.length)
    for (let at = 0; at < text.length; at++) this.#byte(text.charCodeAt(at))
  }

  /** All that was written, as an own array. */
  finish(): Bytes {
    return copy(this.since(0))
  }

  /** Refuses the value being written. */
  fail(code: Code, reason: string): never {
    throw new OtaError(code, `${this.what}: ${reason}`, { facts: { record: this.what } })
  }

  #byte(value: number): void {
    const state = this.#room(1)
    if (state.buffer !== null) state.buffer[state.start] = value
    state.start++
  }

  #integer(value: number, min: number, max: number): void {
    if (Number.isInteger(value) && value >= min && value <= max) return
    this.fail('NOT_CANONICAL', `need an integer from ${min} to ${max}, have ${value}`)
  }

  #room(size: number): State {
    const state = this.#state
    if (state.start + size > state.end) {
      const larger = new Uint8Array(Math.max(state.end * 2, state.start + size))
      larger.set((state.buffer ?? alloc(0)).subarray(0, state.start))
      state.buffer = larger
      state.end = larger.byteLength
    }
    return state
  }
}
