import {
  compare,
  copy,
  equal,
  fileBytesMax,
  fromText,
  manifestBytesMax,
  OtaError,
  pathBytesMax,
  treeEntriesMax,
  type Bytes
} from '../base/index.ts'
import { hash } from '../trust/index.ts'
import { checkLinks } from './links.ts'
import { badPath, checkPath, fold, foldersOf, pathFromBytes } from './paths.ts'
import { ByteReader, ByteWriter } from './varint.ts'

export type TreeEntry =
  | {
      readonly tag: 'file'
      readonly path: string
      /** The owner-exec bit, all that survives of a mode. */
      readonly exec: boolean
      readonly size: number
      /** BLAKE2b-256 of the content. */
      readonly hash: Bytes
    }
  | { readonly tag: 'link'; readonly path: string; readonly target: string }
  | { readonly tag: 'folder'; readonly path: string }

/** The entries of a tree in byte order of the whole path; only empty folders are listed. */
export interface Manifest {
  readonly entries: readonly TreeEntry[]
}

const magic = fromText('OTAM')
const version = 1
const hashAlg = 1
const digestKey = fromText('upswell/tree-digest/v1')

/** The identity of a tree: keyed BLAKE2b-256 over its manifest bytes. No network id is inside. */
export function treeDigest(manifestBytes: Bytes): Bytes {
  return hash([manifestBytes], digestKey)
}

/** Sum of all file sizes; what a release signs as `bytes`. */
export function bytesOf(manifest: Manifest): number {
  let sum = 0
  for (const entry of manifest.entries) if (entry.tag === 'file') sum += entry.size
  return sum
}

/**
 * The only bytes of this tree. Sorts the entries; throws `BAD_TREE` for a tree against the rules of
 * paths and links. `platform` is `platform-arch`, for the names that Windows refuses.
 */
export function encodeManifest(manifest: Manifest, platform = ''): Bytes {
  const entries = manifest.entries
    .map((entry) => ({ entry, path: fromText(entry.path) }))
    .toSorted((a, b) => compare(a.path, b.path))
  checkTree(
    entries.map(({ entry }) => entry),
    platform
  )
  const out = new ByteWriter().bytes(magic).u8(version).u8(hashAlg).varint(entries.length)
  for (const { entry, path } of entries) {
    if (entry.tag === 'file') {
      out
        .u8(entry.exec ? 1 : 0)
        .sized(path)
        .varint(entry.size)
        .bytes(entry.hash)
    } else if (entry.tag === 'link') {
      out.u8(2).sized(path).sized(fromText(entry.target))
    } else {
      out.u8(3).sized(path)
    }
  }
  const bytes = out.join()
  if (bytes.byteLength > manifestBytesMax) {
    throw new OtaError('BAD_TREE', `the manifest has more than ${manifestBytesMax} bytes`)
  }
  return bytes
}

/**
 * Reads a manifest strictly: accepted bytes encode to themselves. `UNSUPPORTED` for another version
 * or hash, `BAD_TREE` for everything else that is wrong (S33).
 */
export function decodeManifest(bytes: Bytes, platform = ''): Manifest {
  const reader = new ByteReader(bytes, 'the manifest')
  if (bytes.byteLength > manifestBytesMax) throw reader.broken('is too long')
  if (!equal(reader.bytes(4), magic)) throw reader.broken('does not begin with "OTAM"')
  const [foundVersion, foundAlg] = [reader.u8(), reader.u8()]
  if (foundVersion !== version || foundAlg !== hashAlg) {
    const text = `the manifest has version ${foundVersion} and hash ${foundAlg}, known are 1 and 1`
    throw new OtaError('UNSUPPORTED', text)
  }
  const count = reader.varint(treeEntriesMax)
  const entries: TreeEntry[] = []
  let previous: Bytes | null = null
  for (let i = 0; i < count; i += 1) {
    const type = reader.u8()
    const path = reader.bytes(reader.varint(pathBytesMax))
    if (previous !== null && compare(previous, path) >= 0) {
      throw badPath(pathFromBytes(path), 'is listed twice or out of order')
    }
    previous = path
    entries.push(decodeBody(reader, type, pathFromBytes(path)))
  }
  reader.end()
  checkTree(entries, platform)
  return { entries }
}

function decodeBody(reader: ByteReader, type: number, path: string): TreeEntry {
  switch (type) {
    case 0:
    case 1: {
      const size = reader.varint(fileBytesMax)
      return { tag: 'file', path, exec: type === 1, size, hash: copy(reader.bytes(32)) }
    }
    case 2:
      return { tag: 'link', path, target: pathFromBytes(reader.bytes(reader.varint(pathBytesMax))) }
    case 3:
      return { tag: 'folder', path }
    default:
      throw badPath(path, `has the unknown type ${type}`)
  }
}

/** Paths, twins, parents and links; the entries are in order and without duplicates. */
function checkTree(entries: readonly TreeEntry[], platform: string): void {
  if (entries.length === 0) throw new OtaError('BAD_TREE', 'the tree is empty')
  if (entries.length > treeEntriesMax) {
    const facts = { have: entries.length, max: treeEntriesMax }
    throw new OtaError('BAD_TREE', `the tree has more than ${treeEntriesMax} entries`, { facts })
  }
  const names = new Map<string, 'file' | 'link' | 'folder'>()
  const folded = new Map<string, string>()
  const links = new Map<string, string>()
  const impliedFolders = new Set<string>()
  for (const entry of entries) {
    checkPath(entry.path, platform)
    for (const folder of foldersOf(entry.path)) implied(folder)
    claim(entry.path)
    names.set(entry.path, entry.tag)
    if (entry.tag === 'link') links.set(entry.path, entry.target)
    if (entry.tag === 'file' && !(entry.size >= 0 && entry.size <= fileBytesMax)) {
      throw badPath(entry.path, `is larger than ${fileBytesMax} bytes`)
    }
  }
  // A listed folder is an empty one: as entries ascend, its children come after it and meet it.
  checkLinks(links, names)

  /** Takes the path, or refuses its twin: the same name, or one that some file system folds. */
  function claim(path: string): void {
    const key = fold(path)
    const twin = folded.get(key)
    if (twin !== undefined) throw badPath(path, `and ${JSON.stringify(twin)} are twins`)
    folded.set(key, path)
  }

  function implied(folder: string): void {
    const known = names.get(folder)
    if (known === undefined) {
      claim(folder)
      names.set(folder, 'folder')
      impliedFolders.add(folder)
    } else if (!impliedFolders.has(folder)) {
      throw badPath(folder, 'is an entry and has entries below it')
    }
  }
}
