import { PPM } from '../../base/index.ts'
import type { Artifact } from '../../records/index.ts'
import type { Lint, MissingTree, PatchesMade, UpdateCost } from '../../publish/index.ts'
import { amount, escapeText, formatSize, type Output, type Value } from '../frame/index.ts'

/** What a node fetches that has nothing: the solid stream, or the whole tree core. */
function firstInstall(artifact: Artifact, solidBytes: number | null) {
  const isSolid = solidBytes !== null && solidBytes < artifact.tree.bytes
  return isSolid
    ? { way: 'solid', bytes: solidBytes }
    : { way: 'chunks', bytes: artifact.tree.bytes }
}

/** What a node fetches that runs an earlier release. */
function update({ patchBytes, chunkBytes }: Pick<UpdateCost, 'patchBytes' | 'chunkBytes'>) {
  const isPatch = patchBytes !== null && patchBytes <= chunkBytes
  return isPatch ? { way: 'patch', bytes: patchBytes } : { way: 'chunks', bytes: chunkBytes }
}

/** Trees, cores and costs, for people. */
export function packLines(out: Output, artifact: Artifact, made: PatchesMade): string[] {
  const { platform, tree, patch } = artifact
  const files = amount(artifact.entries, 'file')
  const ids = `tree ${out.id(artifact.treeDigest)}  ${platform}  ${files}`
  const size = `${formatSize(artifact.bytes)}  core ${out.id(tree.key)}`
  const first = firstInstall(artifact, made.solidBytes)
  const patches = patch === null ? 'no patches' : `patches ${out.id(patch.key)}`
  const lines = [
    `${ids}  ${size}  ${patches}  ota.json ok`,
    `first install ${formatSize(first.bytes)} (${wayText(first.way)})`
  ]
  for (const { base, ...cost } of made.costs) {
    const { way, bytes } = update(cost)
    const from = `${out.id(base.release.id)} "${escapeText(base.release.body.label)}"`
    const share = shareText(bytes, first.bytes)
    lines.push(
      `update from ${from} ${formatSize(bytes)} (${wayText(way)}), ${share} of a full download`
    )
  }
  return lines
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
  const first = firstInstall(artifact, made.solidBytes)
  return {
    treeDigest,
    platform,
    entries,
    bytes,
    core: tree.key,
    blocks: tree.blocks,
    coreBytes: tree.bytes,
    patch: patch === null ? null : { core: patch.key, blocks: patch.blocks, bytes: patch.bytes },
    firstInstall: first,
    updates: made.costs.map(({ base, ...cost }) => ({
      from: base.release.id,
      label: base.release.body.label,
      treeDigest: base.artifact.treeDigest,
      ...update(cost),
      sharePpm: sharePpm(update(cost).bytes, first.bytes),
      patchBytes: cost.patchBytes,
      chunkBytes: cost.chunkBytes
    })),
    withoutPatch: more.missing.map(({ base, why }) => ({ from: base.release.id, why })),
    pack: more.path,
    warnings: more.lint.map(({ code, path, bytes: size }) => ({ code, path, bytes: size }))
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

function wayText(way: string): string {
  return way === 'solid' ? 'solid stream' : way
}

function sharePpm(bytes: number, of: number): number {
  return of === 0 ? PPM : Math.round((bytes / of) * PPM)
}

function shareText(bytes: number, of: number): string {
  const percent = sharePpm(bytes, of) / 10_000
  return percent < 0.1 ? `${percent.toFixed(3)} %` : `${percent.toFixed(1)} %`
}
