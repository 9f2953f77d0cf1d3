import { PPM } from '../../base/index.ts'
import type { Artifact } from '../../records/index.ts'
import type { Download, Downloads, Lint, MissingTree, PatchesMade } from '../../publish/index.ts'
import { amount, escapeText, formatSize, type Output, type Value } from '../frame/index.ts'

/** What a node fetches that has nothing: the solid stream, or the whole tree core. */
function firstInstall({ tree }: Artifact, solidBytes: number | null) {
  const isSolid = solidBytes !== null && solidBytes < tree.bytes
  return isSolid ? { way: 'solid', bytes: solidBytes } : { way: 'chunks', bytes: tree.bytes }
}

/** What a node fetches that runs an earlier release. */
function updateOf({ patchBytes, chunkBytes }: Download) {
  const isPatch = patchBytes !== null && patchBytes <= chunkBytes
  return isPatch ? { way: 'patch', bytes: patchBytes } : { way: 'chunks', bytes: chunkBytes }
}

/** What nodes will fetch, one line per earlier release, for people. */
export function downloadLines(out: Output, artifact: Artifact, downloads: Downloads): string[] {
  const first = firstInstall(artifact, downloads.solidBytes)
  const updates = downloads.updates.map((download) => {
    const { release, treeDigest } = download
    const { way, bytes } = updateOf(download)
    const from =
      release === null
        ? `tree ${out.id(treeDigest)}`
        : `${out.id(release.id)} "${escapeText(release.body.label)}"`
    const share = shareText(bytes, first.bytes)
    return `update from ${from} ${sizeText(way, bytes)}, ${share} of a full download`
  })
  return [`first install ${sizeText(first.way, first.bytes)}`, ...updates]
}

/** The same for programs. */
export function downloadData(artifact: Artifact, downloads: Downloads) {
  const first = firstInstall(artifact, downloads.solidBytes)
  return {
    firstInstall: first,
    updates: downloads.updates.map((download) => {
      const { release, treeDigest, patchBytes, chunkBytes } = download
      const { way, bytes } = updateOf(download)
      const label = release?.body.label ?? null
      const sharePpm = ppmOf(bytes, first.bytes)
      const from = release?.id ?? null
      return { from, label, treeDigest, way, bytes, sharePpm, patchBytes, chunkBytes }
    })
  } satisfies Value
}

/** Trees, cores and costs, for people. */
export function packLines(out: Output, artifact: Artifact, made: PatchesMade): string[] {
  const { platform, tree, patch } = artifact
  const files = amount(artifact.entries, 'file')
  const ids = `tree ${out.id(artifact.treeDigest)}  ${platform}  ${files}`
  const size = `${formatSize(artifact.bytes)}  core ${out.id(tree.key)}`
  const patches = patch === null ? 'no patches' : `patches ${out.id(patch.key)}`
  return [`${ids}  ${size}  ${patches}  ota.json ok`, ...downloadLines(out, artifact, made)]
}

/** The same for programs. */
export function packData(
  artifact: Artifact,
  made: PatchesMade,
  more: {
    readonly path: string
    readonly lint: readonly Lint[]
    readonly missing: readonly MissingTree[]
  }
) {
  const { platform, entries, bytes, tree, patch, treeDigest } = artifact
  return {
    treeDigest,
    platform,
    entries,
    bytes,
    core: tree.key,
    blocks: tree.blocks,
    coreBytes: tree.bytes,
    patch: patch === null ? null : { ...patch },
    ...downloadData(artifact, made),
    withoutPatch: more.missing.map(({ base, why }) => ({ from: base.release.id, why })),
    pack: more.path,
    warnings: more.lint.map((one) => ({ ...one }))
  } satisfies Value
}

const lints: Readonly<Record<Lint['code'], { readonly why: string; readonly what: string }>> = {
  ARCHIVE_INSIDE: {
    why: 'is an archive, nothing inside can be patched',
    what: 'ship its members as files, or store them uncompressed'
  },
  INCOMPRESSIBLE: {
    why: 'does not compress, every node pays for all of it',
    what: 'ship it neither packed nor encrypted'
  },
  NOT_DELTA_ABLE: {
    why: 'has little in common with the last release, every node fetches it anew',
    what: 'no packer, no encryption, no build times inside'
  }
}

/** A warning of `pack`: the file, and what to do about it. */
export function lintText({ code, path, bytes }: Lint): string {
  const { why, what } = lints[code]
  return `${escapeText(path)} (${formatSize(bytes)}) ${why}: ${what}`
}

function sizeText(way: string, bytes: number): string {
  return `${formatSize(bytes)} (${way === 'solid' ? 'solid stream' : way})`
}

function ppmOf(bytes: number, of: number): number {
  return of === 0 ? PPM : Math.round((bytes / of) * PPM)
}

function shareText(bytes: number, of: number): string {
  const percent = ppmOf(bytes, of) / 10_000
  return percent < 0.1 ? `${percent.toFixed(3)} %` : `${percent.toFixed(1)} %`
}
