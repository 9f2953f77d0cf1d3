import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realDisk, socketPath, type LauncherView } from '../../lib/host/index.ts'
import { onLines, sendLine } from '../../lib/host/launcher/lines.ts'
import { decodeJournal, decodePointer, type Pointer } from '../../lib/records/index.ts'
import { releases, type AppName } from '../host/conductor.ts'

/** An upgrade of real programs whose daemon is killed. */
export interface Deed {
  readonly from: AppName
  readonly to: AppName
  /** Edges after whose journal line it dies, as `OTA_CRASH_AFTER_EDGE` has them. */
  readonly kills: readonly string[]
  /** What serves in the end. */
  readonly end: AppName
  /** The new version is tried in a shadow first. */
  readonly looks?: boolean
  /** Which edges it passes depends on how fast things go here. */
  readonly varies?: boolean
}

const patienceMs = 150_000
const lookMs = 50

/** Runs it to its end; null: it ended as it must, else what was wrong. */
export async function killed(deed: Deed): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), 'upswell-crash-'))
  const path = join(folder, 'home')
  await mkdir(path, { mode: 0o700 })
  const here = import.meta.dirname
  const driver = join(here, 'driver.js')
  const shadow = deed.looks === true ? ['look'] : []
  const daemon = [process.execPath, driver, path, process.cwd(), deed.from, deed.to, ...shadow]
  const launch = join(here, '..', 'host', 'launch.js')
  const launcher = spawn(process.execPath, [launch, path, ...daemon], {
    stdio: 'ignore',
    env: { ...process.env, OTA_CRASH_AFTER_EDGE: deed.kills.join(',') }
  })
  try {
    return await settled(path, deed)
  } finally {
    launcher.kill('SIGTERM')
    if (launcher.exitCode === null) await once(launcher, 'exit')
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function settled(path: string, deed: Deed): Promise<string | null> {
  const untilMs = Date.now() + patienceMs
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, lookMs))
    const what = await standing(path, deed)
    if (what === null) return null
    if (Date.now() > untilMs) return what
  }
}

/** What is not as it must be in the end. */
async function standing(path: string, { kills, end, to, varies }: Deed): Promise<string | null> {
  const disk = realDisk()
  const died = (await disk.list(join(path, 'run'))).filter((name) => name.startsWith('crashed-'))
  if (varies !== true && died.length < kills.length)
    return `died ${died.length} of ${kills.length} times`
  const bytes = await disk.read(join(path, 'current'))
  const pointer: Pointer | null = bytes === null ? null : decodePointer(bytes)
  if (pointer?.release !== releases[end]) return `names ${pointer?.release.slice(0, 1) ?? 'none'}`
  if (pointer.phase !== 'committed') return 'is on trial'
  const journal = decodeJournal(new Uint8Array(await readFile(join(path, 'journal'))))
  const last = journal.lines.findLast(({ tag }) => tag === 'edge')
  if (last?.tag !== 'edge' || last.state !== 'idle') return `stands at ${last?.tag ?? 'nothing'}`
  const isLeft = journal.lines.some(
    (line) => line.tag === 'quarantine' && line.release === releases[to]
  )
  if (isLeft !== (end !== to)) return isLeft ? 'is in quarantine' : 'is in no quarantine'
  const view = await look(path)
  const up = [view?.slots.a, view?.slots.b].filter((slot) => slot?.status === 'up')
  if (up.length !== 1 || up[0]?.release !== releases[end]) return `${up.length} processes`
  return up[0].gen === pointer.gen ? null : 'runs on other state than it names'
}

async function look(path: string): Promise<LauncherView | null> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath(join(path, 'run'), 'launcher.sock'))
    socket.on('error', () => resolve(null))
    socket.on('connect', () => sendLine(socket, { id: 1, do: 'list' }))
    onLines(socket, (value) => {
      socket.destroy()
      // The launcher is our own program.
      resolve(value as unknown as LauncherView)
    })
  })
}
