import {
  compare,
  fileBytesMax,
  fromText,
  MIB,
  OtaError,
  pathDepthMax,
  treeEntriesMax
} from '../base/index.ts'
import type { Bytes, Disk, Stat } from '../base/index.ts'
import { Hasher } from '../trust/index.ts'
import { Lanes } from './lanes.ts'
import type { Manifest, TreeEntry } from './manifest.ts'
import { badPath } from './paths.ts'
import { readExactly } from './sequence.ts'

/** Files are hashed by windows of this size: a 1 GiB file must not lie in memory. */
const windowBytes = MIB
const setIdBits = 0o6000
const ownerExec = 0o100

/**
 * The manifest of a folder, every file hashed. Throws `BAD_TREE` with the path for a device, fifo,
 * socket, a file with a set-id bit, a name that is no text, or more than the limits of a tree
 * (S33). Whether paths and links keep the rules is judged by `encodeManifest`.
 */
export async function scanTree(disk: Disk, folder: string): Promise<Manifest> {
  const top = await disk.stat(folder)
  if (top === null || top.type !== 'folder') throw badPath(folder, 'is not a folder')
  const walk = { disk, folder, entries: [], lanes: new Lanes() }
  try {
    await scanFolder(walk, '')
    await walk.lanes.end()
  } finally {
    await walk.lanes.settle()
  }
  return { entries: inOrder(walk.entries) }
}

/** As a manifest lists them: by the bytes of whole paths, where `a-b` comes before `a/b`. */
function inOrder(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  return entries
    .map((entry) => ({ entry, bytes: fromText(entry.path) }))
    .toSorted((a, b) => compare(a.bytes, b.bytes))
    .map(({ entry }) => entry)
}

interface Walk {
  readonly disk: Disk
  readonly folder: string
  readonly entries: TreeEntry[]
  /** Files are hashed beside each other, and listed as they come. */
  readonly lanes: Lanes
}

async function scanFolder(walk: Walk, path: string): Promise<void> {
  const below = path === '' ? '' : `${path}/`
  const names = await walk.disk.list(`${walk.folder}/${path}`)
  if (names.length === 0 && path !== '') walk.entries.push({ tag: 'folder', path })
  for (const name of names) {
    if (walk.entries.length >= treeEntriesMax) {
      throw new OtaError('BAD_TREE', `the tree has more than ${treeEntriesMax} entries`)
    }
    await scanEntry(walk, below + name)
  }
}

async function scanEntry(walk: Walk, path: string): Promise<void> {
  const { disk, entries } = walk
  const at = `${walk.folder}/${path}`
  const stat = await disk.stat(at)
  // A name that is not UTF-8 cannot be found again by the text made of it.
  if (stat === null) throw badPath(path, 'cannot be found by its name, which is not UTF-8')
  switch (stat.type) {
    case 'file':
      checkFile(path, stat)
      await walk.lanes.start(async () => {
        const found = await hashFile(disk, at, stat.size)
        const exec = (stat.mode & ownerExec) !== 0
        entries.push({ tag: 'file', path, exec, size: stat.size, hash: found })
      })
      return
    case 'link':
      entries.push({ tag: 'link', path, target: await disk.readLink(at) })
      return
    case 'folder':
      if (path.split('/').length >= pathDepthMax) {
        throw badPath(path, `is deeper than ${pathDepthMax} folders`)
      }
      await scanFolder(walk, path)
      return
    case 'other':
      throw badPath(path, 'is a device, fifo or socket')
  }
}

function checkFile(path: string, stat: Stat): void {
  if ((stat.mode & setIdBits) !== 0) throw badPath(path, 'has a set-id mode')
  if (stat.size > fileBytesMax) throw badPath(path, `is larger than ${fileBytesMax} bytes`)
}

/** BLAKE2b-256 of the first `size` bytes of a file, read by windows. */
export async function hashFile(disk: Disk, path: string, size: number): Promise<Bytes> {
  const hasher = new Hasher()
  for (let at = 0; at < size; at += windowBytes) {
    hasher.update(await readExactly(disk, path, at, Math.min(windowBytes, size - at)))
  }
  return hasher.final()
}
