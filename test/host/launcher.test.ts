import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { isQuarantined } from '../../lib/cutover/index.ts'
import { noLocalApp } from '../../lib/host/index.ts'
import { startTime } from '../../lib/host/launcher/pids.ts'
import { Launcher } from '../../lib/host/launcher/main.ts'
import { Conductor, releases } from './conductor.ts'
import { ask, startLoad } from './load.ts'

const idle = [process.execPath, '-e', 'setInterval(() => {}, 60000)']

/** A home with a launcher in this process; the test plays the daemon. */
async function home(t: TestContext): Promise<{ path: string; launcher: Launcher }> {
  const path = join(await t.tmp(), 'home')
  await mkdir(path, { mode: 0o700 })
  const launcher = new Launcher({ home: path, daemon: idle, output: 'ignore' }, () => undefined)
  await launcher.start()
  t.teardown(async () => await launcher.stop(), { order: 10 })
  return { path, launcher }
}

async function open(t: TestContext, path: string): Promise<Conductor> {
  const conductor = await Conductor.open(path)
  t.teardown(async () => await conductor.close(), { order: 1 })
  return conductor
}

async function publicPort(conductor: Conductor): Promise<number> {
  const { listens } = await conductor.machine.view()
  return Number(listens['http']?.split(':').at(-1))
}

test('a hand-over under load loses no request', async (t) => {
  const { path } = await home(t)
  const conductor = await open(t, path)
  await conductor.upgrade('good')
  await conductor.until(({ op, pointer }) => op === null && pointer !== null)
  const port = await publicPort(conductor)
  const load = startLoad(port)
  await conductor.upgrade('slow')
  await conductor.until(({ op, pointer }) => op === null && pointer?.release === releases.slow)
  await load.stop()
  t.comment(`${load.sent()} requests, ${[...load.answers].join(' ')}`)
  t.is(load.lost(), 0)
  t.ok(load.sent() > 50)
  t.ok((load.answers.get('good') ?? 0) > 0 && (load.answers.get('slow') ?? 0) > 0)
  const { slots, refused, traffic } = await conductor.machine.view()
  t.is(refused, 0)
  t.is(traffic.a.lost + traffic.b.lost, 0)
  t.is([slots.a, slots.b].filter((slot) => slot?.status === 'up').length, 1, 'the old one is gone')
})

test('a version that crashes a moment after it was healthy is taken back', async (t) => {
  const { path } = await home(t)
  const conductor = await open(t, path)
  await conductor.upgrade('good')
  await conductor.until(({ op, pointer }) => op === null && pointer !== null)
  const port = await publicPort(conductor)
  const before = (await conductor.machine.view()).slots.a?.pid
  await conductor.upgrade('crashing')
  await conductor.until(({ pointer }) => pointer?.release === releases.crashing)
  const state = await conductor.until(({ op }) => op === null)
  t.is(state.pointer?.release, releases.good)
  t.ok(isQuarantined(state, releases.crashing))
  t.is(conductor.reports.at(-1)?.reason, 'exit')
  t.is(await ask(port), 'good')
  const { slots, routed } = await conductor.machine.view()
  t.is(slots[routed ?? 'b']?.pid, before, 'the old process was never stopped')
})

test('an armed launcher takes back without a daemon', async (t) => {
  const { path } = await home(t)
  const first = await Conductor.open(path)
  await first.upgrade('good')
  await first.until(({ op, pointer }) => op === null && pointer !== null)
  const port = await publicPort(first)
  await first.upgrade('better')
  await first.until(({ op }) => op?.state === 'trial')
  await first.machine.idle()
  const { slots, armed } = await first.machine.view()
  t.alike(armed, { on: 'b', to: 'a' })
  await first.close()
  const pid = slots.b?.pid
  if (pid === null || pid === undefined) throw new Error('nothing runs in slot b')
  process.kill(pid, 'SIGKILL')
  // What the dead process had accepted is lost; what comes after it is not.
  for (;;) if ((await ask(port).catch(String)) === 'good' && !isUp(pid)) break
  const second = await open(t, path)
  const state = await second.until(({ op }) => op === null)
  t.is(state.pointer?.release, releases.good)
  t.ok(isQuarantined(state, releases.better))
  t.is(await ask(port), 'good')
})

test('a second launcher and a second daemon of one home are refused (LOCKED)', async (t) => {
  const { path } = await home(t)
  await open(t, path)
  await t.exception(Conductor.open(path), /another daemon/)
  const script = join(import.meta.dirname, 'launch.js')
  const child = spawn(process.execPath, [script, path, ...idle], { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  t.is(code, 1)
})

test('a public port that is taken is a host cause, not the release', async (t) => {
  const { path } = await home(t)
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  const local = { ...noLocalApp, listen: { http: `127.0.0.1:${port}` } }
  const conductor = await Conductor.open(path, { local })
  t.teardown(async () => await conductor.close(), { order: 1 })
  await conductor.upgrade('good')
  const state = await conductor.until(({ quarantine }) => quarantine.length > 0)
  t.is(state.quarantine[0]?.code, 'port')
  t.is(state.quarantine[0]?.why, 'host')
  t.is(state.pointer, null)
})

test('processes that a killed launcher left behind are ended before anything starts', async (t) => {
  const path = join(await t.tmp(), 'home')
  await mkdir(path, { mode: 0o700 })
  const here = import.meta.dirname
  const daemon = [process.execPath, join(here, 'driver.js'), path, process.cwd()]
  const child = spawn(process.execPath, [join(here, 'launch.js'), path, ...daemon], {
    stdio: 'ignore'
  })
  const pids = join(path, 'run', 'pids')
  for (;;) if ((await names(pids)).some((name) => name === 'a' || name === 'b')) break
  const noted = await Promise.all((await names(pids)).map(async (name) => await pidIn(pids, name)))
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(noted.length >= 2)
  const launcher = new Launcher({ home: path, daemon: idle, output: 'ignore' }, () => undefined)
  await launcher.start()
  t.teardown(async () => await launcher.stop())
  for (const pid of noted) t.absent(isUp(pid), `process ${pid} is gone`)
})

async function names(folder: string): Promise<readonly string[]> {
  await new Promise((resolve) => setImmediate(resolve))
  return await readdir(folder).catch(() => [])
}

async function pidIn(folder: string, name: string): Promise<number> {
  const noted: unknown = JSON.parse(await readFile(join(folder, name), 'utf8'))
  return Number(Object.entries(noted ?? {}).find(([key]) => key === 'pid')?.[1])
}

/** A process that ended and was not yet collected by its parent has ended. */
function isUp(pid: number): boolean {
  return startTime(pid) !== null
}
