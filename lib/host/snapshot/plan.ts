import type { Stats } from 'node:fs'
import { dirname } from 'node:path'
import { walkState } from '../state/walk.ts'

/** What a copy of a state would hold. */
export interface CopyPlan {
  readonly bytes: number
  readonly files: number
  /** Folders of a corestore, from the top: a copy of one that is replicated forks it. */
  readonly excluded: readonly string[]
  /** Why it cannot be copied, in words; null: it can. */
  readonly fault: string | null
}

const entriesMax = 1_000_000
/** The file a corestore puts into its folder. */
const corestoreMark = 'CORESTORE'

/** Looks through a state before anything of it is copied. */
export async function planCopy(from: string): Promise<CopyPlan> {
  const sizes = new Map<string, number>()
  const excluded: string[] = []
  let [entries, fault]: [number, string | null] = [0, null]
  const note = (path: string, stats: Stats): void => {
    entries++
    if (entries > entriesMax) fault ??= `it has more than ${entriesMax} entries`
    if (path.split('/').at(-1) === corestoreMark) excluded.push(dirname(path))
    if (!stats.isFile()) return
    // the other name may lie anywhere, and what is written through it changes both
    if (stats.nlink > 1) fault ??= `"${path}" has ${stats.nlink} names (hard links)`
    sizes.set(path, stats.size)
  }
  await walkState(from, ({ path, stats }) => note(path, stats))
  const kept = [...sizes].filter(([path]) => !isExcluded(path, excluded))
  const bytes = kept.reduce((sum, [, size]) => sum + size, 0)
  return { bytes, files: kept.length, excluded, fault }
}

/** Whether a path lies in one of the folders that are left out. */
export function isExcluded(path: string, excluded: readonly string[]): boolean {
  return excluded.some((one) => one === '.' || path === one || path.startsWith(`${one}/`))
}
