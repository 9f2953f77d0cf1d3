import type { Disk } from '../base/index.ts'
import { packTree, type Pack } from './pack.ts'
import { unpackTree, type UnpackOptions } from './unpack.ts'
import { unpackPatch, type PatchOptions } from './unpack-patch.ts'

/** A tree that lies in a folder, and how much it is. */
export interface TreeToPack {
  readonly folder: string
  readonly platform: string
  /** Sum of its files. */
  readonly bytes: number
}

/**
 * What is heavy on trees: hashes, brotli, patches. Done here, or beside the loop of the process so
 * that a node goes on to answer; what comes of it, and what is thrown, is the same.
 */
export interface TreeWork {
  unpackTree(options: UnpackOptions): Promise<void>
  unpackPatch(options: PatchOptions): Promise<void>
  /** The pack of a folder, to be used within `use` only. */
  packed<T>(tree: TreeToPack, use: (pack: Pack) => Promise<T>): Promise<T>
}

/** Does it in the loop of this process. */
export function workHere(disk: Disk): TreeWork {
  return {
    unpackTree: async (options) => {
      await unpackTree(disk, options)
    },
    unpackPatch: async (options) => {
      await unpackPatch(disk, options)
    },
    packed: async ({ folder, platform }, use) => await use(await packTree(disk, folder, platform))
  }
}
