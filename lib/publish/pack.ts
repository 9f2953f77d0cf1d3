import { OtaError, equal, fromText, toText, type Bytes } from '../base/index.ts'
import {
  decodeManifest,
  encodeManifest,
  packTree,
  treeDigest,
  type Manifest,
  type Pack
} from '../artifact/index.ts'
import { decodeOtaJson, type Artifact, type CoreRef, type OtaJson } from '../records/index.ts'
import { fromName, hash, toName, toShortName } from '../trust/index.ts'
import type { Desk } from './desk.ts'

/** A folder that was packed: what a release says of it, and where it lies. */
export interface PackFile {
  readonly artifact: Artifact
  readonly folder: string
}

export interface Packed {
  readonly file: PackFile
  readonly otaJson: OtaJson
  readonly pack: Pack
}

const HEAD = 'upswell/pack/1'
const PLATFORM = /^[a-z0-9]+-[a-z0-9]+$/

/**
 * Reads a folder as it will be released. Throws `BAD_TREE` with the path for what no tree may
 * carry, and for an `ota.json` that is missing or wrong. Nothing is uploaded: `commit` builds the
 * tree core from the folder, which must not change until then.
 */
export async function packFolder(desk: Desk, folder: string, platform: string): Promise<Packed> {
  checkPlatform(platform)
  const pack = await packTree(desk.disk, folder, platform)
  const otaJson = await readOtaJson(desk, folder)
  const artifact = artifactOf(pack, platform)
  return { file: { artifact, folder }, otaJson, pack }
}

/** Remembers a packed folder, so that `review` can list files and `commit` can build the core. */
export async function keepPack(
  desk: Desk,
  { artifact, folder }: PackFile,
  { manifest }: Pick<Pack, 'manifest'>
): Promise<void> {
  const { disk, places } = desk
  const base = `${places.packs}/${toName(artifact.treeDigest)}`
  await disk.makeFolder(places.packs, 0o700)
  await disk.writeDurable(`${base}.manifest`, encodeManifest(manifest, artifact.platform))
  await disk.writeDurable(`${base}.folder`, fromText(folder))
  const otaJson = await disk.read(`${folder}/ota.json`)
  // beside it: the folder will hold the next version when that is compared with this one
  if (otaJson !== null) await disk.writeDurable(`${base}.ota`, otaJson)
}

/** Forgets a tree that no kept release has. */
export async function forgetPack({ disk, places }: Desk, digest: Bytes): Promise<void> {
  for (const end of ['manifest', 'folder', 'ota']) {
    await disk.remove(`${places.packs}/${toName(digest)}.${end}`)
  }
}

/** The manifest of a tree this home has packed or reviewed; null if it never saw it. */
export async function knownManifest(desk: Desk, digest: Bytes): Promise<Manifest | null> {
  const bytes = await desk.disk.read(`${desk.places.packs}/${toName(digest)}.manifest`)
  if (bytes === null || !equal(treeDigest(bytes), digest)) return null
  return decodeManifest(bytes)
}

/** `ota.json` of such a tree, its bytes held against the manifest. */
export async function knownOtaJson(desk: Desk, digest: Bytes): Promise<OtaJson | null> {
  const manifest = await knownManifest(desk, digest)
  const entry = manifest?.entries.find(({ path }) => path === 'ota.json')
  const bytes = await desk.disk.read(`${desk.places.packs}/${toName(digest)}.ota`)
  if (bytes === null || entry?.tag !== 'file' || !equal(hash([bytes]), entry.hash)) return null
  return decodeOtaJson(bytes)
}

/** The folder a tree was packed from on this machine; null if it never was. */
export async function knownFolder(desk: Desk, digest: Bytes): Promise<string | null> {
  const bytes = await desk.disk.read(`${desk.places.packs}/${toName(digest)}.folder`)
  return bytes === null ? null : toText(bytes)
}

/**
 * Packs the signer's own build and compares: throws `BUILD_MISMATCH` when its tree digest or its
 * core key is not the one in the release.
 */
export async function matchBuild(
  desk: Desk,
  { folder, name }: { readonly folder: string; readonly name: string },
  artifact: Artifact
): Promise<Pack> {
  const pack = await packTree(desk.disk, folder, artifact.platform)
  if (!equal(pack.treeDigest, artifact.treeDigest)) {
    const have = toShortName(pack.treeDigest)
    const need = toShortName(artifact.treeDigest)
    throw new OtaError('BUILD_MISMATCH', `digest of ${name} is ${have}, the release has ${need}`, {
      hint: 'do not sign: build the same source again, or ask the drafter what differs',
      facts: { have: toName(pack.treeDigest), need: toName(artifact.treeDigest) }
    })
  }
  if (!equal(pack.core.key, artifact.tree.key)) {
    throw new OtaError('BUILD_MISMATCH', `the core key made from ${name} is not the release's`, {
      hint: 'the files are the same, their encoding is not: ask the drafter to pack again'
    })
  }
  return pack
}

/** `ota.json` of a folder, judged as a node will judge it. */
export async function readOtaJson(desk: Desk, folder: string): Promise<OtaJson> {
  const path = `${folder}/ota.json`
  // a link would be read here and skipped where signers look
  if ((await desk.disk.stat(path))?.type === 'link') {
    throw new OtaError('BAD_TREE', '"ota.json" is a link, it must be a file of the tree')
  }
  const bytes = await desk.disk.read(path)
  if (bytes === null) {
    throw new OtaError('BAD_TREE', `${folder} has no ota.json at its top`, {
      hint: 'it says how to start and probe the program: see the README'
    })
  }
  return decodeOtaJson(bytes)
}

/** The pack file: one line of JSON. */
export function encodePackFile({ artifact, folder }: PackFile): Bytes {
  const { component, platform, entries, bytes } = artifact
  const tree = coreToJson(artifact.tree)
  const patch = artifact.patch === null ? null : coreToJson(artifact.patch)
  const digest = toName(artifact.treeDigest)
  const value = {
    head: HEAD,
    folder,
    component,
    platform,
    treeDigest: digest,
    entries,
    bytes,
    tree,
    patch
  }
  return fromText(`${JSON.stringify(value)}\n`)
}

/** Reads a pack file; `NOT_CANONICAL` when it is none. */
export function decodePackFile(bytes: Bytes, path: string): PackFile {
  const value = parseObject(bytes, path)
  if (value['head'] !== HEAD) throw notPack(path)
  const patch = value['patch'] ?? null
  return {
    folder: textOf(value['folder'], path),
    artifact: {
      component: textOf(value['component'], path),
      platform: textOf(value['platform'], path),
      treeDigest: fromName(textOf(value['treeDigest'], path)),
      entries: countOf(value['entries'], path),
      bytes: countOf(value['bytes'], path),
      tree: coreFromJson(value['tree'], path),
      patch: patch === null ? null : coreFromJson(patch, path)
    }
  }
}

function coreFromJson(value: unknown, path: string): CoreRef {
  const core = objectOf(value, path)
  return {
    key: fromName(textOf(core['key'], path)),
    blocks: countOf(core['blocks'], path),
    bytes: countOf(core['bytes'], path)
  }
}

function artifactOf(pack: Pack, platform: string): Artifact {
  return {
    component: '',
    platform,
    treeDigest: pack.treeDigest,
    entries: pack.entries,
    bytes: pack.bytes,
    tree: pack.core,
    patch: null
  }
}

function checkPlatform(platform: string): void {
  if (PLATFORM.test(platform)) return
  throw new OtaError('USAGE', `"${platform}" is no platform`, { hint: 'write it as linux-x64' })
}

function coreToJson({ key, blocks, bytes }: CoreRef): Readonly<Record<string, string | number>> {
  return { key: toName(key), blocks, bytes }
}

function parseObject(bytes: Bytes, path: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(toText(bytes))
    return objectOf(value, path)
  } catch (cause) {
    if (cause instanceof SyntaxError) throw notPack(path, cause)
    throw cause
  }
}

function objectOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notPack(path)
  return Object.fromEntries(Object.entries(value))
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== 'string') throw notPack(path)
  return value
}

function countOf(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw notPack(path)
  return value
}

function notPack(path: string, cause?: unknown): OtaError {
  return new OtaError('NOT_CANONICAL', `${path} is not a pack file`, {
    hint: 'make one: ota-publish pack DIR -o FILE',
    cause
  })
}
