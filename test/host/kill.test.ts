import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:net'
import test from 'brittle'
import { realDisk, socketPath } from '../../lib/host/index.ts'
import type { LauncherView } from '../../lib/host/index.ts'
import { onLines, sendLine } from '../../lib/host/launcher/lines.ts'
import { decodePointer } from '../../lib/records/index.ts'
import { releases } from './conductor.ts'

/** All edges of an upgrade that goes well. */
const edges = '1 2 3 4 6 7 13 14 15 16 17 18'.split(' ')

test(
  'a daemon killed after every kind of edge ends upgraded, the app untouched',
  { timeout: 60_000 },
  async (t) => {
    const path = join(await t.tmp(), 'home')
    await mkdir(path, { mode: 0o700 })
    const here = import.meta.dirname
    const daemon = [process.execPath, join(here, 'driver.js'), path, process.cwd()]
    const launcher = spawn(process.execPath, [join(here, 'launch.js'), path, ...daemon], {
      stdio: 'ignore',
      env: { ...process.env, OTA_CRASH_AFTER_EDGE: edges.map((edge) => `${edge}:1`).join(',') }
    })
    t.teardown(() => launcher.kill('SIGTERM'))
    const disk = realDisk()
    let pid: number | null = null
    let pids = new Set<number>()
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      const view = await look(path)
      for (const slot of [view?.slots.a, view?.slots.b]) {
        if (slot?.release === releases.good && slot.pid !== null) pids.add(slot.pid)
        if (slot?.release === releases.better && slot.pid !== null) pid = slot.pid
      }
      const bytes = await disk.read(join(path, 'current'))
      if (bytes === null) pids = new Set()
      const pointer = bytes === null ? null : decodePointer(bytes)
      const isOver = pointer?.release === releases.better && pointer.phase === 'committed'
      const left = (await realNames(join(path, 'run'))).filter((name) =>
        name.startsWith('crashed-')
      )
      if (isOver && left.length === edges.length) break
    }
    t.ok(pids.size <= 1, 'the version in charge kept its process through every kill')
    const { slots, routed } = (await look(path)) ?? { slots: { a: null, b: null }, routed: 'a' }
    t.is(slots[routed ?? 'a']?.release, releases.better)
    t.is(slots[routed ?? 'a']?.pid, pid)
    t.ok((await readFile(join(path, 'journal'), 'utf8')).length > 0)
    launcher.kill('SIGTERM')
    const [code] = await once(launcher, 'exit')
    t.is(code, 0)
  }
)

async function realNames(folder: string): Promise<readonly string[]> {
  return await realDisk().list(folder)
}

async function look(path: string): Promise<LauncherView | null> {
  return await new Promise((resolve) => {
    const socket = connect(socketPath(join(path, 'run'), 'launcher.sock'))
    socket.on('error', () => resolve(null))
    socket.on('connect', () => sendLine(socket, { id: 1, do: 'list' }))
    onLines(socket, (value) => {
      socket.destroy()
      resolve(value as unknown as LauncherView)
    })
  })
}
