import { encodeManifest, scanTree, treeDigest } from '../../../artifact/index.ts'
import { equal, OtaError, type Bytes, type Disk } from '../../../base/index.ts'
import type { Artifact } from '../../../records/index.ts'
import { toShortName, type Believed, type KnownRelease } from '../../../trust/index.ts'
import { idInName } from './papers.ts'

/** A version folder: what it is, and the releases that have exactly this tree. */
export interface JudgedTree {
  readonly digest: Bytes
  readonly entries: number
  readonly releases: readonly { readonly known: KnownRelease; readonly platform: string }[]
}

/** Whether a folder is a tree: `ota.json` stands at the top of every one, and of nothing else. */
export async function isTree(disk: Disk, folder: string): Promise<boolean> {
  return (await disk.stat(`${folder}/ota.json`))?.type === 'file'
}

/**
 * Hashes every file of a version folder and looks for its tree among the releases held. Throws
 * `BAD_TREE` for what no tree may hold, `HASH_MISMATCH` where no release has it, or the release
 * that the folder is named for has another.
 */
export async function judgeTree(
  disk: Disk,
  folder: string,
  believed: Believed
): Promise<JudgedTree> {
  const manifest = await scanTree(disk, folder)
  const entries = manifest.entries.length
  const digest = treeDigest(encodeManifest(manifest))
  const artifacts = artifactsOf(believed)
  const releases = artifacts
    .filter(({ artifact }) => equal(artifact.treeDigest, digest))
    .map(({ known, artifact }) => ({ known, platform: artifact.platform }))
  const named = idInName(folder)
  if (named !== null && !releases.some(({ known }) => equal(known.id, named))) {
    throw mismatch(digest, `that of release ${toShortName(named)}, for which it is named`)
  }
  if (releases.length === 0) {
    throw mismatch(digest, `that of any of the ${artifacts.length} trees known here`)
  }
  return { digest, entries, releases }
}

interface Offered {
  readonly known: KnownRelease
  readonly artifact: Artifact
}

function artifactsOf({ held }: Believed): readonly Offered[] {
  return [...held.values()].flatMap(({ any }) => {
    if (any.tag !== 'release') return []
    const { known } = any
    return known.body.artifacts.map((artifact) => ({ known, artifact }))
  })
}

function mismatch(digest: Bytes, other: string): OtaError {
  return new OtaError('HASH_MISMATCH', `the tree has digest ${toShortName(digest)}, not ${other}`, {
    hint: 'see what this home believes with: ota-node trust'
  })
}
