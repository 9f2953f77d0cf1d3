import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { errnoOf } from './failure.ts'

const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE, O_NOFOLLOW, O_RDONLY } = constants
const permissionBits = 0o7777
const writeBits = 0o222

/** A copy would meet these as well: they are no reason to try one. */
const lasting = ['EEXIST', 'ENOENT', 'ENOSPC', 'EDQUOT']

/**
 * Gives a verified file a second name or a copy, as cheap as the file system can: shared blocks,
 * else a hard link, else all bytes again. A link shares the inode: only where nobody may write and
 * the mode is the one that is wanted, executable bit included.
 */
export class Cloner {
  readonly #links: boolean
  /** Devices that were seen to share no blocks; asking for each file would cost a file each. */
  readonly #without = new Set<number>()

  constructor({ links = true } = {}) {
    this.#links = links
  }

  async clone(path: string, from: string, mode: number): Promise<void> {
    const found = await fs.lstat(from)
    if (!this.#without.has(found.dev)) {
      if (await tried(fs.copyFile(from, path, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE))) {
        await finish(path, mode)
        return
      }
      this.#without.add(found.dev)
    }
    const isSame = found.isFile() && (found.mode & permissionBits) === mode
    if (this.#links && isSame && (mode & writeBits) === 0 && (await tried(fs.link(from, path)))) {
      return
    }
    await fs.copyFile(from, path, COPYFILE_EXCL)
    await finish(path, mode)
  }
}

/** False where the file system cannot; what a copy would meet too is thrown. */
async function tried(deed: Promise<void>): Promise<boolean> {
  try {
    await deed
    return true
  } catch (error) {
    if (lasting.includes(errnoOf(error) ?? '')) throw error
    return false
  }
}

async function finish(path: string, mode: number): Promise<void> {
  const file = await fs.open(path, O_RDONLY | O_NOFOLLOW)
  try {
    await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
}
