import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { scanTree } from '../../../lib/artifact/index.ts'
import { toHex } from '../../../lib/base/index.ts'
import { realDisk } from '../../../lib/host/index.ts'
import { cacheFolder, isThere } from './obtain.ts'
import type { Pair } from './pairs.ts'
import { Failed, isInstalled, run } from './run.ts'

/** Bytes that other tools need for the same update; null where the tool is not installed. */
export interface Yardsticks {
  readonly tar: number
  /** The whole new release. */
  readonly zstd: number | null
  /** 19, or 9 for what is too large to wait for. */
  readonly zstdLevel: number
  /** Only files that the old release does not have, in a tar. */
  readonly dedupe: number | null
  /** The better of one tar and file by file. */
  readonly patchFrom: number | null
  readonly bsdiff: number | null
  readonly xdelta: number | null
}

export const tools = ['zstd', 'bsdiff', 'xdelta3'] as const
/** From this size on a whole tar is compressed with level 9: 19 makes about 1 MB per second. */
const slowFrom = 64e6

/** Measured once per pair and set of tools: their bytes do not change. */
export async function yardsticksOf(
  pair: Pair,
  trees: { readonly old: string; readonly now: string }
): Promise<Yardsticks> {
  const have = tools.filter(isInstalled)
  const name = `${pair.name}@${pair.old}..${pair.now} ${have.join(' ')}.json`
  const kept = join(cacheFolder, 'yardsticks', name.replaceAll(/[/:]/g, '+'))
  if (await isThere(kept)) return JSON.parse(await readFile(kept, 'utf8')) as Yardsticks
  await mkdir(join(cacheFolder, 'yardsticks'), { recursive: true })
  const scratch = await mkdtemp(join(cacheFolder, 'run-'))
  try {
    const measured = await measure({ ...trees, scratch, have: new Set(have) })
    await writeFile(kept, JSON.stringify(measured))
    return measured
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Job {
  readonly old: string
  readonly now: string
  readonly scratch: string
  readonly have: ReadonlySet<string>
}

/** A new content, by the path where it is first, and the old file there if there is one. */
interface Changed {
  readonly path: string
  readonly hasOld: boolean
}

async function measure(job: Job): Promise<Yardsticks> {
  const changed = await changedFiles(job)
  const list = join(job.scratch, 'list')
  await writeFile(list, changed.map(({ path }) => `./${path}\n`).join(''))
  const whole = await tarOf(job, 'now', ['.'])
  const part = await tarOf(job, 'part', ['--verbatim-files-from', '-T', list])
  const before = await tarOf({ ...job, now: job.old }, 'old', ['.'])
  const { size } = await stat(whole)
  const level = size > slowFrom ? 9 : 19
  const zstd = job.have.has('zstd')
  const delta = { old: before, now: whole }
  return {
    tar: size,
    zstd: zstd ? await zstdSize(job, whole, { level }) : null,
    zstdLevel: level,
    dedupe: zstd ? await zstdSize(job, part, { level: 19 }) : null,
    patchFrom: zstd
      ? Math.min(
          await zstdSize(job, whole, { level, from: before }),
          await perFile(job, changed, (now, old) => zstdSize(job, now, { level: 19, from: old }))
        )
      : null,
    bsdiff: job.have.has('bsdiff')
      ? await perFile(job, changed, (now, old) => bsdiffSize(job, now, old))
      : null,
    xdelta: job.have.has('xdelta3')
      ? Math.min(
          await xdeltaSize(job, delta.now, delta.old),
          await perFile(job, changed, (now, old) => xdeltaSize(job, now, old))
        )
      : null
  }
}

async function changedFiles({ old, now }: Job): Promise<readonly Changed[]> {
  const disk = realDisk()
  const before = (await scanTree(disk, old)).entries.filter((entry) => entry.tag === 'file')
  const known = new Set(before.map(({ hash }) => toHex(hash)))
  const paths = new Set(before.map(({ path }) => path))
  const changed: Changed[] = []
  for (const entry of (await scanTree(disk, now)).entries) {
    if (entry.tag !== 'file' || entry.size === 0 || known.has(toHex(entry.hash))) continue
    known.add(toHex(entry.hash))
    changed.push({ path: entry.path, hasOld: paths.has(entry.path) })
  }
  return changed
}

async function tarOf(job: Job, name: string, what: readonly string[]): Promise<string> {
  const path = join(job.scratch, `${name}.tar`)
  const plain = ['--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX']
  const args = ['--sort=name', ...plain, '-C', job.now, '-cf', path, ...what]
  try {
    await run('tar', ['--format=ustar', ...args])
  } catch (error) {
    // a path that does not fit into ustar
    if (!(error instanceof Failed)) throw error
    await run('tar', ['--format=gnu', ...args])
  }
  return path
}

type SizeOf = (now: string, old: string) => Promise<number>

/**
 * Sum over all changed files; one without an old file at its path starts from a single byte, as
 * bsdiff maps what it reads and cannot map nothing.
 */
async function perFile(job: Job, changed: readonly Changed[], sizeOf: SizeOf): Promise<number> {
  const nothing = join(job.scratch, 'nothing')
  await writeFile(nothing, '\n')
  let sum = 0
  for (const { path, hasOld } of changed) {
    sum += await sizeOf(join(job.now, path), hasOld ? join(job.old, path) : nothing)
  }
  return sum
}

async function zstdSize(
  job: Job,
  now: string,
  { level, from }: { readonly level: number; readonly from?: string }
): Promise<number> {
  const out = join(job.scratch, 'out.zst')
  const hasFrom = from !== undefined && (await stat(from)).size > 1
  const base = hasFrom ? [`--patch-from=${from}`, '--long=28'] : ['--long=27']
  await run('zstd', [`-${level}`, ...base, '-T1', '-q', '-f', now, '-o', out])
  return (await stat(out)).size
}

async function bsdiffSize(job: Job, now: string, old: string): Promise<number> {
  const out = join(job.scratch, 'out.bsdiff')
  if ((await stat(old)).size === 0) return await bsdiffSize(job, now, join(job.scratch, 'nothing'))
  await run('bsdiff', [old, now, out])
  return (await stat(out)).size
}

async function xdeltaSize(job: Job, now: string, old: string): Promise<number> {
  const out = join(job.scratch, 'out.xdelta')
  const { size } = await stat(old)
  const window = ['-B', `${Math.max(size, 524_288)}`, '-W', '16777216']
  const base = size > 1 ? ['-s', old] : []
  await run('xdelta3', ['-e', '-f', '-9', '-S', 'lzma', ...window, ...base, now, out])
  return (await stat(out)).size
}
