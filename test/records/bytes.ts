import { concat, fromHex, toHex, type Bytes } from '../../lib/base/index.ts'

/** `bytes` with `remove` of them at `at` replaced. */
export function splice(bytes: Bytes, at: number, remove: number, insert: Bytes | string): Bytes {
  const middle = typeof insert === 'string' ? fromHex(insert) : insert
  return concat([bytes.subarray(0, at), middle, bytes.subarray(at + remove)])
}

/** Where two encodings first differ: the place of the one field in which their values differ. */
export function place(a: Bytes, b: Bytes): number {
  return a.findIndex((byte, index) => byte !== b[index])
}

/** `value` with all bytes as hex: what holds them, Buffer or Uint8Array, is no difference. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}
