import {
  concat,
  alloc,
  coreBlockBytesMax,
  offlineCoresMax,
  offlinePapersMax,
  OtaError,
  type Bytes
} from '../base/index.ts'
import type { CoreRef } from './authority/release.ts'
import { coreRef } from './bundle.ts'
import {
  decodeWhole,
  encodeWhole,
  id,
  list,
  struct,
  tagged,
  u8,
  uint,
  type Codec
} from './codec/index.ts'
import type { AuthId } from './frames/index.ts'

/** What a mirror says it has; each name is that of a file, in z-base-32. */
export interface MirrorIndex {
  readonly network: Bytes
  /** Files `statements/<id>`, and how many signatures each has. */
  readonly statements: readonly AuthId[]
  /** Files `evidence/<id>`. */
  readonly evidence: readonly Bytes[]
  /** Files `cores/<key>`. */
  readonly cores: readonly CoreRef[]
}

const authId: Codec<AuthId> = struct({ type: u8, id, a: uint, b: uint, sigs: uint })

const index: Codec<MirrorIndex> = tagged(
  'upswell/mirror/1',
  struct({
    network: id,
    statements: list(offlinePapersMax, authId),
    evidence: list(offlinePapersMax, id),
    cores: list(offlineCoresMax, coreRef)
  })
)

/** 16 of tag, 32 of network, three counts, and the entries at their longest. */
const indexWhole = {
  what: 'mirror index',
  bytesMax: 64 + offlinePapersMax * (60 + 32) + offlineCoresMax * 50
}

/** Largest index that is read. */
export const mirrorIndexBytesMax = indexWhole.bytesMax

/** Everything sorted. Throws `OVER_LIMIT` for more than one mirror has. */
export function encodeMirrorIndex(value: MirrorIndex): Bytes {
  return encodeWhole(index, value, indexWhole.what)
}

/** Throws `NOT_CANONICAL` and `OVER_LIMIT`. */
export function decodeMirrorIndex(bytes: Bytes): MirrorIndex {
  return decodeWhole(index, bytes, indexWhole)
}

/** One block of a core as the table before the blocks has it. */
export interface BlockEntry {
  readonly size: number
  /** Hypercore's hash of the block: all of them together make the key of the core. */
  readonly leaf: Bytes
}

/** Size, u32, and hash of each block. */
const entryBytes = 4 + 32

/** Where the blocks begin in a core file. */
export function coreTableBytes(blocks: number): number {
  return blocks * entryBytes
}

/** The table of a core file; the blocks follow it back to back. */
export function encodeCoreTable(entries: readonly BlockEntry[]): Bytes {
  return concat(
    entries.flatMap(({ size, leaf }) => {
      const bytes = alloc(4)
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, size, true)
      return [bytes, leaf]
    })
  )
}

/**
 * The table of a core of this many blocks and bytes. Throws `LENGTH_EXCEEDED` where the sizes are
 * not those of the core; the key is for the caller to compare.
 */
export function decodeCoreTable(bytes: Bytes, core: CoreRef): readonly BlockEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: BlockEntry[] = []
  let sum = 0
  for (let at = 0; at + entryBytes <= bytes.byteLength; at += entryBytes) {
    const size = view.getUint32(at, true)
    if (size > coreBlockBytesMax) throw wrongSizes(core)
    sum += size
    entries.push({ size, leaf: bytes.slice(at + 4, at + entryBytes) })
  }
  const isWhole = entries.length * entryBytes === bytes.byteLength && entries.length === core.blocks
  if (!isWhole || sum !== core.bytes) throw wrongSizes(core)
  return entries
}

function wrongSizes({ blocks, bytes }: CoreRef): OtaError {
  const text = `the table of a core does not hold ${blocks} blocks of ${bytes} bytes in all`
  return new OtaError('LENGTH_EXCEEDED', text)
}
