import { brotliCompress, brotliDecompress, constants, type BrotliOptions } from 'node:zlib'
import { MIB, OtaError, type Bytes } from '../../base/index.ts'
import type { Desc, PackedStream, StreamCodec } from './desc.ts'
import { badPatch } from './sink.ts'

/** From this size on the large window of codec 2 may pay. */
const largeFrom = 16 * MIB
/** From here on it is looked at first whether a stream shrinks at all. */
const tryFrom = MIB
/** Zlib asks for 64 bytes at least, and for a buffer more where it fills one to the end. */
const spareBytes = 64
const windowBits = { 1: 24, 2: 27 } as const

/** Bytes a stream of this quality needs; a quick measure to choose between parses. */
export async function sizeOf(raw: Bytes, quality: number): Promise<number> {
  if (raw.byteLength === 0) return 0
  return (await brotli(raw, quality, 1)).byteLength
}

/** The smallest form of a stream: brotli of quality 11, a large window where it saves 2 %, raw. */
export async function packStream(raw: Bytes): Promise<PackedStream> {
  const rawSize = raw.byteLength
  if (rawSize === 0) return packed(raw, 0, rawSize)
  const normal = await brotli(raw, await qualityFor(raw), 1)
  if (rawSize > largeFrom) {
    const large = await brotli(raw, 11, 2)
    if (large.byteLength < rawSize && 100 * large.byteLength <= 98 * normal.byteLength) {
      return packed(large, 2, rawSize)
    }
  }
  return normal.byteLength < rawSize ? packed(normal, 1, rawSize) : packed(raw, 0, rawSize)
}

/** What hardly shrinks gains nothing from the dearest quality, which takes ten times as long. */
async function qualityFor(raw: Bytes): Promise<number> {
  if (raw.byteLength < tryFrom) return 11
  const quick = await brotli(raw, 5, 1)
  return 100 * quick.byteLength > 97 * raw.byteLength ? 9 : 11
}

/** Bits of the largest window a decoder of these streams needs: 24, or 27. */
export function windowOf(streams: readonly PackedStream[]): number {
  return streams.some(({ desc }) => desc.codec === 2) ? windowBits[2] : windowBits[1]
}

/** Exactly the declared bytes, or `PATCH_FAILED`: the output is bounded before it exists (S34). */
export async function unpackStream(bytes: Bytes, { rawSize, codec }: Desc): Promise<Bytes> {
  if (rawSize === 0) return new Uint8Array(0)
  const raw = codec === 0 ? bytes : await inflate(bytes, rawSize)
  if (raw.byteLength !== rawSize) throw badPatch('has a stream of another length than declared')
  return raw
}

async function inflate(bytes: Bytes, rawSize: number): Promise<Bytes> {
  const params = { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: true }
  // one buffer of the right size: pieces of it, joined at the end, would take twice as much
  const chunkSize = rawSize + spareBytes
  try {
    return await run(brotliDecompress, bytes, { params, maxOutputLength: rawSize, chunkSize })
  } catch (cause) {
    throw new OtaError('PATCH_FAILED', 'a stream of the patch does not unpack', { cause })
  }
}

async function brotli(raw: Bytes, quality: number, codec: 1 | 2): Promise<Bytes> {
  const params = {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_GENERIC,
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: windowBits[codec],
    [constants.BROTLI_PARAM_LARGE_WINDOW]: codec === 2 ? 1 : 0,
    [constants.BROTLI_PARAM_SIZE_HINT]: raw.byteLength
  }
  return await run(brotliCompress, raw, { params })
}

type Coder = typeof brotliCompress

async function run(coder: Coder, bytes: Bytes, options: BrotliOptions): Promise<Bytes> {
  return await new Promise<Bytes>((resolve, reject) => {
    coder(bytes, options, (error, out) => {
      if (error === null) resolve(out)
      else reject(error)
    })
  })
}

function packed(bytes: Bytes, codec: StreamCodec, rawSize: number): PackedStream {
  return { desc: { rawSize, codec, packedSize: bytes.byteLength }, bytes }
}
