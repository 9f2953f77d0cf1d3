import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { isQuarantined } from '../../lib/cutover/index.ts'
import { findJail } from '../../lib/host/index.ts'
import { Launcher } from '../../lib/host/launcher/main.ts'
import { Conductor, releases } from '../host/conductor.ts'
import { ask, startLoad } from '../host/load.ts'
import { later, makeTree, type Change } from '../host/rig.ts'

const idle = [process.execPath, '-e', 'setInterval(() => {}, 60000)']

interface Upgraded {
  readonly conductor: Conductor
  readonly port: number
  readonly before: number | null | undefined
}

/** A home whose release "good" is the app of level 2 in charge, and "slow" what is to come. */
async function home(t: TestContext, app: string, change: Change): Promise<Upgraded> {
  const folder = await t.tmp()
  const apps = join(folder, 'root', 'fixtures', 'apps')
  await cp('fixtures/apps', apps, { recursive: true })
  const off = { shadow: { policy: 'off' }, network: { policy: 'off' } }
  const quick = { ...off, handover: { warm: 1, observe: 0.5, linger: 0.3 } }
  await makeTree(join(apps, 'good'), 'steady', { ...quick, start: ['node', 'server.mjs', 'old'] })
  await makeTree(join(apps, 'slow'), app, { ...quick, ...change })
  const path = join(folder, 'home')
  await mkdir(path, { mode: 0o700 })
  const launcher = new Launcher({ home: path, daemon: idle, output: 'ignore' }, () => undefined)
  await launcher.start()
  t.teardown(async () => await launcher.stop(), { order: 10 })
  const here = process.cwd()
  process.chdir(join(folder, 'root'))
  const conductor = await Conductor.open(path).finally(() => process.chdir(here))
  t.teardown(async () => await conductor.close(), { order: 1 })
  await conductor.upgrade('good')
  await conductor.until(({ op, pointer }) => op === null && pointer !== null)
  const { listens, slots, routed } = await conductor.machine.view()
  const port = Number(listens['http']?.split(':').at(-1))
  return { conductor, port, before: slots[routed ?? 'a']?.pid }
}

test('an upgrade hands the socket over through the whole machine, and loses nothing', async (t) => {
  const { conductor, port } = await home(t, 'steady', { start: ['node', 'server.mjs', 'new'] })
  const load = startLoad(port)
  await conductor.upgrade('slow')
  await conductor.until(({ op, pointer }) => op === null && pointer?.release === releases.slow)
  await later(500)
  await load.stop()
  t.comment(`${load.sent()} requests, ${[...load.answers].join(' ')}`)
  t.is(load.lost(), 0)
  t.is(await ask(port), 'new')
  const { slots } = await conductor.machine.view()
  t.is([slots.a, slots.b].filter((slot) => slot?.status === 'up').length, 1, 'the old one is gone')
})

test('a version that never takes charge goes, and the old one serves on', async (t) => {
  const start = ['node', 'server.mjs', 'never-primary']
  // Warmth is over long before anybody gives up waiting for it to take charge.
  const handover = { warm: 1, observe: 0.5, linger: 0.3 }
  const { conductor, port, before } = await home(t, 'odd', { start, handover })
  const load = startLoad(port)
  await conductor.upgrade('slow')
  const state = await conductor.until(({ op }) => op === null)
  await load.stop()
  t.is(load.lost(), 0)
  t.is(state.pointer?.release, releases.good)
  t.ok(isQuarantined(state, releases.slow))
  t.is(await ask(port), 'old')
  const { slots, routed } = await conductor.machine.view()
  t.is(slots[routed ?? 'b']?.pid, before, 'its process was never stopped')
})

test('a version that dies on trial gives way to the warm one within the second', async (t) => {
  const { conductor, port } = await home(t, 'steady', { start: ['node', 'server.mjs', 'new'] })
  await conductor.upgrade('slow')
  await conductor.until(({ op }) => op?.state === 'trial' && op.warm)
  while ((await conductor.machine.view()).armed === null) await later(10)
  while ((await ask(port).catch(String)) !== 'new') await later(5)
  await later(100)
  const { armed, slots } = await conductor.machine.view()
  const pid = armed === null ? null : slots[armed.on]?.pid
  if (pid === null || pid === undefined) throw new Error('nothing is armed')
  process.kill(pid, 'SIGKILL')
  while ((await ask(port).catch(String)) !== 'old') await later(1)
  const state = await conductor.until(({ op }) => op === null)
  t.is(state.pointer?.release, releases.good)
  t.is(conductor.reports.at(-1)?.reason, 'exit')
  t.is(await ask(port), 'old')
})

const jailed = (await findJail()).tag === 'jail' ? {} : { skip: true }

test(
  'a version that waits for its turn is put in charge of its shadow, and passes',
  jailed,
  async (t) => {
    const shadow = { policy: 'require', window: 1 }
    const start = ['node', 'server.mjs', 'new']
    const { conductor, port } = await home(t, 'steady', { start, shadow })
    await conductor.upgrade('slow')
    const state = await conductor.until(({ op }) => op === null || op.state === 'waiting')
    t.is(state.pointer?.release, releases.slow, 'required, so it was not passed over')
    t.is(await ask(port), 'new')
  }
)
