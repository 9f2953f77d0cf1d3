import b4a from 'b4a'

/** The door of b4a. Bytes are `Uint8Array` everywhere in Upswell, never Node's own buffer type. */
export type Bytes = Uint8Array

export function alloc(size: number): Bytes {
  return new Uint8Array(size)
}

export function concat(parts: readonly Bytes[]): Bytes {
  let size = 0
  for (const part of parts) size += part.byteLength
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

export function equal(a: Bytes, b: Bytes): boolean {
  const { length } = a
  if (length !== b.length) return false
  if (length > 64) return b4a.compare(a, b) === 0
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return false
  return true
}

/** Order of raw bytes; a prefix comes before the longer one. Negative, 0 or positive. */
export function compare(a: Bytes, b: Bytes): number {
  // Most differ in their first byte, and the loop costs less than the way into C++
  const first = (a[0] ?? -1) - (b[0] ?? -1)
  return first === 0 ? b4a.compare(a, b) : first
}

export function fromText(text: string): Bytes {
  return plain(b4a.from(text, 'utf8'))
}

export function toText(bytes: Bytes): string {
  return b4a.toString(bytes, 'utf8')
}

export function fromHex(hex: string): Bytes {
  return plain(b4a.from(hex, 'hex'))
}

export function toHex(bytes: Bytes): string {
  return b4a.toString(bytes, 'hex')
}

/**
 * The same bytes without Node's own type: a `slice` of that one shares its bytes, and whoever wipes
 * the one wipes the other.
 */
export function plain(bytes: Bytes): Bytes {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** An own copy: a slice of a network buffer must not keep 64 KiB alive. */
export function copy(bytes: Bytes): Bytes {
  const own = new Uint8Array(bytes.byteLength)
  own.set(bytes)
  return own
}

export function isZero(bytes: Bytes): boolean {
  const { length } = bytes
  for (let at = 0; at < length; at++) if (bytes[at] !== 0) return false
  return true
}

/** Big-endian, as hashes are read when they are compared as numbers. */
export function toBigInt(bytes: Bytes): bigint {
  return bytes.byteLength === 0 ? 0n : BigInt('0x' + toHex(bytes))
}
