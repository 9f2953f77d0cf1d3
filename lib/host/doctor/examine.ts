import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { decodePointer } from '../../records/index.ts'
import { diskMarginBytes, isOtaError, type Disk } from '../../base/index.ts'
import { Home } from '../files/home.ts'
import { probeCapabilities, type Capabilities } from '../jail/capabilities.ts'
import { livingPid } from '../launcher/pids.ts'
import { readRunSpec } from '../app/runspec.ts'
import { findMeans, whyNoProgram } from '../rights/drop.ts'
import type { Means } from '../rights/limits.ts'

/** A folder or file that must not be open to others. */
export interface ModeFact {
  readonly path: string
  readonly kind: 'folder' | 'file' | 'link' | 'other'
  readonly mode: number
  readonly uid: number
  /** `own`: nobody else may even look; `write`: nobody else may write. */
  readonly needs: 'own' | 'write'
}

/** What one machine and one home are like, as found by looking; nothing is changed. */
export interface MachineFacts {
  readonly home: string
  readonly uid: number
  readonly modes: readonly ModeFact[]
  readonly space: { readonly freeBytes: number; readonly needBytes: number }
  readonly capabilities: Capabilities
  readonly means: Means
  /** systemd runs this machine, and has a unit that names this home. */
  readonly systemd: { readonly runs: boolean; readonly unit: string | null }
  readonly launcherPid: number | null
  /** The running launcher divides a control group for its app. */
  readonly isGrouped: boolean
  /** Soft limit of open files of the launcher, or of this process where none runs. */
  readonly openFiles: number | null
  /** Null: nothing is installed, or no version came before. */
  readonly previous: { readonly release: string; readonly fault: string | null } | null
  readonly running: string | null
}

const foldersOwn = ['daemon', 'daemon/keys', 'run', 'trusted']
const foldersWrite = ['', 'versions', 'state', 'config']
/** Entries that are counted before a size is taken as large. */
const entriesMost = 200_000

/** Looks at a home and its machine; takes about two seconds. */
export async function examine(disk: Disk, home: string): Promise<MachineFacts> {
  const pointer = await pointerOf(disk, home)
  const launcherPid = livingPid(join(home, 'run'), 'launcher.pid')
  return {
    home,
    uid: process.getuid?.() ?? 0,
    modes: await modesOf(home),
    space: await spaceOf(disk, home, pointer),
    capabilities: await capabilitiesOf(home),
    means: await findMeans({ look: true }),
    systemd: await systemdOf(home),
    launcherPid,
    isGrouped: await isGrouped(launcherPid),
    openFiles: await openFilesOf(launcherPid),
    previous: await previousOf(disk, home, pointer?.prev?.release ?? null),
    running: pointer?.release ?? null
  }
}

async function pointerOf(disk: Disk, home: string) {
  const bytes = await disk.read(join(home, 'current'))
  if (bytes === null) return null
  try {
    return decodePointer(bytes)
  } catch (error) {
    if (isOtaError(error)) return null
    throw error
  }
}

async function capabilitiesOf(home: string): Promise<Capabilities> {
  const folder = await probeFolder(home)
  try {
    return await probeCapabilities({ folder })
  } finally {
    await fs.rm(folder, { recursive: true, force: true })
  }
}

/** Copies share blocks on one file system only, so it is tried beside the state. */
async function probeFolder(home: string): Promise<string> {
  const within = await fs.mkdtemp(join(home, '.doctor-')).catch(() => null)
  return within ?? (await fs.mkdtemp('/tmp/upswell-doctor-'))
}

async function modesOf(home: string): Promise<readonly ModeFact[]> {
  const facts: ModeFact[] = []
  const look = async (path: string, needs: ModeFact['needs']): Promise<void> => {
    const found = await fs.lstat(path).catch(() => null)
    if (found === null) return
    const { mode, uid } = found
    const kind = found.isSymbolicLink()
      ? 'link'
      : found.isDirectory()
        ? 'folder'
        : found.isFile()
          ? 'file'
          : 'other'
    facts.push({ path, kind, mode: mode & 0o7777, uid, needs })
  }
  for (const name of foldersWrite) await look(join(home, name), 'write')
  for (const name of foldersOwn) await look(join(home, name), 'own')
  const keys = join(home, 'daemon', 'keys')
  const names = await fs.readdir(keys).catch(() => [])
  for (const name of names) await look(join(keys, name), 'own')
  return facts
}

async function spaceOf(
  disk: Disk,
  home: string,
  pointer: { readonly release: string; readonly gen: string } | null
): Promise<MachineFacts['space']> {
  const folders =
    pointer === null
      ? []
      : [
          { path: join(home, 'versions', pointer.release), times: 2 },
          { path: join(home, 'state', pointer.gen), times: 1.2 }
        ]
  let needBytes = diskMarginBytes
  for (const { path, times } of folders) needBytes += Math.ceil(times * (await bytesIn(path)))
  return { freeBytes: await disk.freeBytes(home), needBytes }
}

/** Bytes below a folder; links are not followed, and counting ends somewhere. */
async function bytesIn(top: string): Promise<number> {
  const open = [top]
  let [bytes, entries] = [0, 0]
  for (let folder = open.pop(); folder !== undefined && entries < entriesMost;) {
    for (const name of await fs.readdir(folder).catch(() => [])) {
      entries += 1
      const path = join(folder, name)
      const found = await fs.lstat(path).catch(() => null)
      if (found?.isDirectory() === true) open.push(path)
      else bytes += found?.size ?? 0
    }
    folder = open.pop()
  }
  return bytes
}

async function systemdOf(home: string): Promise<MachineFacts['systemd']> {
  const runs = await fs.access('/run/systemd/system').then(
    () => true,
    () => false
  )
  const folder = '/etc/systemd/system'
  for (const name of await fs.readdir(folder).catch(() => [])) {
    if (!name.startsWith('ota-node@') || !name.endsWith('.service')) continue
    const text = await fs.readFile(join(folder, name), 'utf8').catch(() => '')
    if (new RegExp(`--home "?${escaped(home)}"?(?: |$)`, 'm').test(text))
      return { runs, unit: name }
  }
  return { runs, unit: null }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** Whether a launcher divides a control group for its app: then it sits in a leaf of it. */
export async function isGrouped(pid: number | null): Promise<boolean> {
  if (pid === null) return false
  return /^0::\/.*\/upswell$/m.test(
    await fs.readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')
  )
}

async function openFilesOf(pid: number | null): Promise<number | null> {
  const path = `/proc/${pid ?? 'self'}/limits`
  const text = await fs.readFile(path, 'utf8').catch(() => '')
  const value = Number(/^Max open files\s+(\S+)/m.exec(text)?.[1])
  return Number.isSafeInteger(value) ? value : null
}

async function previousOf(
  disk: Disk,
  path: string,
  release: string | null
): Promise<MachineFacts['previous']> {
  if (release === null) return null
  const home = new Home(disk, path)
  try {
    if ((await disk.stat(home.tree(release)))?.type !== 'folder') {
      return { release, fault: 'its folder is not there' }
    }
    const { argv, env } = await readRunSpec(disk, home.runSpec(release))
    const at = { cwd: home.tree(release), path: env['PATH'] ?? process.env['PATH'] ?? '' }
    const why = await whyNoProgram(argv[0] ?? '', at)
    return { release, fault: why === null ? null : `its program "${argv[0]}" is not there` }
  } catch (error) {
    if (!isOtaError(error)) throw error
    return { release, fault: error.message }
  }
}
