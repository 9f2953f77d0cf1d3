import { constants, type Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { OtaError } from '../../base/index.ts'
import { errnoOf, onDisk } from '../failure.ts'
import type { AppUser } from './user.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants
const othersWrite = 0o022

/**
 * Refuses a way from `home` to `path` (below it) on which another user could put something else: a
 * link, a file in place of a folder, a folder that group or others may write, or one that belongs
 * to somebody else than us, up to `path` itself, which may be the app's. Throws `NO_PERMISSION`.
 */
export async function checkWay(home: string, path: string, user: AppUser | null): Promise<void> {
  const steps = relative(home, path).split(sep)
  if (steps[0] === '..') throw refusal(path, `does not lie in the home "${home}"`)
  let at = home
  await checkStep(at, null)
  for (const [index, step] of steps.entries()) {
    if (step === '') continue
    at = join(at, step)
    await checkStep(at, index === steps.length - 1 ? user : null)
  }
}

async function checkStep(path: string, user: AppUser | null): Promise<void> {
  const found = await onDisk('look at', path, async () => await fs.lstat(path))
  const fault = faultOf(found, user)
  if (fault !== null) throw refusal(path, fault)
}

function faultOf(found: Stats, user: AppUser | null): string | null {
  if (found.isSymbolicLink()) return 'is a link, and its target could be anything'
  if (!found.isDirectory()) return 'is no folder'
  if ((found.mode & othersWrite) !== 0) return 'may be written by group or others'
  const own = process.getuid?.() ?? found.uid
  const isOurs = found.uid === own || found.uid === 0 || found.uid === user?.uid
  return isOurs ? null : `belongs to user ${found.uid}`
}

/**
 * Gives an existing folder to the app, through a handle that was opened without following a link,
 * so that nothing can be put in its place between the look and the deed. What lies in it is left:
 * privileged code never walks into a folder of the app. Throws `NO_PERMISSION`.
 */
export async function giveFolder(path: string, user: AppUser): Promise<void> {
  const handle = await openFolder(path)
  try {
    const { uid, gid } = await handle.stat()
    if (uid === user.uid && gid === user.gid) return
    await onDisk('give away', path, async () => {
      await handle.chown(user.uid, user.gid)
      await handle.chmod(0o700)
      await handle.sync()
    })
  } finally {
    await handle.close()
  }
}

async function openFolder(path: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  } catch (cause) {
    const errno = errnoOf(cause)
    // A link at the end reads as one of these two.
    if (errno === 'ELOOP' || errno === 'ENOTDIR') throw refusal(path, 'is a link, or no folder')
    return await onDisk('open', path, async () => await Promise.reject(cause as Error))
  }
}

function refusal(path: string, fault: string): OtaError {
  return new OtaError('NO_PERMISSION', `"${path}" ${fault}: nothing is done there`, {
    hint: `look at it, and put back a folder of the right owner: ls -ld ${path}`,
    facts: { path }
  })
}
