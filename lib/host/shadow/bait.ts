import * as fs from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { walkState } from '../state/walk.ts'

const entriesMax = 2_000
const shownMax = 16
/** Of a large file the first part is enough to be found and written to; it takes no blocks. */
const sizeMax = 1 << 30

/**
 * A folder that looks like the live state and holds nothing: the same names and sizes, every file
 * empty. In a jail it stands where the live state would be, so that a program which writes there
 * instead of where it was told finds what it looks for, and leaves a trace.
 */
export async function layBait(live: string, into: string): Promise<void> {
  await fs.mkdir(into, { recursive: true, mode: 0o700 })
  let left = entriesMax
  await walkState(live, async ({ path, stats }) => {
    if (left-- <= 0 || path === '') return
    const at = join(into, path)
    if (stats.isDirectory()) await fs.mkdir(at, { recursive: true, mode: 0o700 })
    if (!stats.isFile()) return
    await fs.mkdir(dirname(at), { recursive: true, mode: 0o700 })
    await fs.writeFile(at, '', { mode: 0o600 })
    await fs.truncate(at, Math.min(stats.size, sizeMax))
  })
}

export type Prints = ReadonlyMap<string, string>

/** What every entry was last changed by. Nobody can set the time of a change of its own will. */
export async function printsOf(folder: string): Promise<Prints> {
  const prints = new Map<string, string>()
  await walkState(folder, ({ path, stats: { ino, size, mode, ctimeMs } }) => {
    prints.set(path, `${ino} ${size} ${mode} ${ctimeMs}`)
  })
  return prints
}

/** Paths that were made, changed or removed between two looks; "." is the folder itself. */
export function changedPaths(before: Prints, after: Prints): readonly string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])]
  const changed = paths.filter((path) => before.get(path) !== after.get(path))
  const files = changed.filter((path) => path !== '')
  return (files.length > 0 ? files : changed.map(() => '.')).toSorted().slice(0, shownMax)
}
