import { isOtaError, toHex, type Bytes, type Disk } from '../base/index.ts'
import { hash } from '../trust/index.ts'
import { scanTree } from './scan.ts'
import { cutTree, readSequence, sequenceOf, type Sequence } from './sequence.ts'
import type { Chunk } from './table.ts'

interface LocalTree {
  readonly folder: string
  readonly sequence: Sequence
}

interface Place {
  readonly tree: LocalTree
  readonly start: number
}

/** A file of a local tree whose content was hashed in this run. */
export interface LocalFile {
  readonly path: string
  readonly size: number
}

/**
 * What the local trees hold, found by hash: contents, and chunks where contents are not enough. A
 * chunk found here is a guess by eight bytes; the file hash it ends in is the proof.
 */
export class LocalTrees {
  readonly #disk: Disk
  readonly #trees: LocalTree[] = []
  readonly #contents = new Map<string, LocalFile>()
  #chunks: Map<string, Place> | null = null

  private constructor(disk: Disk) {
    this.#disk = disk
  }

  /**
   * Hashes every file of `folders`. A folder that is missing or no tree is passed over: reuse is a
   * saving, never a need.
   */
  static async open(disk: Disk, folders: readonly string[]): Promise<LocalTrees> {
    const trees = new LocalTrees(disk)
    for (const folder of folders) await trees.#add(folder)
    return trees
  }

  async #add(folder: string): Promise<void> {
    const manifest = await ifUsable(scanTree(this.#disk, folder))
    if (manifest === null) return
    this.#trees.push({ folder, sequence: sequenceOf(manifest) })
    for (const entry of manifest.entries) {
      if (entry.tag !== 'file') continue
      const file = { path: `${folder}/${entry.path}`, size: entry.size }
      this.#contents.set(toHex(entry.hash), file)
    }
  }

  content(contentHash: Bytes): LocalFile | null {
    return this.#contents.get(toHex(contentHash)) ?? null
  }

  /** Cuts the local trees as a publisher would; needed once, before `chunk`. */
  async cut(): Promise<void> {
    if (this.#chunks !== null) return
    this.#chunks = new Map()
    for (const tree of this.#trees) await ifUsable(this.#cutOne(tree, this.#chunks))
  }

  async #cutOne(tree: LocalTree, chunks: Map<string, Place>): Promise<void> {
    for await (const { start, raw } of cutTree(this.#disk, tree.folder, tree.sequence)) {
      chunks.set(chunkName(raw.byteLength, hash([raw])), { tree, start })
    }
  }

  has(chunk: Chunk): boolean {
    return this.#chunks?.has(chunkName(chunk.rawSize, chunk.hash8)) ?? false
  }

  async readChunk(chunk: Chunk): Promise<Bytes | null> {
    const place = this.#chunks?.get(chunkName(chunk.rawSize, chunk.hash8))
    if (place === undefined) return null
    const { tree, start } = place
    const range = { start, size: chunk.rawSize }
    return await ifUsable(readSequence(this.#disk, tree.folder, tree.sequence, range))
  }
}

function chunkName(size: number, contentHash: Bytes): string {
  return `${size}:${toHex(contentHash.subarray(0, 8))}`
}

/** Null where a local tree breaks a rule or cannot be read; everything else is thrown on. */
async function ifUsable<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found
  } catch (error) {
    const passed = ['BAD_TREE', 'HASH_MISMATCH', 'NO_PERMISSION', 'INTERNAL'] as const
    if (passed.some((code) => isOtaError(error, code))) return null
    throw error
  }
}
