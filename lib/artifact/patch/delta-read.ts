import {
  compare,
  concat,
  fileBytesMax,
  fromText,
  pathBytesMax,
  toHex,
  treeEntriesMax,
  type Bytes
} from '../../base/index.ts'
import type { Manifest, TreeEntry } from '../manifest.ts'
import { pathFromBytes } from '../paths.ts'
import { ByteReader } from '../varint.ts'
import { DROP, EDIT, KEEP, PUT, sourcesOf, type FileEntry } from './delta.ts'
import { badPatch, unzigzag } from './sink.ts'

/** An entry of the new tree; the hash of a target is not known before it is made. */
type NewEntry =
  | { readonly tag: 'known'; readonly entry: TreeEntry }
  | {
      readonly tag: 'target'
      readonly path: string
      readonly exec: boolean
      readonly target: number
    }

/** What a tree delta says of the new tree. */
export interface NewTree {
  readonly entries: readonly NewEntry[]
  /** Sizes of the contents that have to be made, in order. */
  readonly sizes: readonly number[]
  readonly sources: readonly FileEntry[]
}

/**
 * Reads a tree delta over the old tree strictly: all of it consumed, paths ascending, every
 * reference to what is there. Throws `PATCH_FAILED` or `BAD_TREE`; the paths themselves are judged
 * when the manifest is complete (S33, S34).
 */
export function decodeDelta(bytes: Bytes, from: Manifest): NewTree {
  return new DeltaReader(bytes, from).read()
}

/** The new manifest, once every target's hash is known. */
export function complete({ entries, sizes }: NewTree, hashes: readonly Bytes[]): Manifest {
  return {
    entries: entries.map((one): TreeEntry => {
      if (one.tag === 'known') return one.entry
      const hash = hashes[one.target]
      const size = sizes[one.target]
      if (hash === undefined || size === undefined) throw badPatch('lacks a content')
      return { tag: 'file', path: one.path, exec: one.exec, size, hash }
    })
  }
}

class DeltaReader {
  readonly #reader: ByteReader
  readonly #from: readonly TreeEntry[]
  readonly #entries: NewEntry[] = []
  readonly #sizes: number[] = []
  readonly #used = new Set<string>()
  #at = 0
  #lastPath: Bytes = new Uint8Array(0)

  constructor(bytes: Bytes, from: Manifest) {
    this.#reader = new ByteReader(bytes, 'the tree delta')
    this.#from = from.entries
  }

  read(): NewTree {
    let last: number | null = null
    while (this.#reader.left > 0) {
      const value = this.#reader.varint()
      const op = value % 4
      const count = Math.floor(value / 4)
      if ((op === KEEP || op === DROP) && (count < 1 || op === last))
        throw badPatch('repeats an op')
      if ((op === EDIT || op === PUT) && count !== 0) throw badPatch('has a count where none is')
      if (op === KEEP) this.#keep(count)
      else if (op === DROP) this.#skip(count)
      else if (op === EDIT) this.#edit()
      else this.#put()
      last = op
    }
    if (this.#at !== this.#from.length) throw badPatch('leaves entries of the old tree over')
    return {
      entries: this.#entries,
      sizes: this.#sizes,
      sources: sourcesOf(this.#from, this.#used)
    }
  }

  #keep(count: number): void {
    for (const entry of this.#take(count)) {
      if (entry.tag === 'file') this.#used.add(toHex(entry.hash))
      this.#emit(fromText(entry.path), { tag: 'known', entry })
    }
  }

  #skip(count: number): void {
    this.#take(count)
  }

  #take(count: number): readonly TreeEntry[] {
    if (count > this.#from.length - this.#at) throw badPatch('names more than the old tree has')
    const taken = this.#from.slice(this.#at, this.#at + count)
    this.#at += count
    return taken
  }

  #edit(): void {
    const [old] = this.#take(1)
    const size = (old?.tag === 'file' ? old.size : Number.NaN) + unzigzag(this.#reader.varint())
    if (old?.tag !== 'file') throw badPatch('edits what is no file')
    const { path, exec } = old
    this.#emit(fromText(path), {
      tag: 'target',
      path,
      exec,
      target: this.#target(size)
    })
  }

  #put(): void {
    const type = this.#reader.u8()
    const shared = this.#reader.varint(this.#lastPath.byteLength)
    const rest = this.#reader.bytes(this.#reader.varint(pathBytesMax))
    const bytes = concat([this.#lastPath.subarray(0, shared), rest])
    if (bytes.byteLength > pathBytesMax) throw badPatch('has a path that is too long')
    const path = pathFromBytes(bytes)
    if (type === 3) this.#emit(bytes, { tag: 'known', entry: { tag: 'folder', path } })
    else if (type === 2) {
      const target = pathFromBytes(this.#reader.bytes(this.#reader.varint(pathBytesMax)))
      this.#emit(bytes, { tag: 'known', entry: { tag: 'link', path, target } })
    } else if (type < 2) this.#emit(bytes, this.#file(path, type === 1))
    else throw badPatch(`has the unknown type ${type}`)
  }

  #file(path: string, exec: boolean): NewEntry {
    const reference = this.#reader.varint()
    if (reference === 0) {
      return { tag: 'target', path, exec, target: this.#target(this.#reader.varint()) }
    }
    const index = Math.floor((reference - 1) / 2)
    if (reference % 2 === 1) {
      if (index >= this.#sizes.length) throw badPatch('names a content before it is introduced')
      return { tag: 'target', path, exec, target: index }
    }
    const held = this.#from[index]
    if (held?.tag !== 'file') throw badPatch('copies what is no file')
    this.#used.add(toHex(held.hash))
    const { size, hash } = held
    return { tag: 'known', entry: { tag: 'file', path, exec, size, hash } }
  }

  #target(size: number): number {
    if (!(size >= 0 && size <= fileBytesMax)) throw badPatch('has a file of no possible size')
    this.#sizes.push(size)
    return this.#sizes.length - 1
  }

  #emit(path: Bytes, entry: NewEntry): void {
    if (this.#entries.length > 0 && compare(this.#lastPath, path) >= 0) {
      throw badPatch('lists paths out of order')
    }
    if (this.#entries.length >= treeEntriesMax) throw badPatch('has too many entries')
    this.#lastPath = path
    this.#entries.push(entry)
  }
}
