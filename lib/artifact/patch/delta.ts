import { compare, equal, fromText, toHex, type Bytes } from '../../base/index.ts'
import type { Manifest, TreeEntry } from '../manifest.ts'
import { Sink } from './sink.ts'

export const KEEP = 0
export const DROP = 1
export const EDIT = 2
export const PUT = 3

export type FileEntry = Extract<TreeEntry, { tag: 'file' }>

/** How one tree becomes another, without a single hash: the digest of the result proves it. */
export interface TreeDelta {
  readonly bytes: Bytes
  /** Contents of the new tree that the old one lacks, in order of introduction. */
  readonly targets: readonly FileEntry[]
  /** Contents of the old tree that the new one lacks, in order of first appearance. */
  readonly sources: readonly FileEntry[]
  /** By target: the source content of the same path, or null. */
  readonly partners: readonly (FileEntry | null)[]
}

/** The delta from `from` to `to`; an empty `from` gives only new entries (solid). */
export function encodeDelta(from: Manifest, to: Manifest): TreeDelta {
  return new DeltaWriter(from, to).write()
}

class DeltaWriter {
  readonly #from: readonly TreeEntry[]
  readonly #to: readonly TreeEntry[]
  readonly #out = new Sink()
  readonly #targets: FileEntry[] = []
  readonly #partners: (FileEntry | null)[] = []
  /** Contents of the old tree by hash: the first entry that has it. */
  readonly #known: ReadonlyMap<string, number>
  readonly #introduced = new Map<string, number>()
  readonly #used = new Set<string>()
  #run: { op: number; count: number } | null = null
  #lastPath: Bytes = new Uint8Array(0)

  constructor(from: Manifest, to: Manifest) {
    this.#from = from.entries
    this.#to = to.entries
    this.#known = firstOf(from.entries)
  }

  write(): TreeDelta {
    let [a, b] = [0, 0]
    while (a < this.#from.length || b < this.#to.length) {
      const old = this.#from[a] ?? null
      const now = this.#to[b] ?? null
      const order = orderOf(old, now)
      if (order < 0) this.#repeat(DROP)
      else if (order > 0) this.#put(now)
      else this.#both(old, now)
      if (order <= 0) a += 1
      if (order >= 0) b += 1
    }
    this.#flush()
    return {
      bytes: this.#out.done(),
      targets: this.#targets,
      sources: this.#sources(),
      partners: this.#partners
    }
  }

  /** One path in both trees. */
  #both(old: TreeEntry | null, now: TreeEntry | null): void {
    if (old === null || now === null) return
    if (isSame(old, now)) {
      if (now.tag === 'file') this.#used.add(toHex(now.hash))
      this.#repeat(KEEP)
      this.#lastPath = fromText(now.path)
      return
    }
    const isEdit =
      old.tag === 'file' && now.tag === 'file' && old.exec === now.exec && this.#isNew(now)
    if (!isEdit) {
      this.#repeat(DROP)
      this.#put(now)
      return
    }
    this.#flush()
    this.#out.varint(EDIT)
    this.#out.zigzag(now.size - old.size)
    this.#introduce(now, old)
    this.#lastPath = fromText(now.path)
  }

  #put(entry: TreeEntry | null): void {
    if (entry === null) return
    this.#flush()
    const path = fromText(entry.path)
    const shared = sharedBytes(this.#lastPath, path)
    this.#out.varint(PUT)
    this.#out.u8(typeOf(entry))
    this.#out.varint(shared)
    this.#sized(path.subarray(shared))
    this.#lastPath = path
    if (entry.tag === 'link') this.#sized(fromText(entry.target))
    if (entry.tag === 'file') this.#reference(entry)
  }

  #reference(entry: FileEntry): void {
    const hex = toHex(entry.hash)
    const target = this.#introduced.get(hex)
    const held = this.#known.get(hex)
    if (target !== undefined) this.#out.varint(1 + 2 * target)
    else if (held !== undefined) {
      this.#used.add(hex)
      this.#out.varint(2 + 2 * held)
    } else {
      this.#out.varint(0)
      this.#out.varint(entry.size)
      this.#introduce(entry, null)
    }
  }

  #introduce(entry: FileEntry, old: FileEntry | null): void {
    this.#introduced.set(toHex(entry.hash), this.#targets.length)
    this.#targets.push(entry)
    this.#partners.push(old)
  }

  #isNew({ hash }: FileEntry): boolean {
    const hex = toHex(hash)
    return !this.#introduced.has(hex) && !this.#known.has(hex)
  }

  #sized(bytes: Bytes): void {
    this.#out.varint(bytes.byteLength)
    this.#out.bytes(bytes)
  }

  #repeat(op: number): void {
    if (this.#run?.op === op) this.#run.count += 1
    else {
      this.#flush()
      this.#run = { op, count: 1 }
    }
  }

  #flush(): void {
    if (this.#run !== null) this.#out.varint(this.#run.count * 4 + this.#run.op)
    this.#run = null
  }

  #sources(): readonly FileEntry[] {
    return sourcesOf(this.#from, this.#used)
  }
}

/** Contents of a tree, each once, that are not `used` by the new one; both sides compute it. */
export function sourcesOf(
  entries: readonly TreeEntry[],
  used: ReadonlySet<string>
): readonly FileEntry[] {
  const seen = new Set<string>()
  return entries.filter((entry): entry is FileEntry => {
    if (entry.tag !== 'file' || entry.size === 0) return false
    const hex = toHex(entry.hash)
    if (used.has(hex) || seen.has(hex)) return false
    seen.add(hex)
    return true
  })
}

function firstOf(entries: readonly TreeEntry[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>()
  for (const [index, entry] of entries.entries()) {
    if (entry.tag !== 'file') continue
    const hex = toHex(entry.hash)
    if (!first.has(hex)) first.set(hex, index)
  }
  return first
}

/** Below 0: the old entry stands alone; above: the new one; 0: one path. */
function orderOf(old: TreeEntry | null, now: TreeEntry | null): number {
  if (old === null) return 1
  if (now === null) return -1
  return compare(fromText(old.path), fromText(now.path))
}

function isSame(a: TreeEntry, b: TreeEntry): boolean {
  if (a.tag === 'file' && b.tag === 'file') return a.exec === b.exec && equal(a.hash, b.hash)
  if (a.tag === 'link' && b.tag === 'link') return a.target === b.target
  return a.tag === 'folder' && b.tag === 'folder'
}

function typeOf(entry: TreeEntry): number {
  if (entry.tag === 'file') return entry.exec ? 1 : 0
  return entry.tag === 'link' ? 2 : 3
}

function sharedBytes(a: Bytes, b: Bytes): number {
  const most = Math.min(a.byteLength, b.byteLength)
  let shared = 0
  while (shared < most && a[shared] === b[shared]) shared += 1
  return shared
}
