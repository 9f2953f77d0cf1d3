import { concat, equal, fromText, MIB, type Bytes } from '../../base/index.ts'
import { ByteReader } from '../varint.ts'
import { readDesc, writeDesc, type Desc, type PackedStream } from './desc.ts'
import { badPatch, Sink } from './sink.ts'
import type { Range } from './windows.ts'

const magic = fromText('ODP1')
/** Either side of a window. */
export const windowBytesMax = 128 * MIB
export const deltaBytesMax = 8 * MIB
export const windowsMax = 4_096
/** Everything before the payload: 4,096 windows of eleven integers fit. */
export const prefixBytesMax = 256 * 1_024

/** The streams of one window as they lie in the patch, in this order. */
export interface WindowDesc {
  readonly source: Range
  readonly targetSize: number
  readonly control: Desc
  readonly zeros: Desc
  readonly differences: Desc
  readonly extra: Desc
}

export interface PatchPrefix {
  /** First eight bytes of either tree digest; zeros: from nothing. They only catch mix-ups. */
  readonly from: Bytes
  readonly to: Bytes
  readonly delta: Desc
  readonly sourceSize: number
  readonly targetSize: number
  readonly windows: readonly WindowDesc[]
  /** Bytes of the prefix; the payload begins here. */
  readonly size: number
}

/** A window that was made: what it covers, and its four streams, packed. */
export interface MadeWindow {
  readonly source: Range
  readonly targetSize: number
  readonly streams: readonly [PackedStream, PackedStream, PackedStream, PackedStream]
}

export interface MadePatch {
  readonly from: Bytes
  readonly to: Bytes
  readonly delta: PackedStream
  readonly sourceSize: number
  readonly targetSize: number
  readonly windows: readonly MadeWindow[]
}

export function encodePatch(made: MadePatch): Bytes {
  const out = new Sink()
  out.bytes(magic)
  out.bytes(made.from.subarray(0, 8))
  out.bytes(made.to.subarray(0, 8))
  writeDesc(out, made.delta.desc)
  out.varint(made.sourceSize)
  out.varint(made.targetSize)
  out.varint(made.windows.length)
  for (const { source, targetSize, streams } of made.windows) {
    out.varint(source.start)
    out.varint(source.end - source.start)
    out.varint(targetSize)
    for (const { desc } of streams) writeDesc(out, desc)
  }
  const streams = made.windows.flatMap((window) => window.streams)
  const payload = [made.delta, ...streams].map(({ bytes }) => bytes)
  return concat([out.done(), ...payload])
}

/**
 * Reads what stands before the payload; `bytes` may go on after it. Every bound is checked before
 * any work is done for it (S34). Throws `PATCH_FAILED` or `BAD_TREE`.
 */
export function decodePrefix(bytes: Bytes): PatchPrefix {
  const reader = new ByteReader(bytes, 'the patch')
  if (!equal(reader.bytes(4), magic)) throw badPatch('does not begin with "ODP1"')
  const from = reader.bytes(8)
  const to = reader.bytes(8)
  const delta = readDesc(reader, deltaBytesMax)
  const sourceSize = reader.varint()
  const targetSize = reader.varint()
  const count = reader.varint(windowsMax)
  if ((count === 0) !== (targetSize === 0)) throw badPatch('has windows for nothing, or none')
  const windows: WindowDesc[] = []
  let sum = 0
  for (let i = 0; i < count; i += 1) {
    const window = readWindow(reader, sourceSize)
    sum += window.targetSize
    windows.push(window)
  }
  if (sum !== targetSize) throw badPatch('makes another number of bytes than it declares')
  return { from, to, delta, sourceSize, targetSize, windows, size: reader.at }
}

function readWindow(reader: ByteReader, sourceSize: number): WindowDesc {
  const start = reader.varint(sourceSize)
  const size = reader.varint(Math.min(windowBytesMax, sourceSize - start))
  const targetSize = reader.varint(windowBytesMax)
  if (targetSize === 0) throw badPatch('has an empty window')
  const most = 2 * targetSize + 64
  const control = readDesc(reader, most)
  const zeros = readDesc(reader, most)
  const differences = readDesc(reader, targetSize)
  const extra = readDesc(reader, targetSize)
  if (differences.rawSize + extra.rawSize > targetSize) {
    throw badPatch('has more literals than it makes bytes')
  }
  return { source: { start, end: start + size }, targetSize, control, zeros, differences, extra }
}

/** Packed bytes after the prefix. */
export function payloadSize({ delta, windows }: PatchPrefix): number {
  const streams = windows.flatMap(({ control, zeros, differences, extra }) => [
    control,
    zeros,
    differences,
    extra
  ])
  return [delta, ...streams].reduce((sum, { packedSize }) => sum + packedSize, 0)
}
