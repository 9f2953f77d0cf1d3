import { equal, fromText, headBytesMax, KIB, manifestBytesMax, OtaError } from '../base/index.ts'
import type { Bytes } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { encoderId, unpackBytes, type Codec, type Packed } from './encoder.ts'
import { bytesOf, decodeManifest, treeDigest, type Manifest } from './manifest.ts'
import { sequenceOf, type Sequence } from './sequence.ts'
import { decodeTable, encodeTable, type Chunk } from './table.ts'
import { ByteReader, ByteWriter } from './varint.ts'

/** The head is cut into blocks of this size; the last one is shorter. */
const headBlockBytes = 64 * KIB
/** Magic, two codecs and four integers of at most eight bytes. */
const prefixBytesMax = 4 + 2 + 4 * 8
const magic = fromText('OTC1')

/** What a tree core begins with: its files, and how its chunks make them. */
export interface Head {
  readonly manifest: Manifest
  readonly manifestBytes: Bytes
  readonly sequence: Sequence
  /** In order of first use; chunk i is block `blocks + i` of the core. */
  readonly chunks: readonly Chunk[]
  /** Chunk indices that, joined, are the content sequence. */
  readonly order: readonly number[]
  readonly blocks: number
  readonly bytes: number
}

/** The sizes that the first block declares. */
interface Prefix {
  readonly codec: Codec
  readonly manifestRaw: number
  readonly manifestPacked: number
  readonly tableBytes: number
  readonly chunkCount: number
  /** Bytes of the prefix itself. */
  readonly size: number
}

export function encodeHead(
  manifest: { readonly raw: number; readonly packed: Packed },
  chunks: readonly Chunk[],
  order: readonly number[]
): Bytes {
  const table = encodeTable(chunks, order)
  const bytes = new ByteWriter()
    .bytes(magic)
    .u8(encoderId)
    .u8(manifest.packed.codec)
    .varint(manifest.raw)
    .varint(manifest.packed.bytes.byteLength)
    .varint(table.byteLength)
    .varint(chunks.length)
    .bytes(manifest.packed.bytes)
    .bytes(table)
    .join()
  if (bytes.byteLength > headBytesMax) {
    throw new OtaError('BAD_TREE', `the file list needs more than ${headBytesMax} bytes`)
  }
  return bytes
}

export function headBlocks(head: Bytes): Bytes[] {
  const blocks: Bytes[] = []
  for (let at = 0; at < head.byteLength; at += headBlockBytes) {
    blocks.push(head.subarray(at, at + headBlockBytes))
  }
  return blocks
}

/**
 * Reads the head of a tree core block by block and holds it against what the release signed, before
 * anything is written. Asks for no block that the signed length does not have.
 *
 * `LENGTH_EXCEEDED`: sizes other than signed (S32). `HASH_MISMATCH`: another tree than signed (S31,
 * S43). `BAD_TREE`: malformed, or against the rules of trees (S33). `UNSUPPORTED`: another encoder.
 */
export async function readHead(
  artifact: Artifact,
  readBlock: (index: number) => Promise<Bytes>
): Promise<Head> {
  const parts: Bytes[] = [await readBlock(0)]
  const first = parts[0] ?? new Uint8Array(0)
  const prefix = decodePrefix(first, artifact)
  const total = prefix.size + prefix.manifestPacked + prefix.tableBytes
  const count = Math.ceil(total / headBlockBytes)
  checkLengths(artifact, total, count + prefix.chunkCount)
  for (let i = 1; i < count; i += 1) parts.push(await readBlock(i))
  parts.forEach((part, i) => {
    const need = i < count - 1 ? headBlockBytes : total - i * headBlockBytes
    if (part.byteLength !== need) {
      const facts = { block: i, have: part.byteLength, need }
      throw new OtaError('LENGTH_EXCEEDED', `head block ${i} is not ${need} bytes long`, { facts })
    }
  })
  return await decodeHead(joined(parts, total), artifact)
}

function joined(parts: readonly Bytes[], total: number): Bytes {
  const bytes = new Uint8Array(total)
  parts.forEach((part, i) => bytes.set(part, i * headBlockBytes))
  return bytes
}

function checkLengths(artifact: Artifact, headBytes: number, blocks: number): void {
  const { tree } = artifact
  if (headBytes > headBytesMax || headBytes > tree.bytes || blocks !== tree.blocks) {
    const facts = { headBytes, blocks, signedBytes: tree.bytes, signedBlocks: tree.blocks }
    const text = `the tree core declares ${blocks} blocks where ${tree.blocks} are signed`
    throw new OtaError('LENGTH_EXCEEDED', text, { facts })
  }
}

function decodePrefix(block: Bytes, artifact: Artifact): Prefix {
  const reader = new ByteReader(block.subarray(0, prefixBytesMax), 'the head')
  if (!equal(reader.bytes(4), magic)) throw reader.broken('does not begin with "OTC1"')
  const encoder = reader.u8()
  if (encoder !== encoderId) {
    const text = `the tree core is made by encoder ${encoder}, known is ${encoderId}`
    throw new OtaError('UNSUPPORTED', text, { facts: { encoder } })
  }
  const codec = reader.u8()
  if (codec !== 0 && codec !== 1) throw reader.broken(`has the unknown codec ${codec}`)
  const manifestRaw = reader.varint()
  const manifestPacked = reader.varint(headBytesMax)
  const tableBytes = reader.varint(headBytesMax)
  const chunkCount = reader.varint(artifact.tree.blocks)
  if (codec === 0 && manifestRaw !== manifestPacked) {
    throw reader.broken('has a raw manifest of two lengths')
  }
  return { codec, manifestRaw, manifestPacked, tableBytes, chunkCount, size: reader.at }
}

/** Reads a whole head; errors as of `readHead`. */
export async function decodeHead(bytes: Bytes, artifact: Artifact): Promise<Head> {
  const prefix = decodePrefix(bytes, artifact)
  const total = prefix.size + prefix.manifestPacked + prefix.tableBytes
  const blocks = Math.ceil(total / headBlockBytes)
  checkLengths(artifact, total, blocks + prefix.chunkCount)
  if (bytes.byteLength !== total) {
    const text = `the head has ${bytes.byteLength} bytes where it declares ${total}`
    throw new OtaError('LENGTH_EXCEEDED', text)
  }
  const packed = bytes.subarray(prefix.size, prefix.size + prefix.manifestPacked)
  const manifestBytes = await unpackManifest(packed, prefix, artifact)
  // design 2: the signed digest alone says what the tree is (S43); then its own rules (S33).
  const manifest = decodeManifest(manifestBytes, artifact.platform)
  checkTotals(manifest, artifact)
  const sequence = sequenceOf(manifest)
  const table = bytes.subarray(prefix.size + prefix.manifestPacked)
  const { chunks, order } = decodeTable(table, prefix.chunkCount, sequence.size)
  return { manifest, manifestBytes, sequence, chunks, order, blocks, bytes: total }
}

async function unpackManifest(packed: Bytes, prefix: Prefix, artifact: Artifact): Promise<Bytes> {
  if (prefix.manifestRaw > manifestRawMax(artifact)) {
    const facts = { have: prefix.manifestRaw, need: manifestRawMax(artifact) }
    const text = `the manifest declares ${prefix.manifestRaw} bytes, more than its entries can need`
    throw new OtaError('LENGTH_EXCEEDED', text, { facts })
  }
  const raw = await unpackBytes(packed, prefix.codec, prefix.manifestRaw, 'the manifest')
  if (!equal(treeDigest(raw), artifact.treeDigest)) {
    throw new OtaError('HASH_MISMATCH', 'the manifest is not that of the signed tree digest')
  }
  return raw
}

/** An entry has at most its type, two texts of 512 bytes, their lengths, or a size and a hash. */
function manifestRawMax(artifact: Artifact): number {
  return Math.min(manifestBytesMax, 16 + artifact.entries * 1_030)
}

function checkTotals(manifest: Manifest, artifact: Artifact): void {
  const [entries, bytes] = [manifest.entries.length, bytesOf(manifest)]
  if (entries !== artifact.entries || bytes !== artifact.bytes) {
    const facts = { entries, bytes, signedEntries: artifact.entries, signedBytes: artifact.bytes }
    const text = `the tree has ${entries} entries and ${bytes} bytes, signed are others`
    throw new OtaError('BAD_TREE', text, { facts })
  }
}
