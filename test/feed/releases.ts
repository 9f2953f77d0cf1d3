import { packPatches, packTree, type Pack } from '../../lib/artifact/index.ts'
import type { Bytes } from '../../lib/base/index.ts'
import type { Artifact } from '../../lib/records/index.ts'
import { artifactOf, disk, prose, writeTree, type Spec } from '../artifact/trees.ts'
import type { TestStore } from './stores.ts'

/** One release as its publisher has it: the folder, what was packed, what was signed. */
export interface Release {
  readonly folder: string
  readonly pack: Pack
  readonly patches: { readonly core: Artifact['tree']; blocks(): AsyncIterable<Bytes> } | null
  readonly artifact: Artifact
}

/** The program of a version: text of which each version spoils other bytes. */
function program(version: number, size = 400_000): Bytes {
  const text = prose(size, 17)
  for (let v = 1; v <= version; v += 1) {
    for (let at = v * 37; at < size; at += 9_001) text[at] = 90 - (v % 20)
  }
  return text
}

export function spec(version: number, size?: number): Spec {
  return {
    'bin/app': { exec: program(version, size) },
    'lib/same.js': prose(50_000, 5),
    'ota.json': `{"v":${version}}`,
    'readme.txt': `this is version ${version}\n`
  }
}

/** Packs a tree and patches to it from earlier releases. */
export async function release(
  top: string,
  files: Spec,
  bases: readonly Release[] = []
): Promise<Release> {
  names += 1
  const folder = await writeTree(`${top}/release-${names}`, files)
  const pack = await packTree(disk, folder, 'linux-x64')
  const patches = await packPatches(disk, {
    to: { folder, pack, platform: 'linux-x64' },
    bases: bases.map((one) => ({ folder: one.folder, manifest: one.pack.manifest })),
    scratch: `${top}/proofs-${names}`
  })
  return { folder, pack, patches, artifact: { ...artifactOf(pack), patch: patches?.core ?? null } }
}

let names = 0

/** Everything of a release into a store. */
export async function publish({ store }: TestStore, one: Release): Promise<void> {
  await store.buildTreeCore(one.pack)
  if (one.patches !== null) await store.buildPatchCore(one.patches)
}

export function baseOf(one: Release) {
  return { folder: one.folder, treeDigest: one.artifact.treeDigest }
}
