import type { Bytes } from '../base/index.ts'

/**
 * CRC-32 (polynomial 0xEDB88320) as 8 hex digits; "123456789" gives cbf43926. Guards no secrets.
 */
export function crc32(bytes: Bytes): string {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0)
  return ((crc ^ 0xffff_ffff) >>> 0).toString(16).padStart(8, '0')
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
  return value
})
