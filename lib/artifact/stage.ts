import { equal, MIB, OtaError, type Bytes, type Disk } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { Hasher } from '../trust/index.ts'
import { inLanes } from './lanes.ts'
import type { TreeEntry } from './manifest.ts'
import { foldersOf } from './paths.ts'
import { readExactly } from './sequence.ts'

/** Bytes of a file held before they are written; in each lane, at most. */
export const pieceBytes = 4 * MIB
const fileMode = { false: 0o444, true: 0o555 } as const

/** The mode a file of a version folder ends with. */
export function modeOf(entry: { readonly exec: boolean }): number {
  return fileMode[`${entry.exec}`]
}

/**
 * The folder in which a tree is made: empty at first, its parents there, and with room on the disk.
 * `USAGE` if something is in it, `NO_SPACE` if the tree is more than half of the free disk.
 */
export async function openStage(disk: Disk, into: string, artifact: Artifact): Promise<void> {
  if ((await disk.list(into)).length > 0) {
    throw new OtaError('USAGE', `"${into}" is not empty`, {
      hint: 'name a folder that does not exist yet'
    })
  }
  const slash = into.lastIndexOf('/')
  const parent = slash === -1 ? '.' : into.slice(0, Math.max(1, slash))
  await disk.makeFolder(parent)
  const free = await disk.freeBytes(parent)
  if (artifact.bytes * 2 > free) {
    const facts = { have: free, need: artifact.bytes * 2 }
    throw new OtaError('NO_SPACE', `the tree needs half of ${facts.need} free bytes`, { facts })
  }
}

export async function makeFolders(
  disk: Disk,
  into: string,
  entries: readonly TreeEntry[]
): Promise<void> {
  await disk.makeFolder(into, 0o700)
  for (const folder of allFolders(entries)) await disk.makeFolder(`${into}/${folder}`, 0o700)
}

/** Links come last, so that no file is ever written through one (S33). */
export async function makeLinks(
  disk: Disk,
  into: string,
  entries: readonly TreeEntry[]
): Promise<void> {
  for (const entry of entries) {
    if (entry.tag === 'link') await disk.makeLink(`${into}/${entry.path}`, entry.target)
  }
}

/** Every folder of a tree, outer ones first. */
function allFolders(entries: readonly TreeEntry[]): string[] {
  const folders = new Set<string>()
  for (const entry of entries) {
    for (const folder of foldersOf(entry.path)) folders.add(folder)
    if (entry.tag === 'folder') folders.add(entry.path)
  }
  return [...folders]
}

/**
 * Syncs every folder and takes its write bit; the top one is left to its owner, who still has to
 * rename it.
 */
export async function sealStage(
  disk: Disk,
  into: string,
  entries: readonly TreeEntry[]
): Promise<void> {
  await inLanes(allFolders(entries), async (folder) => {
    await disk.syncFolder(`${into}/${folder}`)
    await disk.chmod(`${into}/${folder}`, 0o555)
  })
  await disk.syncFolder(into)
}

/** Copies a local file and hashes the copy; false, and nothing there, if it is not the content. */
export async function copyVerified(
  disk: Disk,
  at: string,
  from: string,
  content: { readonly size: number; readonly hash: Bytes; readonly mode: number }
): Promise<boolean> {
  await disk.clone(at, from, content.mode)
  const stat = await disk.stat(at)
  if (stat?.size === content.size) {
    const hasher = new Hasher()
    for (let read = 0; read < content.size; read += pieceBytes) {
      const size = Math.min(pieceBytes, content.size - read)
      hasher.update(await readExactly(disk, at, read, size))
    }
    if (equal(hasher.final(), content.hash)) return true
  }
  await disk.remove(at)
  return false
}
