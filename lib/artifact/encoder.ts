import { brotliCompress, brotliDecompress, constants, type BrotliOptions } from 'node:zlib'
import { OtaError, type Bytes } from '../base/index.ts'

/**
 * The door of node:zlib. Encoder 1 is brotli of quality 5, window 22, size hint, generic mode, in
 * one shot: everyone with the files can make the same bytes. The work runs on zlib's threads, so
 * the event loop goes on.
 */
export const encoderId = 1

/** 0 raw, 1 brotli. */
export type Codec = 0 | 1

export interface Packed {
  readonly codec: Codec
  readonly bytes: Bytes
}

type Coder = typeof brotliCompress

/** One call of zlib as a promise. */
async function run(coder: Coder, bytes: Bytes, options: BrotliOptions): Promise<Bytes> {
  return await new Promise<Bytes>((resolve, reject) => {
    coder(bytes, options, (error, out) => {
      if (error === null) resolve(out)
      else reject(error)
    })
  })
}

/** Brotli if it saves at least 3 %, else the bytes themselves. */
export async function packBytes(raw: Bytes): Promise<Packed> {
  const params = {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_GENERIC,
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: raw.byteLength
  }
  const out = await run(brotliCompress, raw, { params })
  const saves = 100 * out.byteLength <= 97 * raw.byteLength
  return saves ? { codec: 1, bytes: out } : { codec: 0, bytes: raw }
}

/**
 * Exactly `rawSize` bytes again, else `LENGTH_EXCEEDED`: 256 MiB of zeros are a stream of 421
 * bytes, so the output is bounded before it exists (S32). `what` names the thing in the sentence.
 */
export async function unpackBytes(
  packed: Bytes,
  codec: Codec,
  rawSize: number,
  what: string
): Promise<Bytes> {
  const raw = codec === 0 ? packed : await inflate(packed, rawSize, what)
  if (raw.byteLength !== rawSize) throw wrongLength(what, rawSize, raw.byteLength)
  return raw
}

async function inflate(packed: Bytes, rawSize: number, what: string): Promise<Bytes> {
  try {
    // one buffer of the right size, and one byte more for it to be seen that there is no more
    const chunkSize = Math.max(64, rawSize + 1)
    return await run(brotliDecompress, packed, { maxOutputLength: rawSize, chunkSize })
  } catch (cause) {
    if (cause instanceof RangeError) throw wrongLength(what, rawSize, null, cause)
    throw new OtaError('HASH_MISMATCH', `${what} is not a brotli stream`, { cause })
  }
}

function wrongLength(what: string, need: number, have: number | null, cause?: unknown): OtaError {
  const found = have === null ? 'more' : `${have}`
  const text = `${what} has ${found} bytes unpacked where ${need} are declared`
  return new OtaError('LENGTH_EXCEEDED', text, { facts: { need, have }, cause })
}
