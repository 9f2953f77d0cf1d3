import { equal, isOtaError, type Disk } from '../../base/index.ts'
import { encodeManifest, scanTree, treeDigest, type TreeAt } from '../../artifact/index.ts'
import { Store } from '../../feed/index.ts'
import type { Artifact } from '../../records/index.ts'
import type { Desk } from '../desk.ts'
import { knownFolder } from '../pack.ts'
import type { Base } from './bases.ts'

/** An earlier tree that is not at hand. */
export interface MissingTree {
  readonly base: Base
  /** `locked`: another command, such as `seed`, has the store it may lie in. */
  readonly why: 'gone' | 'locked'
}

export interface FoundTrees {
  /** In the order of the bases. */
  readonly trees: readonly { readonly base: Base; readonly tree: TreeAt }[]
  readonly missing: readonly MissingTree[]
}

/**
 * Earlier trees as folders that were hashed just now: the one it was packed from if it still holds
 * that tree, else made again in `scratch` from the tree core in the publisher's own store.
 */
export async function findTrees(
  desk: Desk,
  bases: readonly Base[],
  options: { readonly scratch: string; readonly signal: AbortSignal }
): Promise<FoundTrees> {
  const found: { base: Base; tree: TreeAt }[] = []
  const missing: MissingTree[] = []
  const shelf = new Shelf(desk)
  try {
    for (const [index, base] of bases.entries()) {
      options.signal.throwIfAborted()
      const own = await treeIn(desk.disk, await knownFolder(desk, base.artifact.treeDigest), base)
      const into = `${options.scratch}/base-${index}`
      const tree = own ?? (await shelf.take(base.artifact, into, options.signal))
      if (typeof tree === 'string') missing.push({ base, why: tree })
      else found.push({ base, tree })
    }
  } finally {
    await shelf.close()
  }
  return { trees: found, missing }
}

/** The folder, if it holds exactly that tree now; a folder that was built in again does not. */
async function treeIn(disk: Disk, folder: string | null, { artifact }: Base) {
  if (folder === null || (await disk.stat(folder)) === null) return null
  try {
    const manifest = await scanTree(disk, folder)
    const digest = treeDigest(encodeManifest(manifest, artifact.platform))
    return equal(digest, artifact.treeDigest) ? { folder, manifest } : null
  } catch (error) {
    if (isOtaError(error, 'BAD_TREE') || isOtaError(error, 'NO_PERMISSION')) return null
    throw error
  }
}

/** The publisher's store, opened with the first tree that is asked of it. */
class Shelf {
  readonly #desk: Desk
  #store: Store | null = null
  #isLocked = false

  constructor(desk: Desk) {
    this.#desk = desk
  }

  async take(
    artifact: Artifact,
    into: string,
    signal: AbortSignal
  ): Promise<TreeAt | MissingTree['why']> {
    const { disk, places } = this.#desk
    if (this.#isLocked) return 'locked'
    if ((await disk.stat(`${places.store}/cores`)) === null) return 'gone'
    const store = await this.#open()
    if (store === null) return 'locked'
    if (!(await store.hasWhole(artifact.tree))) return 'gone'
    await store.fetchTree({ ...artifact, patch: null }, { into, signal })
    return { folder: into, manifest: await scanTree(disk, into) }
  }

  async close(): Promise<void> {
    await this.#store?.close()
  }

  async #open(): Promise<Store | null> {
    if (this.#store !== null) return this.#store
    const { clock, dice, disk, places } = this.#desk
    const store = new Store(clock, dice, noLog, { disk, folder: places.store })
    try {
      await store.ready()
    } catch (error) {
      await store.close()
      if (!isOtaError(error, 'LOCKED')) throw error
      this.#isLocked = true
      return null
    }
    this.#store = store
    return store
  }
}

function noLog(): void {
  // a command speaks through its output
}
