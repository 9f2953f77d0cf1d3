import { equal, OtaError, type Disk } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { bytesOf, encodeManifest, treeDigest, type Manifest, type TreeEntry } from './manifest.ts'
import { badPath } from './paths.ts'
import { scanTree } from './scan.ts'

/** What a folder must be, in words of the release. */
export type Expected = Pick<Artifact, 'platform' | 'treeDigest' | 'entries' | 'bytes'>

/**
 * Walks a folder, hashes every file again and compares the tree digest: after unpacking, and before
 * anything of it is executed. `BAD_TREE` for missing, extra or refused entries, `HASH_MISMATCH` for
 * other bytes; the path is named where `manifest` is given.
 */
export async function verifyTree(
  disk: Disk,
  folder: string,
  expected: Expected,
  manifest: Manifest | null = null
): Promise<void> {
  const found = await scanTree(disk, folder)
  if (manifest !== null) compareTrees(manifest, found)
  if (found.entries.length !== expected.entries || bytesOf(found) !== expected.bytes) {
    const facts = { have: found.entries.length, need: expected.entries }
    throw new OtaError('BAD_TREE', `"${folder}" has other entries than the signed tree`, { facts })
  }
  if (!equal(treeDigest(encodeManifest(found, expected.platform)), expected.treeDigest)) {
    throw new OtaError('HASH_MISMATCH', `"${folder}" does not have the signed tree digest`)
  }
}

function compareTrees(need: Manifest, have: Manifest): void {
  const found = new Map(have.entries.map((entry) => [entry.path, entry]))
  for (const entry of need.entries) {
    const other = found.get(entry.path)
    if (other === undefined) throw badPath(entry.path, 'is listed and missing on disk')
    compareEntries(entry, other)
    found.delete(entry.path)
  }
  for (const path of found.keys()) throw badPath(path, 'is on disk and not listed')
}

function compareEntries(need: TreeEntry, have: TreeEntry): void {
  if (need.tag === 'file' && have.tag === 'file') {
    if (need.exec !== have.exec) throw badPath(need.path, 'has another executable bit than listed')
    if (need.size === have.size && equal(need.hash, have.hash)) return
    const facts = { path: need.path }
    const text = `${JSON.stringify(need.path)} has other bytes on disk than listed`
    throw new OtaError('HASH_MISMATCH', text, { facts })
  }
  if (need.tag !== have.tag)
    throw badPath(need.path, `is a ${have.tag} where a ${need.tag} is listed`)
  if (need.tag === 'link' && have.tag === 'link' && need.target !== have.target) {
    throw badPath(need.path, 'is a link with another target than listed')
  }
}
