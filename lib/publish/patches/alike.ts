import { KIB, MIB, toHex, type Bytes, type Disk } from '../../base/index.ts'
import type { BaseCost, TreeAt, TreeEntry } from '../../artifact/index.ts'
import type { Lint } from '../lint.ts'

/** From this share of the chunks on, in per cent, a patch is of no use. */
const USELESS = 80
/** Updates that cost less are nobody's trouble. */
const TROUBLE_BYTES = 64 * KIB
const FILES_NAMED = 3
/** A file that shares less of its stretches with the old ones is why. */
const ALIKE_LEAST = 0.5
const GRAM_BYTES = 8
const WINDOW_BYTES = MIB
/** More of the old contents says no more. */
const OLD_BYTES_MAX = 64 * MIB
const SAMPLES = 16_384
const BITS = 2 ** 27

type FileEntry = Extract<TreeEntry, { tag: 'file' }>

/** Whether the patch from a release saves a node nothing worth having. */
export function isUseless({ madeBytes, chunkBytes }: BaseCost): boolean {
  if (chunkBytes < TROUBLE_BYTES) return false
  return madeBytes === null || 100 * madeBytes >= USELESS * chunkBytes
}

/**
 * Why a patch does not pay: the largest changed files that share fewer than half of their
 * stretches of eight bytes with what they replace; else the largest changed file.
 */
export async function notDeltaAble(disk: Disk, from: TreeAt, to: TreeAt): Promise<readonly Lint[]> {
  const changed = newFiles(from, to).toSorted((a, b) => b.size - a.size)
  const grams = await gramsOf(disk, from.folder, newFiles(to, from))
  const strange: FileEntry[] = []
  for (const file of changed) {
    if (strange.length === FILES_NAMED || file.size < TROUBLE_BYTES) break
    const share = await grams.shareIn(disk, `${to.folder}/${file.path}`, file.size)
    if (share < ALIKE_LEAST) strange.push(file)
  }
  const named = strange.length > 0 ? strange : changed.slice(0, 1)
  return named.map(({ path, size }) => ({ code: 'NOT_DELTA_ABLE', path, bytes: size }))
}

/** Files whose content `from` does not have. */
function newFiles(from: TreeAt, to: TreeAt): readonly FileEntry[] {
  const old = new Set(filesOf(from).map(({ hash }) => toHex(hash)))
  const files = new Map(filesOf(to).map((file) => [toHex(file.hash), file]))
  return [...files].filter(([hash]) => !old.has(hash)).map(([, file]) => file)
}

function filesOf({ manifest }: TreeAt): readonly FileEntry[] {
  return manifest.entries.filter((entry) => entry.tag === 'file')
}

async function gramsOf(disk: Disk, folder: string, files: readonly FileEntry[]): Promise<Grams> {
  const grams = new Grams()
  let left = OLD_BYTES_MAX
  for (const { path, size } of files) {
    const end = Math.min(size, left)
    left -= end
    for (let at = 0; at < end; at += WINDOW_BYTES - GRAM_BYTES) {
      grams.add(await disk.readAt(`${folder}/${path}`, at, Math.min(WINDOW_BYTES, end - at)))
    }
  }
  return grams
}

/** Which stretches of eight bytes there are, one bit for each by its hash. */
class Grams {
  readonly #bits = new Uint8Array(BITS / 8)
  #set = 0

  add(bytes: Bytes): void {
    for (let at = 0; at + GRAM_BYTES <= bytes.byteLength; at += 1) {
      const bit = bitOf(bytes, at)
      const byte = this.#bits[bit >>> 3] ?? 0
      const mask = 1 << (bit & 7)
      if ((byte & mask) !== 0) continue
      this.#bits[bit >>> 3] = byte | mask
      this.#set += 1
    }
  }

  /** Share of a file's stretches that were added, sampled; less what chance gives. */
  async shareIn(disk: Disk, path: string, size: number): Promise<number> {
    const windows = Math.ceil(size / WINDOW_BYTES)
    const each = Math.ceil(SAMPLES / windows)
    let [hits, looked] = [0, 0]
    for (let start = 0; start < size; start += WINDOW_BYTES) {
      const bytes = await disk.readAt(path, start, WINDOW_BYTES)
      const step = Math.max(1, Math.floor(bytes.byteLength / each))
      for (let at = 0; at + GRAM_BYTES <= bytes.byteLength; at += step) {
        looked += 1
        const bit = bitOf(bytes, at)
        if (((this.#bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0) hits += 1
      }
    }
    const chance = this.#set / BITS
    return looked === 0 ? 1 : (hits / looked - chance) / (1 - chance)
  }
}

function bitOf(bytes: Bytes, at: number): number {
  let h = 0x811c9dc5
  for (let i = 0; i < GRAM_BYTES; i += 1) h = Math.imul(h ^ (bytes[at + i] ?? 0), 0x01000193)
  h ^= h >>> 15
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  return (h >>> 0) % BITS
}
