import { constants, type Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { alloc, compare, fromText, plain, type Bytes, type Disk, type Stat } from '../base/index.ts'
import { Cloner } from './clone.ts'
import { errnoOf, onDisk } from './failure.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants
const createNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

/**
 * The machine's file system. New files are 0600 unless told; a final link is never followed.
 * `links`: whether a verified file may get a second name instead of a copy.
 */
export function realDisk({ links = true } = {}): Disk {
  const cloner = new Cloner({ links })
  /** Two replacements of one file share its temporary name, so they take turns. */
  const turns = new Map<string, Promise<void>>()

  return {
    read: async (path) => await onDisk('read', path, async () => await absent(readWhole(path))),
    readAt: async (path, offset, size) =>
      await onDisk('read', path, async () => await readPart(path, offset, size)),
    list: async (path) => await onDisk('list', path, async () => await listNames(path)),
    stat: async (path) =>
      await onDisk('look at', path, async () => {
        const found = await absent(fs.lstat(path))
        return found === null ? null : toStat(found)
      }),
    readLink: async (path) => await onDisk('read the link', path, () => fs.readlink(path)),
    async writeDurable(path, bytes) {
      const before = turns.get(path) ?? Promise.resolve()
      const mine = inTurn(before, async () => {
        await onDisk('write', path, async () => await replace(path, bytes))
      })
      // The next writer waits for the end of this one, not for its success.
      const settled = mine.catch(() => undefined)
      turns.set(path, settled)
      await mine.finally(() => {
        if (turns.get(path) === settled) turns.delete(path)
      })
    },
    create: async (path, bytes, mode) =>
      await onDisk('create', path, async () => await writeNew(path, bytes, mode)),
    append: async (path, bytes) =>
      await onDisk('append to', path, async () => await appendSynced(path, bytes)),
    truncate: async (path, size) =>
      await onDisk('truncate', path, async () => await truncateSynced(path, size)),
    makeFolder: async (path, mode = 0o700) =>
      await onDisk('make folder', path, async () => {
        await fs.mkdir(path, { recursive: true, mode })
      }),
    makeLink: async (path, target) => await onDisk('link', path, () => fs.symlink(target, path)),
    clone: async (path, from, mode) =>
      await onDisk('copy', path, async () => await cloner.clone(path, from, mode)),
    chmod: async (path, mode) =>
      await onDisk('change the mode of', path, () => fs.chmod(path, mode)),
    rename: async (from, to) => await onDisk('rename', to, () => fs.rename(from, to)),
    remove: async (path) => await onDisk('remove', path, async () => await removeAll(path)),
    syncFolder: async (path) => await onDisk('sync', path, async () => await syncPath(path)),
    freeBytes: async (path) =>
      await onDisk('measure', path, async () => {
        const { bavail, bsize } = await fs.statfs(path)
        return bavail * bsize
      })
  }
}

async function inTurn(before: Promise<void>, run: () => Promise<void>): Promise<void> {
  await before
  await run()
}

/** A missing file is a value. */
async function absent<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return null
    throw error
  }
}

async function readWhole(path: string): Promise<Bytes> {
  return plain(await fs.readFile(path))
}

async function readPart(path: string, offset: number, size: number): Promise<Bytes> {
  const file = await fs.open(path, O_RDONLY)
  try {
    const part = alloc(size)
    let got = 0
    while (got < size) {
      const { bytesRead } = await file.read(part, got, size - got, offset + got)
      if (bytesRead === 0) break
      got += bytesRead
    }
    return part.subarray(0, got)
  } finally {
    await file.close()
  }
}

async function listNames(path: string): Promise<readonly string[]> {
  const names = (await absent(fs.readdir(path))) ?? []
  return names.toSorted((a, b) => compare(fromText(a), fromText(b)))
}

function toStat(found: Stats): Stat {
  const mode = found.mode & 0o7777
  if (found.isFile()) return { type: 'file', size: found.size, mode }
  if (found.isDirectory()) return { type: 'folder', size: found.size, mode }
  return { type: found.isSymbolicLink() ? 'link' : 'other', size: found.size, mode }
}

/** Temporary file, fsync, rename, fsync of the folder: the old content or the new, never half. */
async function replace(path: string, bytes: Bytes): Promise<void> {
  const temporary = `${path}.tmp`
  await fs.rm(temporary, { force: true })
  try {
    await writeNew(temporary, bytes, 0o600)
  } catch (error) {
    await fs.rm(temporary, { force: true })
    throw error
  }
  await fs.rename(temporary, path)
  await syncPath(dirname(path))
}

async function writeNew(path: string, bytes: Bytes, mode: number): Promise<void> {
  const file = await fs.open(path, createNew, 0o600)
  try {
    await file.writeFile(bytes)
    if (mode !== 0o600) await file.chmod(mode)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function appendSynced(path: string, bytes: Bytes): Promise<void> {
  const isNew = (await absent(fs.lstat(path))) === null
  const file = await fs.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  if (isNew) await syncPath(dirname(path))
}

async function truncateSynced(path: string, size: number): Promise<void> {
  const file = await fs.open(path, O_WRONLY | O_NOFOLLOW)
  try {
    await file.truncate(size)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function removeAll(path: string): Promise<void> {
  const found = await absent(fs.lstat(path))
  if (found === null) return
  if (found.isDirectory()) await openFolders(path)
  await fs.rm(path, { recursive: true, force: true })
}

/** Version folders are 0555; nothing inside one can be removed before its owner may write. */
async function openFolders(path: string): Promise<void> {
  await fs.chmod(path, 0o700)
  for (const entry of await fs.readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name))
  }
}

async function syncPath(path: string): Promise<void> {
  const folder = await fs.open(path, O_RDONLY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
