import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import test, { type TestContext } from 'brittle'
import { startTime } from '../../lib/host/launcher/pids.ts'
import { ask, startLoad } from './load.ts'
import { later, Rig } from './rig.ts'

const [one, two] = ['1'.repeat(52), '2'.repeat(52)]
const hasPython = spawnSync('python3', ['--version']).status === 0

async function open(t: TestContext): Promise<Rig> {
  const rig = await Rig.open(await t.tmp())
  t.teardown(async () => await rig.close())
  return rig
}

async function client(rig: Rig, release: string, start: readonly string[]): Promise<void> {
  const probe = { alive: 0.1, http: undefined, expect: undefined }
  const change = { start, health: { probe, watchdog: 0 } }
  await rig.install(release, 'steady', change)
  await cp(resolve('fixtures/clients'), rig.home.tree(release), { recursive: true })
}

test(
  'a client of twenty lines in Python hands over without a loss',
  { skip: !hasPython },
  async (t) => {
    const rig = await open(t)
    for (const release of [one, two]) {
      await client(rig, release, ['python3', 'python.py', release.charAt(0)])
    }
    await rig.serve('a', one)
    const port = await rig.port()
    for (;;) if ((await ask(port).catch(String)) === '1') break
    const load = startLoad(port, 10)
    await rig.overlap('b', two)
    await later(200)
    await rig.do({ tag: 'end', slot: 'a', drain: true })
    await rig.told('ended', 'a')
    await load.stop()
    t.comment(`${load.sent()} requests, ${[...load.answers].join(' ')}`)
    t.is(load.lost(), 0)
    t.ok((load.answers.get('2') ?? 0) > 0)
  }
)

test('a client in plain sh is put in charge, released and drained', async (t) => {
  const rig = await open(t)
  await client(rig, one, ['sh', 'shell.sh'])
  await rig.start('a', one)
  await rig.told('healthy', 'a')
  await rig.do({ tag: 'release', slot: 'a' })
  await rig.told('released', 'a')
  await rig.do({ tag: 'resume', slot: 'a' })
  await rig.told('primary', 'a')
  t.is(await rig.processes.control.params('a', '/x'), 'this one takes none')
  const pid = await rig.pid('a')
  await rig.do({ tag: 'end', slot: 'a', drain: true })
  await rig.told('ended', 'a')
  t.is(startTime(pid), null)
})

test('a killed launcher leaves nothing, and the next one binds the same port', async (t) => {
  const folder = await t.tmp()
  const rig = await Rig.open(folder)
  await rig.install(one, 'steady')
  await rig.serve('a', one)
  const [port, pid] = [await rig.port(), await rig.pid('a')]
  await rig.disconnect()
  rig.launcher.kill('SIGKILL')
  await once(rig.launcher, 'exit')
  t.ok(startTime(pid) !== null, 'the app does not notice at once')
  const next = await Rig.open(folder)
  t.teardown(async () => await next.close())
  t.is(startTime(pid), null, 'its stray is ended before anything starts')
  const listen = [{ name: 'http', default: `127.0.0.1:${port}`, spares: 4 }]
  await next.install(one, 'steady', { listen })
  await next.serve('a', one)
  t.is(await next.port(), port)
  t.is(await ask(port), 'steady')
})

test(
  'sockets of a service manager are taken by name and passed on',
  { skip: !hasPython },
  async (t) => {
    const folder = await t.tmp()
    // A socket-activating parent: binds, listens, and becomes the launcher.
    const parent = `
import os, socket, sys
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(64)
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="http", LISTEN_PID=str(os.getpid()))
print(s.getsockname()[1], file=open(sys.argv[1], "w"), flush=True)
os.execv(sys.argv[2], sys.argv[2:])
`
    const note = join(folder, 'port')
    const rig = await Rig.open(folder, ['python3', '-c', parent, note])
    t.teardown(async () => await rig.close())
    await rig.install(one, 'steady')
    await rig.serve('a', one)
    const { stdout } = spawnSync('cat', [note], { encoding: 'utf8' })
    t.is(await rig.port(), Number(stdout), 'whatever address the app would have')
    t.is(await ask(Number(stdout)), 'steady')
  }
)
