import { copy, equal, OtaError, toHex, type Bytes, type Disk } from '../base/index.ts'
import type { CoreRef } from '../records/index.ts'
import { hash } from '../trust/index.ts'
import { CoreHasher, leafHash } from './corekey.ts'
import { packBytes } from './encoder.ts'
import { encodeHead, headBlocks } from './head.ts'
import { bytesOf, decodeManifest, encodeManifest, treeDigest, type Manifest } from './manifest.ts'
import { scanTree } from './scan.ts'
import { cutTree, readSequence, sequenceOf, type Sequence } from './sequence.ts'
import type { Chunk } from './table.ts'

/** A folder as it will be released: its identity, its core key, and its blocks on demand. */
export interface Pack {
  readonly manifest: Manifest
  readonly treeDigest: Bytes
  readonly entries: number
  /** Sum of file sizes. */
  readonly bytes: number
  readonly core: CoreRef
  readonly head: Bytes
  /** Stored size of every block of the core, head first. */
  readonly blockSizes: readonly number[]
  /**
   * All blocks of the tree core in order, made again from the files. Throws `HASH_MISMATCH` if a
   * file changed since the first pass.
   */
  blocks(): AsyncIterable<Bytes>
}

/** A distinct chunk as the first pass found it. */
interface Leaf {
  readonly chunk: Chunk
  readonly start: number
  readonly leaf: Bytes
  readonly size: number
}

/**
 * Reads a folder twice at most: this pass hashes, cuts and encodes every file, keeps 32 bytes per
 * chunk and knows the core's key; `blocks` is the second. Equal files give equal bytes, whatever
 * their order, owner or times. Throws `BAD_TREE` with the path for anything no release may carry;
 * `platform` (`platform-arch`) adds what Windows refuses.
 */
export async function packTree(disk: Disk, folder: string, platform = ''): Promise<Pack> {
  const manifest = sorted(await scanTree(disk, folder), platform)
  const sequence = sequenceOf(manifest.manifest)
  const { leaves, order } = await encodeChunks(disk, folder, sequence)
  const packed = await packBytes(manifest.bytes)
  const chunks = leaves.map(({ chunk }) => chunk)
  const head = encodeHead({ raw: manifest.bytes.byteLength, packed }, chunks, order)
  const hasher = new CoreHasher()
  for (const block of headBlocks(head)) hasher.push(block)
  for (const { leaf, size } of leaves) hasher.pushLeaf(leaf, size)
  return {
    manifest: manifest.manifest,
    treeDigest: treeDigest(manifest.bytes),
    entries: manifest.manifest.entries.length,
    bytes: bytesOf(manifest.manifest),
    core: hasher.core(),
    head,
    blockSizes: [
      ...headBlocks(head).map((block) => block.byteLength),
      ...leaves.map(({ size }) => size)
    ],
    blocks: () => blocksOf({ disk, folder, sequence, head, leaves })
  }
}

function sorted(manifest: Manifest, platform: string): { manifest: Manifest; bytes: Bytes } {
  const bytes = encodeManifest(manifest, platform)
  return { manifest: decodeManifest(bytes, platform), bytes }
}

async function encodeChunks(
  disk: Disk,
  folder: string,
  sequence: Sequence
): Promise<{ leaves: Leaf[]; order: number[] }> {
  const leaves: Leaf[] = []
  const order: number[] = []
  const known = new Map<string, number>()
  for await (const { start, raw } of cutTree(disk, folder, sequence)) {
    const id = hash([raw])
    const again = known.get(toHex(id))
    order.push(again ?? leaves.length)
    if (again !== undefined) continue
    known.set(toHex(id), leaves.length)
    const packed = await packBytes(raw)
    const chunk = { rawSize: raw.byteLength, codec: packed.codec, hash8: copy(id.subarray(0, 8)) }
    const size = packed.bytes.byteLength
    leaves.push({ chunk, start, leaf: leafHash(packed.bytes), size })
  }
  return { leaves, order }
}

interface Source {
  readonly disk: Disk
  readonly folder: string
  readonly sequence: Sequence
  readonly head: Bytes
  readonly leaves: readonly Leaf[]
}

async function* blocksOf(source: Source): AsyncGenerator<Bytes> {
  yield* headBlocks(source.head)
  for (const leaf of source.leaves) {
    const range = { start: leaf.start, size: leaf.chunk.rawSize }
    const raw = await readSequence(source.disk, source.folder, source.sequence, range)
    const { bytes } = await packBytes(raw)
    if (!equal(leafHash(bytes), leaf.leaf)) {
      throw new OtaError(
        'HASH_MISMATCH',
        `a file in "${source.folder}" changed while it was packed`
      )
    }
    yield bytes
  }
}
