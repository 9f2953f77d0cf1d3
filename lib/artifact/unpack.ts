import { concat, equal, MIB, OtaError, toHex } from '../base/index.ts'
import type { Bytes, Disk } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { Hasher } from '../trust/index.ts'
import { checkHash, ContentReader } from './content.ts'
import { readHead, type Head } from './head.ts'
import { LocalTrees } from './local.ts'
import { foldersOf } from './paths.ts'
import { readExactly, type Content } from './sequence.ts'
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

/** Bytes of a file held before they are written. */
const pieceBytes = 8 * MIB
const linkedMode = { false: 0o444, true: 0o555 } as const

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
  await checkRoom(disk, options)
  options.signal?.throwIfAborted()
  const local = await LocalTrees.open(disk, options.reuse)
  try {
    await disk.makeFolder(options.into, 0o700)
    await new Unpacking(disk, options, head, local).run()
    await seal(disk, options.into, head)
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

async function checkRoom(disk: Disk, options: UnpackOptions): Promise<void> {
  if ((await disk.list(options.into)).length > 0) {
    throw new OtaError('USAGE', `"${options.into}" is not empty`, {
      hint: 'name a folder that does not exist yet'
    })
  }
  const slash = options.into.lastIndexOf('/')
  const parent = slash === -1 ? '.' : options.into.slice(0, Math.max(1, slash))
  await disk.makeFolder(parent)
  const free = await disk.freeBytes(parent)
  if (options.artifact.bytes * 2 > free) {
    const facts = { have: free, need: options.artifact.bytes * 2 }
    throw new OtaError('NO_SPACE', `the tree needs half of ${facts.need} free bytes`, { facts })
  }
}

class Unpacking {
  readonly #disk: Disk
  readonly #into: string
  readonly #options: UnpackOptions
  readonly #head: Head
  readonly #local: LocalTrees
  readonly #contents: ContentReader
  /** Where each distinct content lies in `into` already, by hash. */
  readonly #placed = new Map<string, string>()

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
    for (const folder of allFolders(this.#head.manifest.entries)) {
      await this.#disk.makeFolder(`${this.#into}/${folder}`, 0o700)
    }
    const contents = new Map(this.#head.sequence.contents.map((one) => [toHex(one.hash), one]))
    for (const entry of this.#head.manifest.entries) {
      this.#options.signal?.throwIfAborted()
      if (entry.tag === 'file') await this.#place(entry, contents.get(toHex(entry.hash)) ?? null)
    }
    // Links come last, so that no file is ever written through one (S33).
    for (const entry of this.#head.manifest.entries) {
      if (entry.tag !== 'link') continue
      await this.#disk.makeLink(`${this.#into}/${entry.path}`, entry.target)
    }
    await verifyTree(this.#disk, this.#into, this.#options.artifact, this.#head.manifest)
  }

  async #plan(): Promise<void> {
    const missing = this.#head.sequence.contents.filter(
      (content) => this.#local.content(content.hash) === null
    )
    if (missing.length > 0) await this.#local.cut()
    await this.#options.onNeed?.(this.#contents.blocksFor(missing))
  }

  async #place(entry: Extract<TreeEntry, { tag: 'file' }>, content: Content | null): Promise<void> {
    const at = `${this.#into}/${entry.path}`
    const mode = linkedMode[`${entry.exec}`]
    const key = toHex(entry.hash)
    const from = this.#placed.get(key) ?? this.#local.content(entry.hash)?.path ?? null
    if (content === null) await this.#disk.create(at, new Uint8Array(0), mode)
    else if (from === null || !(await this.#copy(at, from, content, mode))) {
      await this.#write(at, content, mode)
    }
    this.#placed.set(key, at)
  }

  /**
   * Copies a local file and hashes the copy; false, and nothing there, if it is not the content.
   */
  async #copy(at: string, from: string, content: Content, mode: number): Promise<boolean> {
    await this.#disk.clone(at, from, mode)
    const stat = await this.#disk.stat(at)
    if (stat?.size === content.size) {
      const hasher = new Hasher()
      for (let read = 0; read < content.size; read += pieceBytes) {
        const size = Math.min(pieceBytes, content.size - read)
        hasher.update(await readExactly(this.#disk, at, read, size))
      }
      if (equal(hasher.final(), content.hash)) return true
    }
    await this.#disk.remove(at)
    return false
  }

  /** From chunks; a wrong hash may come from a local chunk, so the core alone gets a second try. */
  async #write(at: string, content: Content, mode: number): Promise<void> {
    if (equal(await this.#stream(at, content, mode, false), content.hash)) return
    await this.#disk.remove(at)
    checkHash(content, await this.#stream(at, content, mode, true))
  }

  async #stream(at: string, content: Content, mode: number, coreOnly: boolean): Promise<Bytes> {
    const hasher = new Hasher()
    const whole = content.size <= pieceBytes
    let parts: Bytes[] = []
    let held = 0
    let isNew = true
    const flush = async (): Promise<void> => {
      if (isNew) await this.#disk.create(at, concat(parts), whole ? mode : 0o600)
      else await this.#disk.append(at, concat(parts))
      isNew = false
      parts = []
      held = 0
    }
    for await (const part of this.#contents.read(content, coreOnly)) {
      hasher.update(part)
      parts.push(part)
      held += part.byteLength
      if (held >= pieceBytes && !whole) await flush()
    }
    if (held > 0) await flush()
    if (!whole) await this.#disk.chmod(at, mode)
    return hasher.final()
  }
}

/** Every folder of a tree, outer ones first. */
function allFolders(entries: readonly TreeEntry[]): string[] {
  const folders = new Set<string>()
  for (const entry of entries) {
    for (const folder of foldersOf(entry.path)) folders.add(folder)
    if (entry.tag === 'folder') folders.add(entry.path)
  }
  return [...folders]
}

/**
 * Syncs every folder and takes its write bit, inner ones first; the top one is left to its owner.
 */
async function seal(disk: Disk, into: string, head: Head): Promise<void> {
  for (const folder of allFolders(head.manifest.entries).toReversed()) {
    await disk.syncFolder(`${into}/${folder}`)
    await disk.chmod(`${into}/${folder}`, 0o555)
  }
  await disk.syncFolder(into)
}
