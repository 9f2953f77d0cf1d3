import { equal, type Bytes } from '../../base/index.ts'
import type { Artifact } from '../../records/index.ts'
import type { Believed, KnownRelease } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'
import { knownIndex } from './cache.ts'

/** What a node fetches that runs an earlier release. */
export interface Download {
  readonly treeDigest: Bytes
  /** A release with that tree; null where none is known here. */
  readonly release: KnownRelease | null
  /** Null: no patch is carried, chunks are as cheap. */
  readonly patchBytes: number | null
  /** What a holder of that tree lacks of the tree core. */
  readonly chunkBytes: number
}

export interface Downloads {
  readonly updates: readonly Download[]
  /** Null: the whole tree core is as cheap. */
  readonly solidBytes: number | null
}

/** What the patch core of an artifact offers, by the index that `pack` left in this home. */
export async function downloadsOf(
  desk: Desk,
  { patch }: Artifact,
  believed: Believed | null
): Promise<Downloads | null> {
  const items = patch === null ? [] : await knownIndex(desk, patch)
  if (items.length === 0) return null
  let solidBytes: number | null = null
  const updates: Download[] = []
  for (const item of items) {
    if (item.kind === 'solid') solidBytes = item.place.bytes
    else {
      updates.push({
        treeDigest: item.from,
        release: releaseWith(believed, item.from),
        patchBytes: item.kind === 'patch' ? item.place.bytes : null,
        chunkBytes: item.chunkBytes
      })
    }
  }
  return { updates, solidBytes }
}

function releaseWith(believed: Believed | null, digest: Bytes): KnownRelease | null {
  const found = believed?.releases.find(({ body }) =>
    body.artifacts.some(({ treeDigest }) => equal(treeDigest, digest))
  )
  return found ?? null
}
