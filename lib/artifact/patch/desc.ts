import type { Bytes } from '../../base/index.ts'
import { badPatch } from './sink.ts'
import type { Sink } from './sink.ts'
import type { ByteReader } from '../varint.ts'

/** 0 raw, 1 brotli, window up to 2^24; 2 brotli large window, up to 2^27. */
export type StreamCodec = 0 | 1 | 2

/** How one stream lies in the patch. */
export interface Desc {
  readonly rawSize: number
  readonly codec: StreamCodec
  readonly packedSize: number
}

export function writeDesc(out: Sink, { rawSize, codec, packedSize }: Desc): void {
  out.varint(rawSize)
  if (rawSize === 0) return
  out.u8(codec)
  if (codec > 0) out.varint(packedSize)
}

/** `rawMax` bounds the stream unpacked; throws `BAD_TREE` or `PATCH_FAILED` beyond it. */
export function readDesc(reader: ByteReader, rawMax: number): Desc {
  const rawSize = reader.varint(rawMax)
  if (rawSize === 0) return { rawSize, codec: 0, packedSize: 0 }
  const codec = reader.u8()
  if (codec !== 0 && codec !== 1 && codec !== 2) throw badPatch(`has the unknown codec ${codec}`)
  return { rawSize, codec, packedSize: codec === 0 ? rawSize : reader.varint(rawMax + 1_024) }
}

export interface PackedStream {
  readonly desc: Desc
  readonly bytes: Bytes
}
