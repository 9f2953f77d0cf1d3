import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { packTree, type Pack } from '../../lib/artifact/index.ts'
import type { Bytes, Disk } from '../../lib/base/index.ts'
import { realDisk } from '../../lib/host/index.ts'
import type { Artifact } from '../../lib/records/index.ts'

/** A tree as a test writes it: text or bytes, `exec`, a link, or an empty folder. */
export type Spec = Readonly<
  Record<string, string | Bytes | { exec: string | Bytes } | { link: string } | null>
>

export const disk: Disk = realDisk()

export async function writeTree(folder: string, spec: Spec): Promise<string> {
  await mkdir(folder, { recursive: true })
  for (const [path, what] of Object.entries(spec)) {
    const at = join(folder, path)
    await mkdir(dirname(at), { recursive: true })
    if (what === null) await mkdir(at, { recursive: true })
    else if (typeof what === 'string' || what instanceof Uint8Array) await writeFile(at, what)
    else if ('link' in what) await symlink(what.link, at)
    else {
      await writeFile(at, what.exec)
      await chmod(at, 0o755)
    }
  }
  return folder
}

/** Bytes that no coder makes smaller, the same on every run. */
export function noise(size: number, seed = 1): Bytes {
  const bytes = new Uint8Array(size)
  let x = seed
  for (let i = 0; i < size; i += 1) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    bytes[i] = x & 255
  }
  return bytes
}

/** Text-like bytes: they shrink, and cut by content. */
export function prose(size: number, seed = 7): Bytes {
  const words = noise(size, seed)
  return words.map((byte) => 97 + (byte % 9))
}

export function artifactOf(pack: Pack, platform = 'linux-x64'): Artifact {
  return {
    component: '',
    platform,
    treeDigest: pack.treeDigest,
    entries: pack.entries,
    bytes: pack.bytes,
    tree: pack.core,
    patch: null
  }
}

export interface Packed {
  readonly pack: Pack
  readonly artifact: Artifact
  readonly blocks: readonly Bytes[]
  readonly readBlock: (index: number) => Promise<Bytes>
}

export async function packFolder(folder: string): Promise<Packed> {
  const pack = await packTree(disk, folder)
  const blocks: Bytes[] = []
  for await (const block of pack.blocks()) blocks.push(block)
  return { pack, artifact: artifactOf(pack), blocks, readBlock: async (i) => blocks[i]! }
}

/** The code of the refusal, or null if there was none. */
export async function codeOf(deed: Promise<unknown>): Promise<string | null> {
  try {
    await deed
    return null
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}
