import { isOtaError, MIB, OtaError, type Bytes, type Disk } from '../../base/index.ts'
import type { Artifact, CoreRef } from '../../records/index.ts'
import { ContentReader } from '../content.ts'
import { CoreHasher } from '../corekey.ts'
import { decodeHead } from '../head.ts'
import { LocalTrees } from '../local.ts'
import { encodeManifest, treeDigest } from '../manifest.ts'
import type { Pack } from '../pack.ts'
import { unpackPatch } from '../unpack-patch.ts'
import { blocksOf, encodeIndex, routeBlockBytes, type IndexItem } from './core-index.ts'
import { makePatch, type MakeOptions, type Patch, type TreeAt } from './make.ts'

/** Earlier releases that one patch core serves; the last three pay. */
export const basesMax = 8

/** What an update from one earlier release costs. */
export interface BaseCost {
  readonly treeDigest: Bytes
  /** Bytes of the patch; null where none is carried, because it saves too little. */
  readonly patchBytes: number | null
  /** Bytes of the patch that was made, carried or not; null where none came out. */
  readonly madeBytes: number | null
  /** Bytes of the tree core that a holder of that release lacks, head included. */
  readonly chunkBytes: number
}

/** A patch core as it will be released. */
export interface PatchPack {
  readonly core: CoreRef
  readonly costs: readonly BaseCost[]
  /** Bytes of the solid stream; null where the chunks are as good. */
  readonly solidBytes: number | null
  blocks(): AsyncIterable<Bytes>
}

export interface PatchPackOptions {
  /** The new tree: its folder, and what `packTree` made of it. */
  readonly to: { readonly folder: string; readonly pack: Pack; readonly platform: string }
  /** Earlier trees, newest first. */
  readonly bases: readonly TreeAt[]
  /** A folder to prove patches in; it is made, and removed again. */
  readonly scratch: string
  readonly memoryBytes?: number
  readonly onStep?: (step: PackStep) => void
  /** As each base is done, also where no patch core comes of it. */
  readonly onCost?: (cost: BaseCost) => void
}

/** What is being made: the patch from the base of that index, or the solid stream. */
export interface PackStep {
  readonly what: 'patch' | 'solid'
  readonly index: number
  /** Windows done, and how many there are. */
  readonly done: number
  readonly of: number
}

/** A patch is carried if it is smaller than this share of what chunks cost, in per cent. */
const patchPays = 80
/** The solid stream is carried if it is smaller than this share of the tree core, in per cent. */
const solidPays = 90
/** Larger trees are not worth hours of brotli: quality 11 makes about 1 MB per second. */
const solidBytesMax = 512 * MIB

/**
 * Patches from earlier trees and from nothing, each proved by making the tree with it, in a static
 * core: index, then the routes in blocks of 256 KiB. Null if nothing pays: then the release has no
 * patch core, and the chunks serve everybody.
 */
export async function packPatches(
  disk: Disk,
  options: PatchPackOptions
): Promise<PatchPack | null> {
  const { pack, folder } = options.to
  const to: TreeAt = { folder, manifest: pack.manifest }
  const found: { item: Unplaced; bytes: Bytes | null }[] = []
  const costs: BaseCost[] = []
  for (const [index, base] of options.bases.slice(0, basesMax).entries()) {
    const digest = treeDigest(encodeManifest(base.manifest))
    const chunkBytes = await lackingBytes(disk, options, base)
    const made = await makePatch(disk, base, to, limits(options, 'patch', index))
    const patch = await proved(disk, options, base, made)
    const madeBytes = patch?.bytes.byteLength ?? null
    const pays = patch !== null && 100 * patch.bytes.byteLength < patchPays * chunkBytes
    const cost = { treeDigest: digest, patchBytes: pays ? madeBytes : null, madeBytes, chunkBytes }
    costs.push(cost)
    options.onCost?.(cost)
    if (pays)
      found.push({ item: { kind: 'patch', from: digest, chunkBytes, patch }, bytes: patch.bytes })
    else found.push({ item: { kind: 'base', from: digest, chunkBytes }, bytes: null })
  }
  const solid = await solidOf(disk, options, to)
  if (solid !== null) found.push({ item: { kind: 'solid', patch: solid }, bytes: solid.bytes })
  if (!found.some(({ bytes }) => bytes !== null)) return null
  const blocks = blocksOfCore(found)
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  return {
    core: hasher.core(),
    costs,
    solidBytes: solid?.bytes.byteLength ?? null,
    blocks: () => streamed(blocks)
  }
}

type Unplaced =
  | { kind: 'patch'; from: Bytes; chunkBytes: number; patch: Patch }
  | { kind: 'solid'; patch: Patch }
  | { kind: 'base'; from: Bytes; chunkBytes: number }

function limits(
  { memoryBytes, onStep }: PatchPackOptions,
  what: PackStep['what'],
  index: number
): MakeOptions {
  const onWindow = (done: number, of: number): void => onStep?.({ what, index, done, of })
  return memoryBytes === undefined ? { onWindow } : { memoryBytes, onWindow }
}

/** A patch goes out only if the tree comes out of it; a maker's fault costs a patch, no release. */
async function proved(
  disk: Disk,
  { to, scratch }: PatchPackOptions,
  from: TreeAt | null,
  patch: Patch | null
): Promise<Patch | null> {
  if (patch === null) return null
  const { bytes } = patch
  const digest = from === null ? null : treeDigest(encodeManifest(from.manifest))
  try {
    await unpackPatch(disk, {
      artifact: artifactOf(to.pack, to.platform),
      patch: {
        size: bytes.byteLength,
        read: async (offset, size) => await Promise.resolve(bytes.subarray(offset, offset + size))
      },
      from: from === null || digest === null ? null : { folder: from.folder, treeDigest: digest },
      into: scratch
    })
    return patch
  } catch (error) {
    // it did not round-trip: chunks serve this base
    if (isOtaError(error, 'PATCH_FAILED') || isOtaError(error, 'HASH_MISMATCH')) return null
    throw error
  } finally {
    await disk.remove(scratch)
  }
}

async function solidOf(disk: Disk, options: PatchPackOptions, to: TreeAt): Promise<Patch | null> {
  const { pack } = options.to
  if (pack.bytes > solidBytesMax) return null
  const solid = await makePatch(disk, null, to, limits(options, 'solid', 0))
  if (solid === null || 100 * solid.bytes.byteLength > solidPays * pack.core.bytes) return null
  return await proved(disk, options, null, solid)
}

async function readNothing(): Promise<Bytes> {
  throw new OtaError('INTERNAL', 'a cost is counted without reading a block')
}

/** Bytes of the tree core's blocks that a holder of `base` must fetch, head included. */
export async function lackingBytes(
  disk: Disk,
  { to }: Pick<PatchPackOptions, 'to'>,
  base: TreeAt
): Promise<number> {
  const { pack, platform } = to
  const artifact = artifactOf(pack, platform)
  const head = await decodeHead(pack.head, artifact)
  const local = await LocalTrees.open(disk, [base.folder])
  const missing = head.sequence.contents.filter(({ hash }) => local.content(hash) === null)
  if (missing.length > 0) await local.cut()
  const reader = new ContentReader({ artifact, head, local, readBlock: readNothing })
  const blocks = reader.blocksFor(missing)
  return blocks.reduce((sum, index) => sum + (pack.blockSizes[index] ?? 0), pack.head.byteLength)
}

function artifactOf(pack: Pack, platform: string): Artifact {
  const { treeDigest: digest, entries, bytes, core } = pack
  return { component: '', platform, treeDigest: digest, entries, bytes, tree: core, patch: null }
}

/** Index and routes, cut into blocks; each route begins a new one. */
function blocksOfCore(
  found: readonly { readonly item: Unplaced; readonly bytes: Bytes | null }[]
): readonly Bytes[] {
  let next = 1
  const items = found.map(({ item }): IndexItem => {
    if (item.kind === 'base') return item
    const { bytes, lgwin } = item.patch
    const place = { startBlock: next, bytes: bytes.byteLength, lgwin }
    next += blocksOf(bytes.byteLength)
    if (item.kind === 'solid') return { kind: 'solid', place }
    return { kind: 'patch', from: item.from, chunkBytes: item.chunkBytes, place }
  })
  const blocks: Bytes[] = [encodeIndex(items)]
  for (const { bytes } of found) {
    if (bytes === null) continue
    for (let at = 0; at < bytes.byteLength; at += routeBlockBytes) {
      blocks.push(bytes.subarray(at, at + routeBlockBytes))
    }
  }
  return blocks
}

async function* streamed(blocks: readonly Bytes[]): AsyncGenerator<Bytes> {
  yield* await Promise.resolve(blocks)
}
