import b4a from 'b4a'

/** The door of b4a. Bytes are `Uint8Array` everywhere in Upswell, never Node's own buffer type. */
export type Bytes = Uint8Array

export function alloc(size: number): Bytes {
  return b4a.alloc(size)
}

export function concat(parts: readonly Bytes[]): Bytes {
  return b4a.concat(parts as Bytes[])
}

export function equal(a: Bytes, b: Bytes): boolean {
  if (a.byteLength !== b.byteLength) return false
  // The wrapping that b4a needs costs more than to look at an id
  if (a.byteLength > 64) return b4a.equals(a, b)
  for (let at = 0; at < a.byteLength; at++) if (a[at] !== b[at]) return false
  return true
}

/** Order of raw bytes; a prefix comes before the longer one. Negative, 0 or positive. */
export function compare(a: Bytes, b: Bytes): number {
  const least = Math.min(a.byteLength, b.byteLength)
  for (let at = 0; at < least; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return a.byteLength - b.byteLength
}

export function fromText(text: string): Bytes {
  return b4a.from(text, 'utf8')
}

export function toText(bytes: Bytes): string {
  return b4a.toString(bytes, 'utf8')
}

export function fromHex(hex: string): Bytes {
  return b4a.from(hex, 'hex')
}

export function toHex(bytes: Bytes): string {
  return b4a.toString(bytes, 'hex')
}

/** An own copy: a slice of a network buffer must not keep 64 KiB alive. */
export function copy(bytes: Bytes): Bytes {
  const own = new Uint8Array(bytes.byteLength)
  own.set(bytes)
  return own
}

export function isZero(bytes: Bytes): boolean {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}

/** Big-endian, as hashes are read when they are compared as numbers. */
export function toBigInt(bytes: Bytes): bigint {
  return bytes.byteLength === 0 ? 0n : BigInt('0x' + toHex(bytes))
}
