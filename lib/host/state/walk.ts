import { createHash } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { OtaError } from '../../base/index.ts'
import { errnoOf, onDisk } from '../failure.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** One thing in a folder of the app. */
export interface Found {
  /** From the top of the walk, "" for the top itself. */
  readonly path: string
  /** Where it can be reached now, by a folder that is held open: no link on the way is followed. */
  readonly at: string
  readonly stats: Stats
}

/**
 * Visits everything below a folder that an app may write, deepest first and the top last. The app
 * could swap a folder for a link while it is walked, so each one is opened without following and
 * read through what was opened; where the system has no such names (`/proc`), by plain paths.
 */
export async function walkState(
  top: string,
  visit: (found: Found) => Promise<void> | void
): Promise<void> {
  await onDisk('walk', top, async () => await walk({ real: top, path: '' }, visit))
}

interface Here {
  readonly real: string
  readonly path: string
}

async function walk(
  { real, path }: Here,
  visit: (found: Found) => Promise<void> | void
): Promise<void> {
  const folder = await fs.open(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    const held = await heldName(folder.fd, real)
    for (const name of (await fs.readdir(held)).toSorted()) {
      const at = join(held, name)
      const below = path === '' ? name : `${path}/${name}`
      const stats = await lookAt(at)
      if (stats === null) continue
      if (stats.isDirectory()) await walk({ real: at, path: below }, visit)
      else await visit({ path: below, at, stats })
    }
    await visit({ path, at: held, stats: await folder.stat() })
  } finally {
    await folder.close()
  }
}

async function heldName(fd: number, real: string): Promise<string> {
  const name = `/proc/self/fd/${fd}`
  return await fs.access(name).then(
    () => name,
    () => real
  )
}

/** Null for what went meanwhile. */
async function lookAt(path: string): Promise<Stats | null> {
  try {
    return await fs.lstat(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

/** What a state takes on disk: bytes as they are read, and entries. */
export async function measureState(top: string): Promise<{ bytes: number; entries: number }> {
  const sum = { bytes: 0, entries: 0 }
  const found = await onDisk('look at', top, async () => await lookAt(top))
  if (found === null) return sum
  await walkState(top, ({ stats }) => {
    sum.entries += 1
    if (stats.isFile()) sum.bytes += stats.size
  })
  return sum
}

const SPECIAL_BITS = 0o6000

/**
 * Makes what a program left durable, bottom-up, and the property of `owner`. Throws `BAD_TREE` for
 * what no state may hold: set-id files, devices, pipes and sockets.
 */
export async function sealTree(top: string, owner: Owner | null): Promise<void> {
  await walkState(top, async ({ path, at, stats }) => {
    if (stats.isSymbolicLink()) {
      if (owner !== null) await fs.lchown(at, owner.uid, owner.gid)
      return
    }
    const isPlain = stats.isFile() || stats.isDirectory()
    if (!isPlain || (stats.isFile() && (stats.mode & SPECIAL_BITS) !== 0)) {
      throw new OtaError('BAD_TREE', `no state may hold "${path}": set-id file or special file`)
    }
    const flags = stats.isDirectory() ? O_RDONLY | O_DIRECTORY : O_RDONLY | O_NOFOLLOW | O_NONBLOCK
    const file = await fs.open(at, flags)
    try {
      const opened = await file.stat()
      if (opened.ino !== stats.ino || opened.dev !== stats.dev) {
        throw new OtaError('NO_PERMISSION', `"${path}" of the state changed while it was sealed`)
      }
      if (owner !== null) await file.chown(owner.uid, owner.gid)
      await file.sync()
    } finally {
      await file.close()
    }
  })
}

/** Who a file belongs to. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/** The first path at which two folders differ in kind, mode or content; null: nowhere. */
export async function firstDifference(one: string, other: string): Promise<string | null> {
  const [a, b] = [await listing(one), await listing(other)]
  for (const path of [...new Set([...a.keys(), ...b.keys()])].toSorted()) {
    if (a.get(path) !== b.get(path)) return path
  }
  return null
}

const PART = 1_048_576

async function listing(top: string): Promise<ReadonlyMap<string, string>> {
  const map = new Map<string, string>()
  await walkState(top, async ({ path, at, stats }) => {
    const mode = (stats.mode & 0o7777).toString(8)
    if (stats.isSymbolicLink()) map.set(path, `link ${await fs.readlink(at)}`)
    else if (!stats.isFile()) map.set(path, `other ${mode} ${stats.mode & constants.S_IFMT}`)
    else {
      const hash = createHash('sha256')
      const file = await fs.open(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      try {
        const part = new Uint8Array(PART)
        for (;;) {
          const { bytesRead } = await file.read(part, 0, PART, null)
          if (bytesRead === 0) break
          hash.update(part.subarray(0, bytesRead))
        }
      } finally {
        await file.close()
      }
      map.set(path, `file ${mode} ${stats.size} ${hash.digest('hex')}`)
    }
  })
  return map
}
