import { constants, type Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isOtaError, OtaError } from '../../base/index.ts'
import { errnoOf, onDisk } from '../failure.ts'
import { jailUser } from '../jail/job.ts'
import { walkState, type Found } from '../state/walk.ts'
import { canOverlay, canReflink } from './ways.ts'
import { isExcluded, planCopy, type CopyPlan } from './plan.ts'

/** In the order in which they are tried. */
const copyWays = ['reflink', 'overlay', 'copy'] as const
export type CopyWay = (typeof copyWays)[number]

/** Room beside the bytes of a copy that is made byte by byte. */
const roomFactor = 1.2
const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

export interface CopyOptions {
  /**
   * Nobody writes to the source: its app is stopped, or it is a snapshot itself. Only then a layer
   * may be put over it; what becomes of one whose lower folder changes is not defined.
   */
  readonly still: boolean
  readonly ways?: readonly CopyWay[]
  /** A larger state is not copied byte by byte. */
  readonly maxBytes?: number
  /** Where programs are looked for. */
  readonly path?: string
}

/** A state that may be written without the first one ever seeing it. */
export type StateCopy = {
  readonly how: CopyWay
  readonly bytes: number
  readonly files: number
  /** Folders of a corestore that are not in it. */
  readonly excluded: readonly string[]
  /** The folder with the copy; for `overlay` the source itself, which must only be read. */
  readonly path: string
  /** For `overlay`: what the jail needs to mount it. */
  readonly layer: { readonly upper: string; readonly work: string } | null
}

export type CopyResult =
  | { readonly tag: 'copied'; readonly copy: StateCopy }
  /** This machine has no way to, with the reason in words. */
  | { readonly tag: 'unavailable'; readonly why: string }

/**
 * A copy of a state in the folder `into`, which must not be there yet: blocks shared where the file
 * system can, a layer where nobody writes, else every byte again where there is room for 1.2 times
 * of it. Links are copied as links and never followed, hard links refused, folders of a corestore
 * left out. What was begun and could not be ended is removed. A full disk is `unavailable`, other
 * failures of the disk are thrown (`NO_PERMISSION`, `INTERNAL`).
 */
export async function copyState(
  from: string,
  into: string,
  options: CopyOptions
): Promise<CopyResult> {
  const plan = await planCopy(from)
  if (plan.fault !== null) return unavailable(`the state is not copied: ${plan.fault}`)
  await onDisk('make folder', into, async () => await fs.mkdir(into, { mode: 0o700 }))
  try {
    const result = await firstWay({ from, into, plan }, options)
    if (result.tag === 'unavailable') await remove(into)
    return result
  } catch (error) {
    await remove(into)
    if (isOtaError(error, 'NO_SPACE')) return unavailable('the disk became full while copying')
    throw error
  }
}

interface Task {
  readonly from: string
  readonly into: string
  readonly plan: CopyPlan
}

async function firstWay(task: Task, options: CopyOptions): Promise<CopyResult> {
  const reasons: string[] = []
  for (const way of options.ways ?? copyWays) {
    const why = await whyNot(way, task, options)
    if (why !== null) {
      reasons.push(`${way}: ${why}`)
      continue
    }
    const { bytes, files, excluded } = task.plan
    const facts = { how: way, bytes, files, excluded }
    if (way === 'overlay') {
      const layer = { upper: join(task.into, 'upper'), work: join(task.into, 'work') }
      for (const folder of Object.values(layer)) await fs.mkdir(folder, { mode: 0o700 })
      return { tag: 'copied', copy: { ...facts, path: task.from, layer } }
    }
    const path = join(task.into, 'state')
    await copyTree({ ...task, into: path }, way === 'reflink' ? COPYFILE_FICLONE_FORCE : 0)
    return { tag: 'copied', copy: { ...facts, path, layer: null } }
  }
  return unavailable(`the state cannot be copied: ${reasons.join('; ')}`)
}

async function whyNot(way: CopyWay, task: Task, options: CopyOptions): Promise<string | null> {
  const { from, into, plan } = task
  switch (way) {
    case 'reflink':
      return (await canReflink(from, into)) ? null : 'the file system shares no blocks'
    case 'overlay':
      if (!options.still) return 'the state is in use'
      if (plan.excluded.length > 0) return 'parts of the state are left out'
      if (!(await isOfJail(from))) return 'its files are not of the user that a jail has'
      return (await canOverlay(into, options.path)) ? null : 'layers cannot be mounted'
    case 'copy': {
      if (plan.bytes > (options.maxBytes ?? Infinity)) {
        return `it has ${plan.bytes} bytes, at most ${options.maxBytes} are copied`
      }
      const { bavail, bsize } = await fs.statfs(into)
      const need = Math.ceil(plan.bytes * roomFactor)
      if (bavail * bsize >= need) return null
      return `it needs ${need} free bytes, "${into}" has ${bavail * bsize}`
    }
    default:
      return 'no such way'
  }
}

/** Through a layer files keep their owner, and as root that is seldom who runs in a jail. */
async function isOfJail(folder: string): Promise<boolean> {
  return process.getuid?.() !== 0 || (await fs.stat(folder)).uid === Number(jailUser)
}

async function copyTree({ from, into, plan }: Task, flags: number): Promise<void> {
  await walkState(from, async (found) => {
    if (isExcluded(found.path, plan.excluded) && found.path !== '') return
    const to = found.path === '' ? into : join(into, found.path)
    await onDisk('copy', to, async () => await copyOne(found, to, flags))
  })
}

/** Folders come after what they hold; sockets, pipes and devices are no state. */
async function copyOne({ path, at, stats }: Found, to: string, flags: number): Promise<void> {
  if (stats.isDirectory()) {
    await fs.mkdir(to, { recursive: true, mode: 0o700 })
    await finish(to, stats)
    return
  }
  await fs.mkdir(dirname(to), { recursive: true, mode: 0o700 })
  if (stats.isSymbolicLink()) {
    const target = await unlessGone(fs.readlink(at))
    if (target !== null) await fs.symlink(target, to)
  } else if (stats.isFile()) {
    const source = await unlessGone(fs.open(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK))
    if (source === null) return
    try {
      const opened = await source.stat()
      // the app may put another file in place of the one that was looked at
      if (opened.nlink > 1 || !opened.isFile() || opened.uid !== stats.uid) {
        throw new OtaError('NO_PERMISSION', `"${path}" of the state changed its kind while copied`)
      }
      await fs.copyFile(`/proc/self/fd/${source.fd}`, to, COPYFILE_EXCL | flags)
      await finish(to, opened)
    } finally {
      await source.close()
    }
  }
}

/** Only root may give files away; for anybody else they are the own ones already. */
async function finish(to: string, { uid, gid, mode }: Stats): Promise<void> {
  if (process.getuid?.() === 0) await fs.chown(to, uid, gid)
  await fs.chmod(to, mode & 0o777)
}

async function unlessGone<T>(deed: Promise<T>): Promise<T | null> {
  try {
    return await deed
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

async function remove(folder: string): Promise<void> {
  await fs.rm(folder, { recursive: true, force: true })
}

function unavailable(why: string): CopyResult {
  return { tag: 'unavailable', why }
}
