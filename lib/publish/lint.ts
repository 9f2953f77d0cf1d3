import { KIB, MIB, equal, fromHex, type Bytes, type Disk } from '../base/index.ts'
import { packBytes, type Manifest } from '../artifact/index.ts'

/** A file that costs every node more than it need. */
export interface Lint {
  readonly code: 'INCOMPRESSIBLE' | 'ARCHIVE_INSIDE' | 'NOT_DELTA_ABLE'
  readonly path: string
  readonly bytes: number
}

const ARCHIVE_BYTES = 256 * KIB
const DENSE_BYTES = MIB
const WINDOW_BYTES = MIB
/** Looked at for how well it compresses, at places spread over the file. */
const SAMPLE_BYTES = 256 * KIB
const SAMPLES = 4
/** Of 8 bits: what a packer or a cipher puts out. */
const DENSE_BITS = 7.9
const MAGIC: readonly Bytes[] = ['504b0304', '1f8b', 'fd377a585a00', '28b52ffd'].map(fromHex)

/**
 * Warnings of `pack`: archives of 256 KiB and more (their members cannot be shared or patched), and
 * files of 1 MiB and more that do not compress (packed or encrypted).
 */
export async function findLint(
  disk: Disk,
  folder: string,
  manifest: Manifest
): Promise<readonly Lint[]> {
  const found: Lint[] = []
  for (const entry of manifest.entries) {
    if (entry.tag !== 'file' || entry.size < ARCHIVE_BYTES) continue
    const { path, size } = entry
    const file = `${folder}/${path}`
    if (isArchive(await disk.readAt(file, 0, 8))) {
      found.push({ code: 'ARCHIVE_INSIDE', path, bytes: size })
    } else if (size >= DENSE_BYTES && (await isDense(disk, file, size))) {
      found.push({ code: 'INCOMPRESSIBLE', path, bytes: size })
    }
  }
  return found
}

function isArchive(start: Bytes): boolean {
  return MAGIC.some((magic) => equal(start.subarray(0, magic.byteLength), magic))
}

/** Its bytes are as good as random, or the tree core would save less than 3 % of it. */
async function isDense(disk: Disk, file: string, size: number): Promise<boolean> {
  if ((await entropyOf(disk, file, size)) >= DENSE_BITS) return true
  let [raw, packed] = [0, 0]
  for (let i = 0; i < SAMPLES; i += 1) {
    const at = Math.floor(((size - SAMPLE_BYTES) * i) / (SAMPLES - 1))
    const sample = await disk.readAt(file, at, SAMPLE_BYTES)
    raw += sample.byteLength
    packed += (await packBytes(sample)).bytes.byteLength
  }
  return packed * 100 > raw * 97
}

/** Bits per byte by how often each value comes (order 0). */
async function entropyOf(disk: Disk, file: string, size: number): Promise<number> {
  const counts = new Float64Array(256)
  for (let at = 0; at < size; at += WINDOW_BYTES) {
    for (const byte of await disk.readAt(file, at, WINDOW_BYTES)) {
      counts[byte] = (counts[byte] ?? 0) + 1
    }
  }
  const shares = counts.filter((count) => count > 0).map((count) => count / size)
  return shares.reduce((bits, share) => bits - share * Math.log2(share), 0)
}
