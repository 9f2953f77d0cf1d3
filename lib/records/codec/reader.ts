import c from 'compact-encoding'
import { OtaError, type Bytes, type Code } from '../../base/index.ts'

/** High half of the first number above 2^53 − 1. */
const highMax = 0x200000

/**
 * Reads foreign bytes. Everything wrong with them is an `OtaError` that names the record, the field
 * and the offset; no RangeError ever leaves, because one would end the daemon (S9).
 */
export class Reader {
  readonly what: string
  readonly #state: ReturnType<typeof c.state>
  readonly #bytes: Bytes
  readonly #path: (string | number)[] = []
  /** `fail`, as rules are handed it. */
  readonly refuse = (code: Code, reason: string): never => this.fail(code, reason)

  /** `what` names the record in errors. */
  constructor(bytes: Bytes, what: string) {
    this.what = what
    // A plain view: Node's own buffer makes slow slices.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#state = c.state(0, bytes.byteLength, this.#bytes)
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#state.start
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#state.end - this.#state.start
  }

  /** Shortest form only, at most 2^53 − 1 (`NOT_CANONICAL`, S9, S24). */
  uint(): number {
    const first = this.#need(1)
    const head = this.#bytes[first] ?? 0
    if (head <= 0xfc) {
      this.#state.start = first + 1
      return head
    }
    const size = head === 0xfd ? 3 : head === 0xfe ? 5 : 9
    this.#need(size)
    if (size === 9 && c.uint32.decode(c.state(first + 5, first + 9, this.#bytes)) >= highMax) {
      this.fail('NOT_CANONICAL', 'number above 2^53 - 1')
    }
    const value = c.uint.decode(this.#state)
    const least = size === 3 ? 0xfd : size === 5 ? 0x10000 : 0x100000000
    if (value < least) this.fail('NOT_CANONICAL', 'number not in its shortest form')
    return value
  }

  u8(): number {
    const at = this.#need(1)
    this.#state.start = at + 1
    return this.#bytes[at] ?? 0
  }

  u16(): number {
    this.#need(2)
    return c.uint16.decode(this.#state)
  }

  u32(): number {
    this.#need(4)
    return c.uint32.decode(this.#state)
  }

  /** Two's complement. */
  i8(): number {
    return (this.u8() << 24) >> 24
  }

  /** Two's complement, little-endian. */
  i16(): number {
    return (this.u16() << 16) >> 16
  }

  /** An own copy of the next `size` bytes: a slice would keep a whole network buffer alive. */
  raw(size: number): Bytes {
    const start = this.#need(size)
    this.#state.start += size
    return this.#bytes.slice(start, start + size)
  }

  /** The next `size` bytes as a view: for what is read at once, or from bytes that are our own. */
  view(size: number): Bytes {
    const start = this.#need(size)
    this.#state.start += size
    return this.#bytes.subarray(start, start + size)
  }

  /** Steps over these bytes if they come next; else nothing happens. */
  skipOver(bytes: Bytes): boolean {
    const { start, end } = this.#state
    const { length } = bytes
    if (end - start < length) return false
    const own = this.#bytes
    for (let at = 0; at < length; at++) if (own[start + at] !== bytes[at]) return false
    this.#state.start = start + length
    return true
  }

  /** All that is left, as an own copy. */
  rest(): Bytes {
    return this.raw(this.remaining)
  }

  /** What was read from `start` (an earlier `offset`) to here; a view, not a copy. */
  since(start: number): Bytes {
    return this.#bytes.subarray(start, this.offset)
  }

  /** The domain tag that must stand here (`NOT_CANONICAL`). */
  tag(text: string): void {
    const start = this.offset
    if (this.remaining >= text.length) {
      this.#state.start += text.length
      if (isAsciiOf(this.since(start), text)) return
    }
    this.fail('NOT_CANONICAL', `does not begin with "${text}"`)
  }

  /** Nothing may follow the last field (`NOT_CANONICAL`, S9). */
  end(): void {
    if (this.remaining > 0)
      this.fail('NOT_CANONICAL', `nothing may follow, bytes left: ${this.remaining}`)
  }

  /** Reads one field; its name appears in the error if it fails. */
  field<T>(name: string | number, read: () => T): T {
    this.enter(name)
    const value = read()
    this.leave()
    return value
  }

  /** The field `name` is read from here on, until `leave`; its name appears in the error. */
  enter(name: string | number): void {
    this.#path.push(name)
  }

  leave(): void {
    this.#path.pop()
  }

  /** Refuses what is being read. */
  fail(code: Code, reason: string): never {
    const field = this.#path.join('.')
    const place = field === '' ? this.what : `${this.what}: ${field}`
    throw new OtaError(code, `${place}: ${reason}`, {
      facts: { record: this.what, field, offset: this.offset }
    })
  }

  #need(size: number): number {
    const { start, end } = this.#state
    if (end - start < size) {
      this.fail('NOT_CANONICAL', `ends early, need ${size} bytes, have ${this.remaining}`)
    }
    return start
  }
}

function isAsciiOf(bytes: Bytes, text: string): boolean {
  const { length } = text
  for (let at = 0; at < length; at++) if (bytes[at] !== text.charCodeAt(at)) return false
  return true
}
