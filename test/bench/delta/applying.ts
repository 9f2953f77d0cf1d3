import { readFile } from 'node:fs/promises'
import { unpackPatch } from '../../../lib/artifact/index.ts'
import {
  bytesOf,
  encodeManifest,
  treeDigest,
  type Manifest
} from '../../../lib/artifact/manifest.ts'
import { applyWindow } from '../../../lib/artifact/patch/apply.ts'
import { encodeDelta } from '../../../lib/artifact/patch/delta.ts'
import type { Desc } from '../../../lib/artifact/patch/desc.ts'
import { decodePrefix } from '../../../lib/artifact/patch/file.ts'
import { Joined } from '../../../lib/artifact/patch/joined.ts'
import { unpackStream } from '../../../lib/artifact/patch/stream-coder.ts'
import { realDisk } from '../../../lib/host/index.ts'
import type { Artifact } from '../../../lib/records/index.ts'
import { cpuSeconds, manifestOf, peakRss } from './making.ts'

/** What a node pays for a patch that is here, alone in a process. */
export interface Applying {
  readonly madeBytes: number
  /** Streams unpacked and windows applied, without hashes and files. */
  readonly applyS: number
  /** The whole way: base hashed, tree made, synced, read again from disk. */
  readonly wholeS: number
  readonly wholeCpuS: number
  readonly rssBytes: number
  /** Written to the disk, where the system tells. */
  readonly writtenBytes: number | null
}

export async function measureApplying(job: {
  readonly old: string
  readonly now: string
  readonly patch: string
  readonly into: string
}): Promise<Applying> {
  const disk = realDisk()
  const manifest = await manifestOf(job.now)
  const from = await manifestOf(job.old)
  const artifact = artifactFor(manifest)
  const written = await writtenBytes()
  const rest = peakRss()
  const startedMs = performance.now()
  const started = cpuSeconds()
  await unpackPatch(disk, {
    artifact,
    patch: await bytesFrom(job.patch),
    from: { folder: job.old, treeDigest: treeDigest(encodeManifest(from)) },
    into: job.into
  })
  const wholeS = (performance.now() - startedMs) / 1_000
  const wholeCpuS = cpuSeconds() - started
  const rssBytes = peakRss() - rest
  const after = await writtenBytes()
  return {
    ...(await applyAlone(
      job.patch,
      new Joined(disk, job.old, encodeDelta(from, manifest).sources)
    )),
    wholeS,
    wholeCpuS,
    rssBytes,
    writtenBytes: written === null || after === null ? null : after - written
  }
}

/** The core is not needed to apply a patch. */
function artifactFor(manifest: Manifest): Artifact {
  return {
    component: '',
    platform: 'linux-x64',
    treeDigest: treeDigest(encodeManifest(manifest)),
    entries: manifest.entries.length,
    bytes: bytesOf(manifest),
    tree: { key: new Uint8Array(32), blocks: 1, bytes: 1 },
    patch: null
  }
}

async function bytesFrom(path: string) {
  const disk = realDisk()
  const stat = await disk.stat(path)
  return {
    size: stat?.size ?? 0,
    read: async (offset: number, size: number) => await disk.readAt(path, offset, size)
  }
}

async function applyAlone(
  path: string,
  source: Joined
): Promise<Pick<Applying, 'madeBytes' | 'applyS'>> {
  const bytes = new Uint8Array(await readFile(path))
  const prefix = decodePrefix(bytes)
  let at = prefix.size + prefix.delta.packedSize
  let madeBytes = 0
  const started = cpuSeconds()
  for (const window of prefix.windows) {
    const next = async (desc: Desc): Promise<Uint8Array> => {
      at += desc.packedSize
      return await unpackStream(bytes.subarray(at - desc.packedSize, at), desc)
    }
    const given = {
      targetSize: window.targetSize,
      sourceSize: window.source.end - window.source.start,
      control: await next(window.control),
      zeros: await next(window.zeros),
      differences: await next(window.differences),
      extra: await next(window.extra)
    }
    const read = async (offset: number, size: number): Promise<Uint8Array> =>
      await source.read(window.source.start + offset, size)
    for await (const piece of applyWindow(given, read)) madeBytes += piece.byteLength
  }
  return { madeBytes, applyS: cpuSeconds() - started }
}

/** Linux counts what a process has written to storage. */
async function writtenBytes(): Promise<number | null> {
  try {
    const text = await readFile('/proc/self/io', 'utf8')
    const [, count] = /^write_bytes: (\d+)$/m.exec(text) ?? []
    return count === undefined ? null : Number(count)
  } catch {
    return null
  }
}
