import { equal, fileBytesMax, OtaError, toHex, type Bytes, type Disk } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { Hasher } from '../trust/index.ts'
import { Lanes } from './lanes.ts'
import { decodeManifest, encodeManifest, treeDigest, type Manifest } from './manifest.ts'
import { applyWindow, isFor } from './patch/apply.ts'
import { complete, decodeDelta, type NewTree } from './patch/delta-read.ts'
import type { Desc } from './patch/desc.ts'
import type { FileEntry } from './patch/delta.ts'
import { Joined } from './patch/joined.ts'
import { decodePrefix, payloadSize, prefixBytesMax, type PatchPrefix } from './patch/file.ts'
import { badPatch } from './patch/sink.ts'
import { unpackStream } from './patch/stream-coder.ts'
import { scanTree } from './scan.ts'
import { makeFolders, makeLinks, modeOf, openStage, pieceBytes, sealStage } from './stage.ts'
import { verifyTree } from './verify.ts'

/** Bytes of a patch, wherever they come from; `size` is declared by the index of its core. */
export interface PatchBytes {
  readonly size: number
  read(offset: number, size: number): Promise<Bytes>
}

export interface PatchOptions {
  readonly artifact: Artifact
  readonly patch: PatchBytes
  /** The tree it starts from, which is hashed first; null: from nothing (solid). */
  readonly from: { readonly folder: string; readonly treeDigest: Bytes } | null
  /** Must not exist or be empty; on the same disk as the version folders. */
  readonly into: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes the signed tree in `into` from a verified older one and a patch. The manifest is derived,
 * not fetched: only when every content is made does it have its hashes, and then its digest must be
 * the signed one. Memory is bounded by two windows, whatever the tree. On any error `into` is
 * removed again.
 *
 * `PATCH_FAILED`, `BAD_TREE`, `HASH_MISMATCH`: the patch, or the base, is not what it should be;
 * another way is to be taken (S34). `NO_SPACE` and `USAGE` as of `unpackTree`.
 */
export async function unpackPatch(disk: Disk, options: PatchOptions): Promise<Manifest> {
  const { artifact, into, from } = options
  const base = await baseOf(disk, from)
  const head = await options.patch.read(0, Math.min(prefixBytesMax, options.patch.size))
  const prefix = decodePrefix(head)
  if (!isFor(prefix.from, from?.treeDigest ?? null) || !isFor(prefix.to, artifact.treeDigest)) {
    throw badPatch('is for another pair of trees')
  }
  if (prefix.size + payloadSize(prefix) !== options.patch.size) {
    throw badPatch('has another length than declared')
  }
  const delta = await streamAt(options.patch, prefix.size, prefix.delta)
  const tree = decodeDelta(delta, base)
  checkTotals(tree, prefix, artifact)
  await openStage(disk, into, artifact)
  options.signal?.throwIfAborted()
  try {
    const patching = new Patching(disk, options, { base, prefix, tree })
    const manifest = await patching.run()
    await sealStage(disk, into, manifest.entries)
    return manifest
  } catch (error) {
    await disk.remove(into)
    throw error
  }
}

/** Every file of the base is hashed in this run: a damaged one would spoil the result. */
async function baseOf(disk: Disk, from: PatchOptions['from']): Promise<Manifest> {
  if (from === null) return { entries: [] }
  const bytes = encodeManifest(await scanTree(disk, from.folder))
  if (equal(treeDigest(bytes), from.treeDigest)) return decodeManifest(bytes)
  throw new OtaError('HASH_MISMATCH', `"${from.folder}" is not the tree that the patch starts from`)
}

/** Before the first write: everything that the release signed of sizes and counts (S33). */
function checkTotals(
  { entries, sizes, sources }: NewTree,
  prefix: PatchPrefix,
  artifact: Artifact
) {
  const target = sizes.reduce((sum, size) => sum + size, 0)
  const source = sources.reduce((sum, { size }) => sum + size, 0)
  if (target !== prefix.targetSize || source !== prefix.sourceSize) {
    throw badPatch('declares other sums than its tree delta')
  }
  const total = entries.reduce((sum, one) => sum + sizeOf(one, sizes), 0)
  if (entries.length === artifact.entries && total === artifact.bytes) return
  throw badPatch('makes another number of files or bytes than signed')
}

function sizeOf(one: NewTree['entries'][number], sizes: readonly number[]): number {
  if (one.tag === 'target') return sizes[one.target] ?? fileBytesMax
  return one.entry.tag === 'file' ? one.entry.size : 0
}

async function streamAt(patch: PatchBytes, offset: number, desc: Desc): Promise<Bytes> {
  return await unpackStream(await patch.read(offset, desc.packedSize), desc)
}

interface Parts {
  readonly base: Manifest
  readonly prefix: PatchPrefix
  readonly tree: NewTree
}

/** A target content while it is made: what was made is written from time to time. */
interface Making {
  readonly at: string
  readonly mode: number
  left: number
  readonly hasher: Hasher
  /** What is not written yet, and how much of it there is. */
  held: Uint8Array
  size: number
  isNew: boolean
}

class Patching {
  readonly #disk: Disk
  readonly #options: PatchOptions
  readonly #parts: Parts
  readonly #source: Joined
  readonly #hashes: Bytes[] = []
  /** By target: the first entry that has it, which is where it is written. */
  readonly #places: readonly TargetEntry[]
  readonly #written = new Set<string>()
  readonly #lanes = new Lanes()
  #making: Making | null = null

  constructor(disk: Disk, options: PatchOptions, parts: Parts) {
    this.#disk = disk
    this.#options = options
    this.#parts = parts
    this.#source = new Joined(disk, options.from?.folder ?? '', parts.tree.sources)
    this.#places = placesOf(parts.tree)
  }

  async run(): Promise<Manifest> {
    const { tree, prefix } = this.#parts
    const drafts = tree.entries.map((one) =>
      one.tag === 'known'
        ? one.entry
        : { tag: 'file' as const, path: one.path, exec: one.exec, size: 0, hash: noHash }
    )
    // rules of paths and links come before the first write; hashes follow when they are known
    const checked = decodeManifest(
      encodeManifest({ entries: drafts }, this.#platform),
      this.#platform
    )
    await makeFolders(this.#disk, this.#options.into, checked.entries)
    let manifest: Manifest
    try {
      manifest = await this.#files(prefix)
    } finally {
      // whoever removes the folder after an error must not meet a file that comes late
      await this.#lanes.settle()
    }
    await makeLinks(this.#disk, this.#options.into, manifest.entries)
    await verifyTree(this.#disk, this.#options.into, this.#options.artifact, manifest)
    return manifest
  }

  async #files(prefix: PatchPrefix): Promise<Manifest> {
    let offset = prefix.size + prefix.delta.packedSize
    for (const window of prefix.windows) offset = await this.#window(window, offset)
    await this.#skipEmpty()
    const manifest = complete(this.#parts.tree, this.#hashes)
    const digest = treeDigest(encodeManifest(manifest, this.#platform))
    if (!equal(digest, this.#options.artifact.treeDigest)) {
      throw new OtaError('PATCH_FAILED', 'the patch makes another tree than the signed one')
    }
    // contents that come more than once are copied from where they are written
    await this.#lanes.end()
    await this.#copies(manifest)
    await this.#lanes.end()
    return manifest
  }

  get #platform(): string {
    return this.#options.artifact.platform
  }

  async #window(window: PatchPrefix['windows'][number], from: number): Promise<number> {
    const { patch, signal } = this.#options
    let offset = from
    const next = async (desc: Desc): Promise<Bytes> => {
      const at = offset
      offset += desc.packedSize
      return await streamAt(patch, at, desc)
    }
    const streams = {
      targetSize: window.targetSize,
      sourceSize: window.source.end - window.source.start,
      control: await next(window.control),
      zeros: await next(window.zeros),
      differences: await next(window.differences),
      extra: await next(window.extra)
    }
    const read = async (at: number, size: number): Promise<Bytes> =>
      await this.#source.read(window.source.start + at, size)
    for await (const piece of applyWindow(streams, read)) {
      signal?.throwIfAborted()
      await this.#write(piece)
    }
    return offset
  }

  /** Pieces go to the contents in order, each written where it is first in the tree. */
  async #write(piece: Bytes): Promise<void> {
    for (let at = 0; at < piece.byteLength;) {
      const making = this.#making ?? (await this.#next())
      const room = making.held.byteLength - making.size
      const part = piece.subarray(at, at + Math.min(making.left, room))
      making.hasher.update(part)
      making.held.set(part, making.size)
      making.size += part.byteLength
      making.left -= part.byteLength
      at += part.byteLength
      if (making.left === 0) await this.#finish(making)
      else if (making.size === making.held.byteLength) await this.#flush(making)
    }
  }

  async #next(): Promise<Making> {
    await this.#skipEmpty()
    const index = this.#hashes.length
    const place = this.#places[index]
    const left = this.#parts.tree.sizes[index]
    if (place === undefined || left === undefined) throw badPatch('makes more than its tree has')
    const at = `${this.#options.into}/${place.path}`
    this.#written.add(at)
    const held = new Uint8Array(Math.min(left, pieceBytes))
    const hasher = new Hasher()
    this.#making = { at, mode: modeOf(place), left, hasher, held, size: 0, isNew: true }
    return this.#making
  }

  async #flush(making: Making): Promise<void> {
    const bytes = making.held.subarray(0, making.size)
    if (making.isNew) await this.#disk.create(making.at, bytes, 0o600)
    else await this.#disk.append(making.at, bytes)
    making.isNew = false
    making.size = 0
  }

  async #finish(making: Making): Promise<void> {
    const { at, mode, held } = making
    this.#hashes.push(making.hasher.final())
    this.#making = null
    if (making.isNew) {
      await this.#lanes.start(async () => await this.#disk.create(at, held, mode))
    } else {
      await this.#flush(making)
      await this.#disk.chmod(at, mode)
    }
  }

  /** Contents without a byte need no window. */
  async #skipEmpty(): Promise<void> {
    const { sizes } = this.#parts.tree
    for (let index = this.#hashes.length; sizes[index] === 0; index += 1) {
      const place = this.#places[index]
      if (place === undefined) throw badPatch('makes more than its tree has')
      const at = `${this.#options.into}/${place.path}`
      await this.#disk.create(at, new Uint8Array(0), modeOf(place))
      this.#written.add(at)
      this.#hashes.push(new Hasher().final())
    }
  }

  /** What the old tree has, and contents that are in the new one more than once. */
  async #copies(manifest: Manifest): Promise<void> {
    const folder = this.#options.from?.folder ?? ''
    const held = new Map<string, string>()
    for (const entry of this.#parts.base.entries) {
      if (entry.tag === 'file') held.set(toHex(entry.hash), `${folder}/${entry.path}`)
    }
    for (const [index, { path }] of this.#places.entries()) {
      held.set(toHex(this.#hashes[index] ?? noHash), `${this.#options.into}/${path}`)
    }
    for (const entry of manifest.entries) {
      if (entry.tag !== 'file') continue
      this.#options.signal?.throwIfAborted()
      await this.#lanes.start(async () => await this.#copy(entry, held))
    }
  }

  async #copy(entry: FileEntry, held: ReadonlyMap<string, string>): Promise<void> {
    const at = `${this.#options.into}/${entry.path}`
    const from = held.get(toHex(entry.hash))
    if (this.#written.has(at)) return
    if (entry.size === 0) {
      await this.#disk.create(at, new Uint8Array(0), modeOf(entry))
      return
    }
    if (from === undefined) throw badPatch('names a content that is nowhere')
    // hashed in this run before, and again when the whole tree is read from disk
    await this.#disk.clone(at, from, modeOf(entry))
  }
}

type TargetEntry = Extract<NewTree['entries'][number], { tag: 'target' }>

function placesOf({ entries, sizes }: NewTree): readonly TargetEntry[] {
  const places: TargetEntry[] = []
  for (const one of entries) if (one.tag === 'target') places[one.target] ??= one
  if (places.length !== sizes.length) throw badPatch('makes a content that no file has')
  return places
}

const noHash = new Uint8Array(32)
