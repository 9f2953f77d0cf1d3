import z32 from 'z32'
import { OtaError, plain, type Bytes } from '../base/index.ts'

/** An id or key as people write it: z-base-32, 52 characters for 32 bytes. */
export function toName(bytes: Bytes): string {
  return z32.encode(bytes)
}

/** The first eight characters, for terminals. */
export function toShortName(bytes: Bytes): string {
  return toName(bytes).slice(0, 8)
}

/** Reads 32 bytes of z-base-32; throws `USAGE` for any other text. */
export function fromName(text: string): Bytes {
  let bytes: Bytes
  try {
    bytes = plain(z32.decode(text))
  } catch (cause) {
    throw new OtaError('USAGE', `"${text}" is not a z-base-32 id`, { cause })
  }
  if (bytes.byteLength !== 32 || z32.encode(bytes) !== text) {
    throw new OtaError('USAGE', `"${text}" is not an id of 32 bytes`)
  }
  return bytes
}

/** Reads z-base-32 of any length, as files between people hold it; null for any other text. */
export function fromLongName(text: string): Bytes | null {
  try {
    const bytes = plain(z32.decode(text))
    return z32.encode(bytes) === text ? bytes : null
  } catch (error) {
    if (error instanceof Error) return null
    throw error
  }
}
