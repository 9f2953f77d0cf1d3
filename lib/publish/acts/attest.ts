import { OtaError, alloc, equal, type Bytes } from '../../base/index.ts'
import { packTree } from '../../artifact/index.ts'
import type { Artifact, EvidenceDraft } from '../../records/index.ts'
import { toName, toShortName, type KnownRelease } from '../../trust/index.ts'
import type { Desk } from '../desk.ts'

/** A builder's own build beside what was released. */
export interface Compared {
  /** Place in `artifacts` of the release, from 0. */
  readonly index: number
  readonly artifact: Artifact
  /** Of the builder's own build. */
  readonly treeDigest: Bytes
  readonly isEqual: boolean
  /** Hash of the recipe it was built by, where it came from the released source. */
  readonly recipe?: Bytes
}

/**
 * Packs the builder's own build and holds its digest against the release. `USAGE` when the release
 * has nothing for that platform; `BAD_TREE` for a folder that no tree may be.
 */
export async function compareBuild(
  desk: Desk,
  release: KnownRelease,
  build: { readonly folder: string; readonly platform: string | null; readonly here: string }
): Promise<Compared> {
  const { artifacts } = release.body
  const wanted = build.platform ?? build.here
  const named = artifacts.findIndex(({ platform }) => platform === wanted)
  const index = named < 0 && build.platform === null && artifacts.length === 1 ? 0 : named
  const artifact = artifacts[index]
  if (artifact === undefined) {
    const has = artifacts.map(({ platform }) => platform).join(', ')
    throw new OtaError('USAGE', `release ${toShortName(release.id)} has nothing for ${wanted}`, {
      hint: `it has ${has}: say which of them you built with --platform`
    })
  }
  const { treeDigest } = await packTree(desk.disk, build.folder, artifact.platform)
  const isEqual = equal(treeDigest, artifact.treeDigest)
  return { index, artifact, treeDigest, isEqual }
}

/**
 * Refuses to say what is not so: `BUILD_MISMATCH` with both digests when the builds differ and the
 * builder did not ask to dispute the release (S55); `USAGE` for a dispute where nothing differs.
 */
export function refuseUntrue(
  { artifact, treeDigest, isEqual }: Compared,
  { folder, dispute }: { readonly folder: string; readonly dispute: boolean }
): void {
  if (isEqual && dispute) {
    throw new OtaError('USAGE', `the digest of ${folder} is that of the release`, {
      hint: 'there is nothing to dispute: leave --dispute away to attest it'
    })
  }
  if (isEqual || dispute) return
  const [have, need] = [toName(treeDigest), toName(artifact.treeDigest)]
  throw new OtaError('BUILD_MISMATCH', `digest of ${folder} is ${have}, the release has ${need}`, {
    hint: 'build the same source again; --dispute says so to all nodes and blocks the release',
    facts: { have, need, platform: artifact.platform }
  })
}

/** What the builder obtained for one platform of a release, whether equal or not. */
export function draftAttest(
  release: KnownRelease,
  { index, treeDigest, recipe }: Compared,
  seq: number
): EvidenceDraft {
  return {
    subject: release.id.subarray(0, 16),
    stage: index,
    interval: 0,
    seq,
    ttlS: 0,
    body: {
      tag: 'attest',
      attest: { treeDigest, recipe: recipe ?? alloc(32), environment: alloc(32) }
    }
  }
}
