import { concat, equal, OtaError, toHex } from '../base/index.ts'
import type { Bytes, Disk } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { hash, Hasher } from '../trust/index.ts'
import { checkHash, ContentReader } from './content.ts'
import { readHead, type Head } from './head.ts'
import { Lanes } from './lanes.ts'
import { LocalTrees } from './local.ts'
import type { Content } from './sequence.ts'
import {
  copyVerified,
  makeFolders,
  makeLinks,
  modeOf,
  openStage,
  pieceBytes,
  sealStage
} from './stage.ts'
import type { TreeEntry } from './manifest.ts'
import { verifyTree } from './verify.ts'

export interface UnpackOptions {
  readonly artifact: Artifact
  /** A block of the tree core; only indices below the signed length are asked for. */
  readonly readBlock: (index: number) => Promise<Bytes>
  /** Must not exist or be empty; on the same disk as the version folders. */
  readonly into: string
  /** Folders of local trees; what they hold is copied, after it was hashed in this run. */
  readonly reuse: readonly string[]
  /** Told once which blocks will be read beside the head, before the first of them is. */
  readonly onNeed?: (blocks: readonly number[]) => Promise<void> | void
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes the signed tree in `into`: head first, all rules before the first write, each file by its
 * hash, then the whole folder read again from disk and its digest compared. Files end as 0444 or
 * 0555 and synced, folders as 0555, but for the top one, which its owner still has to rename. On
 * any error `into` is removed again; nothing in it was executable in place before.
 *
 * Errors as of `readHead` and `verifyTree`, `NO_SPACE` if the tree is more than half of the free
 * disk, `USAGE` if `into` has something in it, and whatever `readBlock` throws.
 */
export async function unpackTree(disk: Disk, options: UnpackOptions): Promise<Head> {
  const head = await readHead(options.artifact, (index) => boundedRead(options, index))
  await openStage(disk, options.into, options.artifact)
  options.signal?.throwIfAborted()
  const local = await LocalTrees.open(disk, options.reuse)
  try {
    await makeFolders(disk, options.into, head.manifest.entries)
    await new Unpacking(disk, options, head, local).run()
    await sealStage(disk, options.into, head.manifest.entries)
  } catch (error) {
    await disk.remove(options.into)
    throw error
  }
  return head
}

/** Our own invariant, held at the last door before the network. */
async function boundedRead(options: UnpackOptions, index: number): Promise<Bytes> {
  const { tree } = options.artifact
  if (index >= tree.blocks) {
    const text = `block ${index} is not one of the ${tree.blocks} that are signed`
    throw new OtaError('LENGTH_EXCEEDED', text, { facts: { index, blocks: tree.blocks } })
  }
  options.signal?.throwIfAborted()
  const block = await options.readBlock(index)
  if (block.byteLength > tree.bytes) {
    const facts = { index, have: block.byteLength, need: tree.bytes }
    throw new OtaError('LENGTH_EXCEEDED', `block ${index} is longer than its whole core`, { facts })
  }
  return block
}

class Unpacking {
  readonly #disk: Disk
  readonly #into: string
  readonly #options: UnpackOptions
  readonly #head: Head
  readonly #local: LocalTrees
  readonly #contents: ContentReader
  readonly #lanes = new Lanes()
  /** Where each distinct content lies in `into`, by hash; `#unfinished`: or will in a moment. */
  readonly #placed = new Map<string, string>()
  readonly #unfinished = new Set<string>()

  constructor(disk: Disk, options: UnpackOptions, head: Head, local: LocalTrees) {
    this.#disk = disk
    this.#into = options.into
    this.#options = options
    this.#head = head
    this.#local = local
    const readBlock = (index: number): Promise<Bytes> => boundedRead(options, index)
    this.#contents = new ContentReader({ artifact: options.artifact, head, local, readBlock })
  }

  async run(): Promise<void> {
    await this.#plan()
    try {
      await this.#files()
    } finally {
      // whoever removes the folder after an error must not meet a file that comes late
      await this.#lanes.settle()
    }
    await makeLinks(this.#disk, this.#into, this.#head.manifest.entries)
    await verifyTree(this.#disk, this.#into, this.#options.artifact, this.#head.manifest)
  }

  async #plan(): Promise<void> {
    const missing = this.#head.sequence.contents.filter(
      (content) => this.#local.content(content.hash) === null
    )
    if (missing.length > 0) await this.#local.cut()
    await this.#options.onNeed?.(this.#contents.blocksFor(missing))
  }

  async #files(): Promise<void> {
    const contents = new Map(this.#head.sequence.contents.map((one) => [toHex(one.hash), one]))
    for (const entry of this.#head.manifest.entries) {
      this.#options.signal?.throwIfAborted()
      if (entry.tag === 'file') await this.#place(entry, contents.get(toHex(entry.hash)) ?? null)
    }
    await this.#lanes.end()
  }

  /** Chunks are read in order, one file after the other; files are written beside each other. */
  async #place(entry: Extract<TreeEntry, { tag: 'file' }>, content: Content | null): Promise<void> {
    const at = `${this.#into}/${entry.path}`
    const mode = modeOf(entry)
    if (content === null) {
      await this.#lanes.start(async () => await this.#disk.create(at, nothing, mode))
      return
    }
    const key = toHex(entry.hash)
    if (this.#unfinished.has(key)) await this.#lanes.end()
    const from = this.#placed.get(key) ?? this.#local.content(entry.hash)?.path ?? null
    this.#placed.set(key, at)
    if (from !== null) {
      await this.#start(key, async () => {
        if (await copyVerified(this.#disk, at, from, { ...content, mode })) return
        await this.#write(at, content, mode)
      })
    } else if (content.size <= pieceBytes) {
      const bytes = await this.#whole(content)
      await this.#start(key, async () => await this.#disk.create(at, bytes, mode))
    } else {
      await this.#write(at, content, mode)
    }
  }

  async #start(key: string, deed: () => Promise<void>): Promise<void> {
    this.#unfinished.add(key)
    await this.#lanes.start(async () => {
      await deed()
      this.#unfinished.delete(key)
    })
  }

  /** From chunks; a wrong hash may come from a local chunk, so the core alone gets a second try. */
  async #write(at: string, content: Content, mode: number): Promise<void> {
    if (content.size <= pieceBytes) {
      await this.#disk.create(at, await this.#whole(content), mode)
      return
    }
    if (!equal(await this.#stream(at, content, false), content.hash)) {
      await this.#disk.remove(at)
      checkHash(content, await this.#stream(at, content, true))
    }
    await this.#disk.chmod(at, mode)
  }

  /** A content that memory holds, checked before a byte of it is written. */
  async #whole(content: Content): Promise<Bytes> {
    const bytes = await this.#joined(content, false)
    if (equal(hash([bytes]), content.hash)) return bytes
    const other = await this.#joined(content, true)
    checkHash(content, hash([other]))
    return other
  }

  async #joined(content: Content, coreOnly: boolean): Promise<Bytes> {
    const parts: Bytes[] = []
    for await (const part of this.#contents.read(content, coreOnly)) parts.push(part)
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(parts)
  }

  /** Written as it comes; the hash of what came. */
  async #stream(at: string, content: Content, coreOnly: boolean): Promise<Bytes> {
    const hasher = new Hasher()
    let parts: Bytes[] = []
    let held = 0
    let isNew = true
    const flush = async (): Promise<void> => {
      if (isNew) await this.#disk.create(at, concat(parts), 0o600)
      else await this.#disk.append(at, concat(parts))
      isNew = false
      parts = []
      held = 0
    }
    for await (const part of this.#contents.read(content, coreOnly)) {
      hasher.update(part)
      parts.push(part)
      held += part.byteLength
      if (held >= pieceBytes) await flush()
    }
    if (held > 0) await flush()
    return hasher.final()
  }
}

const nothing = new Uint8Array(0)
