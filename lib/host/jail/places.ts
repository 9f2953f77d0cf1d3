import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import type { Place } from './job.ts'

/** Where programs are looked for, outside and inside. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Folders of the system that a program needs; what they hold is anybody's to read. */
const systemFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store']
/** Of `/etc` only how libraries and programs are found: keys and passwords lie there too. */
const systemFiles = ['/etc/alternatives', '/etc/ld.so.cache', '/etc/nsswitch.conf']

export interface SystemPlaces {
  readonly readOnly: readonly Place[]
  readonly links: readonly Place[]
}

/** What every jail shows of the system, read-only; on most systems `/bin` is a link into `/usr`. */
export async function systemPlaces(): Promise<SystemPlaces> {
  const readOnly: Place[] = []
  const links: Place[] = []
  for (const path of [...systemFolders, ...systemFiles]) {
    const target = await fs.readlink(path).catch(() => null)
    if (target !== null) links.push({ path: target, at: path })
    else if (await isThere(path, constants.R_OK)) readOnly.push({ path, at: path })
  }
  return { readOnly, links }
}

/** The first file of that name on a search path that may be run. */
export async function findProgram(name: string, path: string): Promise<string | null> {
  for (const folder of path.split(':')) {
    const file = `${folder}/${name}`
    if (await isThere(file, constants.X_OK)) return file
  }
  return null
}

async function isThere(path: string, how: number): Promise<boolean> {
  return await fs.access(path, how).then(
    () => true,
    () => false
  )
}
