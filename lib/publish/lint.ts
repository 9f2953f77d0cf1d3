import { KIB, MIB, equal, fromHex, type Bytes, type Disk } from '../base/index.ts'
import { packBytes, type Pack } from '../artifact/index.ts'

/** A file that costs every node more than it need. */
export interface Lint {
  readonly code: 'INCOMPRESSIBLE' | 'ARCHIVE_INSIDE'
  readonly path: string
  readonly bytes: number
}

const ARCHIVE_BYTES = 256 * KIB
const SAMPLE_BYTES = 256 * KIB
const MAGIC: readonly Bytes[] = ['504b0304', '1f8b', 'fd377a585a00', '28b52ffd'].map(fromHex)

/**
 * Warnings of `pack`: archives of 256 KiB and more (their members cannot be shared or patched), and
 * files of 1 MiB and more that do not compress (packed or encrypted).
 */
export async function findLint(disk: Disk, folder: string, pack: Pack): Promise<readonly Lint[]> {
  const found: Lint[] = []
  for (const entry of pack.manifest.entries) {
    if (entry.tag !== 'file' || entry.size < ARCHIVE_BYTES) continue
    const { path, size } = entry
    const sample = await disk.readAt(`${folder}/${path}`, 0, Math.min(size, SAMPLE_BYTES))
    if (isArchive(sample)) found.push({ code: 'ARCHIVE_INSIDE', path, bytes: size })
    else if (size >= MIB && (await isDense(sample))) {
      found.push({ code: 'INCOMPRESSIBLE', path, bytes: size })
    }
  }
  return found
}

function isArchive(sample: Bytes): boolean {
  return MAGIC.some((magic) => equal(sample.subarray(0, magic.byteLength), magic))
}

/** Saves less than 3 % as the tree core would store it. */
async function isDense(sample: Bytes): Promise<boolean> {
  const packed = await packBytes(sample)
  return packed.bytes.byteLength * 100 > sample.byteLength * 97
}
