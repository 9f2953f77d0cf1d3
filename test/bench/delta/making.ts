import { writeFile } from 'node:fs/promises'
import { makePatch, packBytes, scanTree } from '../../../lib/artifact/index.ts'
import { decodeManifest, encodeManifest, type Manifest } from '../../../lib/artifact/manifest.ts'
import { encodeDelta } from '../../../lib/artifact/patch/delta.ts'
import { decodePrefix } from '../../../lib/artifact/patch/file.ts'
import { packStream } from '../../../lib/artifact/patch/stream-coder.ts'
import { Joined } from '../../../lib/artifact/patch/joined.ts'
import { cutTree, sequenceOf } from '../../../lib/artifact/sequence.ts'
import { MIB } from '../../../lib/base/index.ts'
import { realDisk } from '../../../lib/host/index.ts'
import { hash } from '../../../lib/trust/index.ts'

/** What making a patch costs, alone in a process. */
export interface Making {
  readonly patchBytes: number
  /** Bytes of contents that are new, and of those they are made from. */
  readonly changedBytes: number
  readonly changedFiles: number
  readonly sourceBytes: number
  readonly files: number
  /** The larger side of the largest window. */
  readonly windowBytes: number
  readonly cpuS: number
  /** Above the process at rest. */
  readonly rssBytes: number
  /** MB per core second: reading, cutting and hashing; brotli at quality 5; at 11. */
  readonly scanSpeed: number | null
  readonly q5Speed: number | null
  readonly q11Speed: number | null
}

/** Trees smaller than this say nothing of a speed. */
const speedFrom = 8e6
const sampleBytes = 4 * MIB

export async function measureMaking(job: {
  readonly old: string
  readonly now: string
  readonly patch: string
}): Promise<Making> {
  const disk = realDisk()
  const from = { folder: job.old, manifest: await manifestOf(job.old) }
  const to = { folder: job.now, manifest: await manifestOf(job.now) }
  const delta = encodeDelta(from.manifest, to.manifest)
  const changedBytes = delta.targets.reduce((sum, { size }) => sum + size, 0)
  const rest = peakRss()
  const started = cpuSeconds()
  const patch = await makePatch(disk, from, to)
  const cpuS = cpuSeconds() - started
  const rssBytes = peakRss() - rest
  if (patch === null) throw new Error('the limits of the format leave no patch')
  await writeFile(job.patch, patch.bytes)
  const sides = decodePrefix(patch.bytes).windows.map(({ source, targetSize }) =>
    Math.max(source.end - source.start, targetSize)
  )
  const target = new Joined(disk, job.now, delta.targets)
  const isLarge = to.manifest.entries.reduce((sum, one) => sum + sizeOf(one), 0) >= speedFrom
  return {
    patchBytes: patch.bytes.byteLength,
    changedBytes,
    changedFiles: delta.targets.length,
    sourceBytes: delta.sources.reduce((sum, { size }) => sum + size, 0),
    files: to.manifest.entries.length,
    windowBytes: Math.max(0, ...sides),
    cpuS,
    rssBytes,
    ...(isLarge
      ? { ...(await speeds(job.now)), q11Speed: await quality11(target) }
      : { scanSpeed: null, q5Speed: null, q11Speed: null })
  }
}

/** As a release would carry it: in order, and by the rules of paths and links. */
export async function manifestOf(folder: string): Promise<Manifest> {
  return decodeManifest(encodeManifest(await scanTree(realDisk(), folder)))
}

function sizeOf(entry: { readonly tag: string; readonly size?: number }): number {
  return entry.size ?? 0
}

/** The pass that reads, cuts and hashes (each byte twice: in its file and its chunk); the coder. */
async function speeds(folder: string): Promise<{ scanSpeed: number; q5Speed: number }> {
  const disk = realDisk()
  let bytes = 0
  const sequence = sequenceOf(await manifestOf(folder))
  let started = cpuSeconds()
  for await (const { raw } of cutTree(disk, folder, sequence)) {
    hash([raw])
    bytes += raw.byteLength
  }
  const scanS = cpuSeconds() - started
  let packed = 0
  let packS = 0
  for await (const { raw } of cutTree(disk, folder, sequence)) {
    if (packed > 4 * sampleBytes) break
    started = cpuSeconds()
    await packBytes(raw)
    packS += cpuSeconds() - started
    packed += raw.byteLength
  }
  return { scanSpeed: bytes / scanS / 1e6, q5Speed: packed / packS / 1e6 }
}

async function quality11(target: Joined): Promise<number | null> {
  const size = Math.min(sampleBytes, target.size)
  if (size < sampleBytes / 4) return null
  const sample = await target.read(0, size)
  const started = cpuSeconds()
  await packStream(sample)
  return size / (cpuSeconds() - started) / 1e6
}

/** CPU of all threads of this process. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Most memory this process ever had. */
export function peakRss(): number {
  return process.resourceUsage().maxRSS * 1_024
}
