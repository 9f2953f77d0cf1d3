import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { overlayOptions } from '../jail/make.ts'
import { systemPath } from '../jail/places.ts'

const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants
const probeMs = 10_000

/** Whether files of one folder can get copies in another that share their blocks: by trying. */
export async function canReflink(from: string, into: string): Promise<boolean> {
  const [source, copy] = [join(into, '.reflink'), join(into, '.reflink-copy')]
  try {
    if ((await fs.stat(from)).dev !== (await fs.stat(into)).dev) return false
    await fs.writeFile(source, 'one block', { flag: 'wx' })
    await fs.copyFile(source, copy, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE)
    return true
  } catch {
    // whatever the reason is, this way does not go
    return false
  } finally {
    for (const file of [source, copy]) await fs.rm(file, { force: true })
  }
}

/** Mounts a layer in namespaces of its own, writes through it, and looks where that went. */
const overlayProbe =
  'mount -t overlay -o "$1" overlay "$2" && echo upper > "$2/file" && test "$(cat "$3")" = lower'

/** Whether a layer can be mounted over a folder, in a jail, by whoever we are: by trying. */
export async function canOverlay(into: string, path = systemPath): Promise<boolean> {
  const probe = join(into, '.overlay')
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) =>
    join(probe, name)
  ) as [string, string, string, string]
  // options of a mount end at a comma and split at a colon
  if (/[,:\\]/.test(probe)) return false
  try {
    for (const folder of [lower, upper, work, merged]) await fs.mkdir(folder, { recursive: true })
    await fs.writeFile(join(lower, 'file'), 'lower\n')
    const isRoot = process.getuid?.() === 0
    const options = overlayOptions({ lower, upper, work }, isRoot)
    const user = isRoot ? [] : ['--user', '--map-root-user']
    const shell = ['sh', '-c', overlayProbe, 'sh', options, merged, join(lower, 'file')]
    const words = [...user, '--mount', '--propagation', 'private', ...shell]
    await promisify(execFile)('unshare', words, { env: { PATH: path }, timeout: probeMs })
    return true
  } catch {
    // not permitted, not in the kernel, or no such program: this way does not go
    return false
  } finally {
    // the kernel leaves a folder without any rights in there
    await fs.chmod(join(work, 'work'), 0o700).catch(() => undefined)
    await fs.rm(probe, { recursive: true, force: true })
  }
}
