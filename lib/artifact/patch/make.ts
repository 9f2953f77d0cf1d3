import { MIB, OtaError, type Bytes, type Disk } from '../../base/index.ts'
import { encodeManifest, treeDigest, type Manifest } from '../manifest.ts'
import { encodeDelta, type TreeDelta } from './delta.ts'
import {
  deltaBytesMax,
  encodePatch,
  prefixBytesMax,
  windowBytesMax,
  windowsMax,
  type MadePatch,
  type MadeWindow
} from './file.ts'
import { Matches } from './match.ts'
import { parse } from './parse.ts'
import { packStream, sizeOf, windowOf } from './stream-coder.ts'
import { encodeStreams, streamNames, type Streams } from './streams.ts'
import { suffixArray } from './suffix.ts'
import { Joined } from './joined.ts'
import { windowsOf, type Piece, type Window } from './windows.ts'

/** A tree on disk and its manifest. */
export interface TreeAt {
  readonly folder: string
  readonly manifest: Manifest
}

/**
 * Bytes that a new alignment must explain beyond the old one, and how many more for each bit of the
 * move to it. Programs want the first ones, text the last; the best is chosen per window.
 */
const choices = [
  { threshold: 2, perBit: 1 },
  { threshold: 4, perBit: 2 },
  { threshold: 8, perBit: 1 },
  { threshold: 24, perBit: 0 },
  { threshold: 24, perBit: 2 }
] as const
/** Qualities of brotli to choose with: small streams at the one they are packed with. */
const exactly = 11
const quickly = 7
const exactBytesMost = 256 * 1_024
/** Memory that one byte of a window costs while its patch is made. */
const bytesPerWindowByte = 26
const windowBytes = 64 * MIB
/** The same from nothing: no suffix array, only brotli (measured: 15). */
const bytesPerSolidByte = 16
/** Too small to be worth a window of its own. */
const windowBytesLeast = MIB

export interface MakeOptions {
  /** Bound of memory in bytes (`--patch-memory`); windows become smaller with it. */
  readonly memoryBytes?: number
  /** Called before each window, with how many there are. */
  readonly onWindow?: (done: number, of: number) => void
}

export interface Patch {
  readonly bytes: Bytes
  /** Bits of the largest window a decoder needs: 24 or 27. */
  readonly lgwin: number
}

/**
 * A patch from one tree to another, or from nothing (`from` null: the solid stream). Null where the
 * limits of the format cannot be kept; whoever gets one still proves it by applying it.
 */
export async function makePatch(
  disk: Disk,
  from: TreeAt | null,
  to: TreeAt,
  options: MakeOptions = {}
): Promise<Patch | null> {
  const delta = encodeDelta(from?.manifest ?? { entries: [] }, to.manifest)
  if (delta.bytes.byteLength > deltaBytesMax) return null
  const { memoryBytes } = options
  const most = from === null ? solidWindowFor(memoryBytes) : windowFor(memoryBytes)
  const source = new Joined(disk, from?.folder ?? '', delta.sources)
  const target = new Joined(disk, to.folder, delta.targets)
  const windows = windowsOf(piecesOf(delta, source, target), source.size, most)
  if (windows.length > windowsMax) return null
  const made: MadeWindow[] = []
  for (const [index, window] of windows.entries()) {
    options.onWindow?.(index, windows.length)
    made.push(await makeWindow(window, source, target))
  }
  const patch: MadePatch = {
    from: from === null ? new Uint8Array(8) : treeDigest(encodeManifest(from.manifest)),
    to: treeDigest(encodeManifest(to.manifest)),
    delta: await packStream(delta.bytes),
    sourceSize: source.size,
    targetSize: target.size,
    windows: made
  }
  const streams = [patch.delta, ...made.flatMap((window) => window.streams)]
  const packed = streams.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
  const bytes = encodePatch(patch)
  if (bytes.byteLength - packed > prefixBytesMax) return null
  return { bytes, lgwin: windowOf(streams) }
}

/** Bytes of a window for a bound of memory; `USAGE` if it is too little for any. */
function windowFor(memoryBytes: number | undefined): number {
  if (memoryBytes === undefined) return windowBytes
  const most = Math.min(windowBytes, Math.floor(memoryBytes / bytesPerWindowByte))
  if (most >= windowBytesLeast) return most
  throw new OtaError('USAGE', `patches need ${bytesPerWindowByte} MiB of memory or more`)
}

function solidWindowFor(memoryBytes: number | undefined): number {
  if (memoryBytes === undefined) return windowBytesMax
  const most = Math.floor((windowFor(memoryBytes) * bytesPerWindowByte) / bytesPerSolidByte)
  return Math.min(windowBytesMax, most)
}

async function makeWindow(window: Window, source: Joined, target: Joined): Promise<MadeWindow> {
  const from = await source.read(window.source.start, window.source.end - window.source.start)
  const to = await target.read(window.target.start, window.target.end - window.target.start)
  const best = from.byteLength === 0 ? plain(to) : await bestOf(from, to)
  const streams = {
    control: await packStream(best.control),
    zeros: await packStream(best.zeros),
    differences: await packStream(best.differences),
    extra: await packStream(best.extra)
  }
  return {
    source: window.source,
    targetSize: to.byteLength,
    streams: [streams.control, streams.zeros, streams.differences, streams.extra]
  }
}

/** Nothing to copy from: one op, all literals. */
function plain(target: Bytes): Streams {
  return encodeStreams(target, target, [{ copy: 0, extra: target.byteLength, seek: 0 }])
}

/** Parses with each choice, measures the streams quickly, and keeps the smallest. */
async function bestOf(source: Bytes, target: Bytes): Promise<Streams> {
  const matches = new Matches(source, target, suffixArray(source))
  let best = plain(target)
  let least = Number.POSITIVE_INFINITY
  for (const { threshold, perBit } of choices) {
    const streams = encodeStreams(source, target, parse(matches, threshold, perBit))
    const raw = streamNames.reduce((sum, name) => sum + streams[name].byteLength, 0)
    let size = 0
    for (const name of streamNames) {
      size += await sizeOf(streams[name], raw <= exactBytesMost ? exactly : quickly)
    }
    if (size < least) [best, least] = [streams, size]
  }
  return best
}

function piecesOf(delta: TreeDelta, source: Joined, target: Joined): readonly Piece[] {
  return delta.targets.map((entry, index) => {
    const partner = delta.partners[index] ?? null
    const start = target.starts[index] ?? 0
    return {
      target: { start, end: start + entry.size },
      partner: partner === null ? null : source.rangeOf(partner)
    }
  })
}
