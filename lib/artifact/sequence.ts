import { assert, chunkBytesMax, concat, equal, MIB, OtaError, toHex } from '../base/index.ts'
import type { Bytes, Disk } from '../base/index.ts'
import { hash, Hasher } from '../trust/index.ts'
import { closesGroup, cut, groupedBelow } from './chunk.ts'
import type { Manifest } from './manifest.ts'

/** One distinct, non-empty content at its place in the content sequence. */
export interface Content {
  /** Where it is first in the tree. */
  readonly path: string
  readonly size: number
  readonly hash: Bytes
  /** Offset in the sequence. */
  readonly start: number
}

/** All distinct contents of a tree, one after the other, in manifest order. */
export interface Sequence {
  readonly contents: readonly Content[]
  readonly size: number
}

export interface Piece {
  /** Offset in the sequence. */
  readonly start: number
  readonly raw: Bytes
}

const windowBytes = MIB

export function sequenceOf(manifest: Manifest): Sequence {
  const seen = new Set<string>()
  const contents: Content[] = []
  let size = 0
  for (const entry of manifest.entries) {
    if (entry.tag !== 'file' || entry.size === 0) continue
    const key = toHex(entry.hash)
    if (seen.has(key)) continue
    seen.add(key)
    contents.push({ path: entry.path, size: entry.size, hash: entry.hash, start: size })
    size += entry.size
  }
  return { contents, size }
}

/** `size` bytes of the sequence from `start`, read from the files in `folder`. */
export async function readSequence(
  disk: Disk,
  folder: string,
  sequence: Sequence,
  range: { readonly start: number; readonly size: number }
): Promise<Bytes> {
  const parts: Bytes[] = []
  const end = range.start + range.size
  let at = range.start
  for (let i = contentAt(sequence, at); at < end; i += 1) {
    const content = sequence.contents[i]
    assert(content !== undefined, 'a range lies inside its sequence')
    const size = Math.min(content.start + content.size, end) - at
    parts.push(await readExactly(disk, `${folder}/${content.path}`, at - content.start, size))
    at += size
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : concat(parts)
}

/** Index of the content that holds offset `at` (by halves; contents are in order). */
function contentAt(sequence: Sequence, at: number): number {
  let low = 0
  let high = sequence.contents.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((sequence.contents[middle]?.start ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * Cuts the files of a tree into the pieces of encoder 1. Holds at most a window in memory, and
 * hashes what it reads: `HASH_MISMATCH` for a file that is no longer what its manifest says.
 */
export async function* cutTree(
  disk: Disk,
  folder: string,
  sequence: Sequence
): AsyncGenerator<Piece> {
  let group: Bytes[] = []
  let groupSize = 0
  let groupStart = 0
  for (const content of sequence.contents) {
    const small = content.size < groupedBelow
    if (groupSize > 0 && !small) {
      yield { start: groupStart, raw: concat(group) }
      group = []
      groupSize = 0
    }
    if (!small) {
      yield* cutContent(disk, folder, content)
      continue
    }
    if (groupSize === 0) groupStart = content.start
    const bytes = await readExactly(disk, `${folder}/${content.path}`, 0, content.size)
    checkContent(content, hash([bytes]))
    group.push(bytes)
    groupSize += content.size
    if (closesGroup(groupSize, content.size, content.hash)) {
      yield { start: groupStart, raw: concat(group) }
      group = []
      groupSize = 0
    }
  }
  if (groupSize > 0) yield { start: groupStart, raw: concat(group) }
}

async function* cutContent(disk: Disk, folder: string, content: Content): AsyncGenerator<Piece> {
  let window: Bytes = new Uint8Array(0)
  let from = 0
  let read = 0
  const hasher = new Hasher()
  for (let done = 0; done < content.size;) {
    if (window.byteLength - from < chunkBytesMax && read < content.size) {
      const size = Math.min(windowBytes, content.size - read)
      const more = await readExactly(disk, `${folder}/${content.path}`, read, size)
      hasher.update(more)
      window = concat([window.subarray(from), more])
      from = 0
      read += size
    }
    const size = cut(window, from)
    yield { start: content.start + done, raw: window.subarray(from, from + size) }
    from += size
    done += size
  }
  checkContent(content, hasher.final())
}

function checkContent(content: Content, found: Bytes): void {
  if (equal(content.hash, found)) return
  const facts = { path: content.path }
  throw new OtaError('HASH_MISMATCH', `"${content.path}" changed while it was read`, { facts })
}

/** Reads a range that must be there; a file that became shorter is `HASH_MISMATCH`. */
export async function readExactly(
  disk: Disk,
  path: string,
  offset: number,
  size: number
): Promise<Bytes> {
  const bytes = await disk.readAt(path, offset, size)
  if (bytes.byteLength !== size) {
    const facts = { path, have: offset + bytes.byteLength, need: offset + size }
    throw new OtaError('HASH_MISMATCH', `"${path}" became shorter while it was read`, { facts })
  }
  return bytes
}
