// Two versions of a program that only one may hold the state of, through the whole machine.
import { cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { isQuarantined, type State } from '../../lib/cutover/index.ts'
import { noLocalApp } from '../../lib/host/index.ts'
import { Launcher } from '../../lib/host/launcher/main.ts'
import { Conductor, releases } from '../host/conductor.ts'
import { ask, startLoad } from '../host/load.ts'
import { later, makeTree } from '../host/rig.ts'

const idle = [process.execPath, '-e', 'setInterval(() => {}, 60000)']

interface Upgraded {
  readonly conductor: Conductor
  readonly port: number
  readonly before: number | null | undefined
}

async function installed(t: TestContext, warm: number): Promise<Upgraded> {
  const folder = await t.tmp()
  const apps = join(folder, 'root', 'fixtures', 'apps')
  await cp('fixtures/apps', apps, { recursive: true })
  const off = { shadow: { policy: 'off' }, network: { policy: 'off' } }
  for (const [place, name, stays] of [
    ['good', 'old', 0.5],
    ['slow', 'new', warm]
  ] as const) {
    const handover = { warm: stays, observe: 0.5, linger: 0.1 }
    const start = ['node', 'server.mjs', name]
    await makeTree(join(apps, place), 'store', { ...off, handover, start })
  }
  const path = join(folder, 'home')
  await mkdir(path, { mode: 0o700 })
  const launcher = new Launcher({ home: path, daemon: idle, output: 'ignore' }, () => undefined)
  await launcher.start()
  t.teardown(async () => await launcher.stop(), { order: 10 })
  const here = process.cwd()
  const env = { MODULES: join(here, 'node_modules') }
  const local = { ...noLocalApp, shadow: 'off', phoneHome: 'off', env } as const
  process.chdir(join(folder, 'root'))
  const conductor = await Conductor.open(path, { local }).finally(() => process.chdir(here))
  t.teardown(async () => await conductor.close(), { order: 1 })
  await conductor.upgrade('good')
  await conductor.until(({ op, pointer }) => op === null && pointer !== null)
  const { listens, slots, routed } = await conductor.machine.view()
  const port = Number(listens['http']?.split(':').at(-1))
  return { conductor, port, before: slots[routed ?? 'a']?.pid }
}

function isOver({ op, pointer }: State): boolean {
  return op === null && pointer?.release === releases.slow
}

test('the new one loads behind the lock, gets it, and no new connection is refused', async (t) => {
  const { conductor, port } = await installed(t, 1)
  const load = startLoad(port)
  await conductor.upgrade('slow')
  await conductor.until(isOver)
  await later(300)
  await load.stop()
  t.comment(`${load.sent()} requests, ${load.lost()} lost, ${[...load.answers].join(' ')}`)
  t.is(await ask(port), 'new')
  t.ok((load.answers.get('old') ?? 0) > 0 && (load.answers.get('new') ?? 0) > 0)
  const { slots } = await conductor.machine.view()
  t.is([slots.a, slots.b].filter((slot) => slot?.status === 'up').length, 1, 'the old one is gone')
})

test('S74 one that dies on trial leaves the lock to the old process', async (t) => {
  const { conductor, port, before } = await installed(t, 30)
  await conductor.upgrade('slow')
  await conductor.until(({ op }) => op?.state === 'trial' && op.warm)
  while ((await ask(port).catch(String)) !== 'new') await later(20)
  const { slots, routed } = await conductor.machine.view()
  process.kill(slots[routed ?? 'b']?.pid ?? 0, 'SIGKILL')
  const state = await conductor.until(({ op }) => op === null)
  t.is(state.pointer?.release, releases.good)
  t.ok(isQuarantined(state, releases.slow))
  while ((await ask(port).catch(String)) !== 'old') await later(20)
  const after = await conductor.machine.view()
  t.is(after.slots[after.routed ?? 'b']?.pid, before, 'its process never stopped')
})
