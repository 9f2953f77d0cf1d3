import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { onDisk } from '../failure.ts'
import { walkState } from './walk.ts'

const { COPYFILE_EXCL, COPYFILE_FICLONE, O_NONBLOCK, O_NOFOLLOW, O_RDONLY } = constants

/**
 * Copies a folder that nobody writes meanwhile into `to`, which must not exist: blocks are shared
 * where the file system can. Links stay links and are not followed; devices, pipes and sockets are
 * left out.
 */
export async function copyQuiet(from: string, to: string): Promise<void> {
  await onDisk('copy', to, async () => await fs.mkdir(to, { mode: 0o700 }))
  const modes: [string, number][] = []
  await walkState(from, async ({ path, at, stats }) => {
    const goal = join(to, path)
    if (stats.isDirectory()) {
      await fs.mkdir(goal, { recursive: true, mode: 0o700 })
      // a folder that may not be written can be filled first
      modes.push([goal, stats.mode & 0o777])
      return
    }
    await fs.mkdir(join(goal, '..'), { recursive: true, mode: 0o700 })
    if (stats.isSymbolicLink()) await fs.symlink(await fs.readlink(at), goal)
    else if (stats.isFile()) await copyFile(at, goal, stats.mode & 0o777)
  })
  for (const [path, mode] of modes) await fs.chmod(path, mode)
}

/** By what was opened, so that a link that took the place of the file is not followed. */
async function copyFile(at: string, goal: string, mode: number): Promise<void> {
  const file = await fs.open(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const held = `/proc/self/fd/${file.fd}`
    const isThere = await fs.access(held).then(
      () => true,
      () => false
    )
    await fs.copyFile(isThere ? held : at, goal, COPYFILE_EXCL | COPYFILE_FICLONE)
    await fs.chmod(goal, mode)
  } finally {
    await file.close()
  }
}
