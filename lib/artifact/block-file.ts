import { alloc, concat, equal, OtaError, type Bytes, type Disk } from '../base/index.ts'
import type { CoreRef } from '../records/index.ts'
import { CoreHasher } from './corekey.ts'
import { readExactly } from './sequence.ts'

/** Before each block: its length, lowest byte first. */
const lengthBytes = 4

/** The blocks of a static core in one file, until they are in a store. */
export interface BlockFile {
  readonly core: CoreRef
  /** Block 0: the index of a patch core, or the beginning of a head. */
  readonly first: Bytes
  blocks(): AsyncIterable<Bytes>
}

/** Writes the blocks of a core to one file, whole or not at all. */
export async function writeBlockFile(
  disk: Disk,
  path: string,
  blocks: AsyncIterable<Bytes>
): Promise<void> {
  const parts: Bytes[] = []
  for await (const block of blocks) {
    const size = alloc(lengthBytes)
    new DataView(size.buffer, size.byteOffset).setUint32(0, block.byteLength, true)
    parts.push(size, block)
  }
  await disk.writeDurable(path, concat(parts))
}

/**
 * A core from such a file, its key made again from all bytes; null if there is no file. Throws
 * `HASH_MISMATCH` for a file that holds another core than `need`, or none.
 */
export async function readBlockFile(
  disk: Disk,
  path: string,
  need: CoreRef
): Promise<BlockFile | null> {
  if ((await disk.stat(path)) === null) return null
  const hasher = new CoreHasher()
  let first: Bytes | null = null
  for await (const block of blocksIn(disk, path, need)) {
    first ??= block
    hasher.push(block)
  }
  const core = first === null ? null : hasher.core()
  if (core === null || first === null || !isSame(core, need)) throw otherCore(path)
  return { core, first, blocks: () => blocksIn(disk, path, need) }
}

async function* blocksIn(disk: Disk, path: string, { bytes }: CoreRef): AsyncGenerator<Bytes> {
  const end = (await disk.stat(path))?.size ?? 0
  for (let at = 0; at < end;) {
    const size = await readExactly(disk, path, at, lengthBytes)
    const length = new DataView(size.buffer, size.byteOffset).getUint32(0, true)
    // a block is no longer than its core: a spoiled length must not ask for memory
    if (length > bytes) throw otherCore(path)
    yield await readExactly(disk, path, at + lengthBytes, length)
    at += lengthBytes + length
  }
}

function isSame(a: CoreRef, b: CoreRef): boolean {
  const sameSize = a.blocks === b.blocks && a.bytes === b.bytes
  return sameSize && equal(a.key, b.key)
}

function otherCore(path: string): OtaError {
  return new OtaError('HASH_MISMATCH', `${path} does not hold the blocks it is named after`)
}
