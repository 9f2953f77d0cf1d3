import * as fs from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Place } from './job.ts'

/** Where this program itself lies in a jail that runs parts of it. */
export const ourFolder = '/.upswell'

/**
 * This program, as far as the first process of a jail needs it: `lib`, what says that it is made of
 * modules (written into `scratch`), and the package with the machine's own calls, if installed.
 */
export async function ownPlaces(scratch: string): Promise<readonly Place[]> {
  const manifest = join(scratch, 'package.json')
  await fs.writeFile(manifest, '{"type":"module"}\n')
  await fs.chmod(manifest, 0o644)
  const places = [
    { path: join(import.meta.dirname, '..', '..'), at: `${ourFolder}/lib` },
    { path: manifest, at: `${ourFolder}/package.json` }
  ]
  const koffi = await packageFolder('koffi')
  if (koffi === null) return places
  places.push({ path: koffi, at: `${ourFolder}/node_modules/koffi` })
  const built = join(dirname(koffi), '@koromix')
  if (await isThere(built)) places.push({ path: built, at: `${ourFolder}/node_modules/@koromix` })
  return places
}

/** Null where it is not installed. */
async function packageFolder(name: string): Promise<string | null> {
  try {
    return dirname(await fs.realpath(fileURLToPath(import.meta.resolve(name))))
  } catch {
    return null
  }
}

async function isThere(path: string): Promise<boolean> {
  return await fs.access(path).then(
    () => true,
    () => false
  )
}
