import { OtaError, equal, toHex, type Bytes } from '../../../base/index.ts'
import { packTree } from '../../../artifact/index.ts'
import {
  dropPatchFile,
  forgetPack,
  forgetSource,
  keptPatches,
  knownFolder,
  sourceCore,
  type Desk
} from '../../../publish/index.ts'
import type { Artifact, CoreRef, Source } from '../../../records/index.ts'
import {
  admittedReleases,
  compareOrder,
  type Believed,
  type KnownRelease
} from '../../../trust/index.ts'
import type { Station } from './station.ts'

/** The publisher keeps the cores of so many releases of each channel. */
const KEPT_RELEASES = 10

/** Builds one tree core from the folder it was packed from, unless the store holds it whole. */
export async function buildTree(desk: Desk, station: Station, artifact: Artifact): Promise<void> {
  if (await station.store.hasWhole(artifact.tree)) return
  const folder = await knownFolder(desk, artifact.treeDigest)
  if (folder === null) {
    throw new OtaError('INCOMPLETE', `the tree for ${artifact.platform} is not on this machine`, {
      hint: 'pack the same folder here first: ota-publish pack DIR'
    })
  }
  const pack = await packTree(desk.disk, folder, artifact.platform)
  if (!equal(pack.treeDigest, artifact.treeDigest)) {
    throw new OtaError('HASH_MISMATCH', `${folder} has changed since it was packed`, {
      hint: 'put its files back as they were, or propose it again'
    })
  }
  await station.store.buildTreeCore(pack)
}

/**
 * Builds the patch core of an artifact from what `pack` kept, unless the store holds it whole;
 * false if its blocks are not on this machine.
 */
export async function buildPatches(
  desk: Desk,
  station: Station,
  { patch }: Artifact
): Promise<boolean> {
  if (patch === null) return true
  if (!(await station.store.hasWhole(patch))) {
    const kept = await keptPatches(desk, patch)
    if (kept === null) return false
    await station.store.buildPatchCore(kept)
  }
  await dropPatchFile(desk, patch)
  return true
}

/**
 * Builds the core of a source from the bundle that `pack` kept, unless the store holds it whole;
 * false if the bundle is not on this machine.
 */
export async function buildSourceCore(
  desk: Desk,
  station: Station,
  source: Source | null
): Promise<boolean> {
  if (source === null || (await station.store.hasWhole(source.core))) return true
  const kept = await sourceCore(desk, source)
  if (kept === null) return false
  await station.store.buildTreeCore(kept)
  return true
}

/** Whether a tree core is whole here, or its folder is known. */
export async function isTreeHere(
  desk: Desk,
  station: Station,
  artifact: Artifact
): Promise<boolean> {
  if (await station.store.hasWhole(artifact.tree)) return true
  return (await knownFolder(desk, artifact.treeDigest)) !== null
}

/** Peers that hold every tree core whole, and every patch core; null: there is none. */
export function copiesOf(
  station: Station,
  artifacts: readonly Artifact[]
): { readonly trees: number; readonly patches: number | null } {
  const holders = (core: CoreRef): number => station.store.holders(core)
  const trees = artifacts.map(({ tree }) => holders(tree))
  const patches = artifacts.flatMap(({ patch }) => (patch === null ? [] : [holders(patch)]))
  return {
    trees: trees.length === 0 ? 0 : Math.min(...trees),
    patches: patches.length === 0 ? null : Math.min(...patches)
  }
}

/** The newest admitted releases of each channel, whose cores are served. */
export function servedReleases(believed: Believed): readonly KnownRelease[] {
  const channels = [...new Set(believed.releases.map(({ body }) => body.channel))]
  return channels.flatMap((channel) => admittedReleases(believed, channel).slice(0, KEPT_RELEASES))
}

/**
 * Gives back the disk of all but the last ten releases of each channel: their cores, and what was
 * remembered of their trees. What a kept one shares with them stays. Returns how many cores went.
 */
export async function dropOld(desk: Desk, station: Station, believed: Believed): Promise<number> {
  const kept = keptReleases(believed)
  const keep = new Set(
    kept.flatMap(({ body }) => [...body.artifacts, body.source].flatMap(namesOf))
  )
  const old = heldReleases(believed).filter((release) => !kept.includes(release))
  let dropped = 0
  for (const artifact of old.flatMap(({ body }) => body.artifacts)) {
    for (const core of coresOf(artifact)) {
      if (keep.has(toHex(core.key)) || !(await station.store.hasWhole(core))) continue
      await station.store.drop(core)
      dropped += 1
    }
    if (!keep.has(toHex(artifact.treeDigest))) await forgetPack(desk, artifact.treeDigest)
  }
  for (const { source } of old.map(({ body }) => body)) {
    if (source === null || keep.has(toHex(source.core.key))) continue
    if (await station.store.hasWhole(source.core)) {
      await station.store.drop(source.core)
      dropped += 1
    }
    await forgetSource(desk, source)
  }
  return dropped
}

/** Served ones, and the newest of those that lost their quorum: it may come back. */
function keptReleases(believed: Believed): readonly KnownRelease[] {
  const held = heldReleases(believed)
  const channels = [...new Set(held.map(({ body }) => body.channel))]
  const newest = channels.flatMap((channel) =>
    held
      .filter(({ body }) => body.channel === channel)
      .toSorted((a, b) => compareOrder(b.body, a.body))
      .slice(0, KEPT_RELEASES)
  )
  return [...new Set([...servedReleases(believed), ...newest])]
}

function heldReleases({ held }: Believed): readonly KnownRelease[] {
  return [...held.values()].flatMap(({ any }) => (any.tag === 'release' ? [any.known] : []))
}

function coresOf({ tree, patch }: Artifact): readonly CoreRef[] {
  return patch === null ? [tree] : [tree, patch]
}

function namesOf(artifact: Artifact | Source | null): readonly string[] {
  if (artifact === null) return []
  if ('core' in artifact) return [toHex(artifact.core.key)]
  const keys: readonly Bytes[] = coresOf(artifact).map(({ key }) => key)
  return [...keys, artifact.treeDigest].map(toHex)
}
