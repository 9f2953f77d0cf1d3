import { OtaError, equal, toHex, type Bytes } from '../../base/index.ts'
import { basesMax } from '../../artifact/index.ts'
import type { Artifact } from '../../records/index.ts'
import {
  admittedReleases,
  toShortName,
  type Believed,
  type KnownRelease
} from '../../trust/index.ts'

/** Patches from releases before these are rarely wanted and cost as much to make. */
const BASES_USUAL = 3

/** An earlier release and its tree for the platform that is packed. */
export interface Base {
  readonly release: KnownRelease
  readonly artifact: Artifact
}

export interface Earlier {
  readonly believed: Believed
  readonly platform: string
  /** Of the tree that is packed: nobody needs a patch from it to itself. */
  readonly treeDigest: Bytes
}

/**
 * Releases that most nodes run when the next one comes: the last three of each channel that have
 * this platform, newest first, each tree once, at most eight.
 */
export function lastBases({ believed, platform, treeDigest }: Earlier): readonly Base[] {
  const channels = [...new Set(believed.releases.map(({ body }) => body.channel))]
  const found = channels.flatMap((channel) =>
    onPlatform(admittedReleases(believed, channel), platform)
      .filter(({ artifact }) => !equal(artifact.treeDigest, treeDigest))
      .slice(0, BASES_USUAL)
  )
  return distinct(newestFirst(found)).slice(0, basesMax)
}

/** The releases named; `USAGE` for one without this platform, and for more than eight. */
export function namedBases(earlier: Earlier, ids: readonly Bytes[]): readonly Base[] {
  const { believed, platform, treeDigest } = earlier
  const found = ids.map((id) => baseNamed(believed, id, platform))
  const same = found.find(({ artifact }) => equal(artifact.treeDigest, treeDigest))
  if (same !== undefined) {
    const name = toShortName(same.release.id)
    throw new OtaError('USAGE', `--patch-from ${name}: it has the very tree that is packed`)
  }
  const bases = distinct(newestFirst(found))
  if (bases.length <= basesMax) return bases
  throw new OtaError('USAGE', `--patch-from names ${bases.length} releases, at most ${basesMax}`)
}

function baseNamed(believed: Believed, id: Bytes, platform: string): Base {
  const any = believed.held.get(toHex(id))?.any
  if (any?.tag !== 'release')
    throw new OtaError('USAGE', `no release "${toShortName(id)}" is known`)
  const [base] = onPlatform([any.known], platform)
  if (base !== undefined) return base
  const has = any.known.body.artifacts.map((artifact) => artifact.platform).join(', ')
  const name = toShortName(id)
  throw new OtaError('USAGE', `--patch-from ${name}: it has nothing for ${platform}`, {
    hint: has === '' ? 'it is a source release' : `it has ${has}`
  })
}

function onPlatform(releases: readonly KnownRelease[], platform: string): readonly Base[] {
  return releases.flatMap((release) => {
    const artifact = release.body.artifacts.find(
      (one) => one.platform === platform && one.component === ''
    )
    return artifact === undefined ? [] : [{ release, artifact }]
  })
}

function newestFirst(bases: readonly Base[]): readonly Base[] {
  return bases.toSorted((a, b) => b.release.body.head.issuedMs - a.release.body.head.issuedMs)
}

/** Each tree once: releases on two channels often share it. */
function distinct(bases: readonly Base[]): readonly Base[] {
  return bases.filter(
    ({ artifact }, index) =>
      bases.findIndex((one) => equal(one.artifact.treeDigest, artifact.treeDigest)) === index
  )
}
