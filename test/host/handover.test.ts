import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { startTime } from '../../lib/host/launcher/pids.ts'
import { ask, startLoad } from './load.ts'
import { later, Rig, type Change } from './rig.ts'

const [one, two] = ['1'.repeat(52), '2'.repeat(52)]

async function rig(t: TestContext): Promise<Rig> {
  const opened = await Rig.open(await t.tmp())
  t.teardown(async () => await opened.close())
  return opened
}

/** Version `one` of the level 2 app in charge, `two` installed. */
async function served(t: TestContext, change: Change = {}): Promise<Rig> {
  const opened = await rig(t)
  for (const [release, name] of [
    [one, 'one'],
    [two, 'two']
  ] as const) {
    await opened.install(release, 'steady', { start: ['node', 'server.mjs', name], ...change })
  }
  await opened.serve('a', one)
  return opened
}

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

test('a socket passes from one process to the next, and no request is lost', async (t) => {
  const at = await served(t)
  const load = startLoad(await at.port(), 5)
  await at.overlap('b', two)
  await later(300)
  await at.do({ tag: 'end', slot: 'a', drain: true })
  await at.told('ended', 'a')
  await later(200)
  await load.stop()
  t.comment(`${load.sent()} requests, ${[...load.answers].join(' ')}`)
  t.is(load.lost(), 0)
  t.ok((load.answers.get('one') ?? 0) > 0 && (load.answers.get('two') ?? 0) > 0)
})

test('the old version takes back without a daemon, with a number of its own', async (t) => {
  const at = await served(t)
  const port = await at.port()
  await at.overlap('b', two)
  await at.do({ tag: 'arm', on: 'b', to: 'a' })
  const before = (await at.view()).slots
  const killed = before.b?.pid ?? 0
  await at.disconnect()
  process.kill(killed, 'SIGKILL')
  for (;;) if ((await ask(port).catch(String)) === 'one') break
  await at.connect()
  const { slots, armed } = await at.view()
  t.is(slots.a?.pid, before.a?.pid, 'the process that was warm')
  t.is(slots.a?.word?.state, 'primary')
  t.ok((slots.a?.inc ?? 0) > (before.b?.inc ?? 0), 'a number above every one before')
  t.is(Number(readFileSync(join(at.home.path, 'inc'), 'utf8')), slots.a?.inc)
  t.is(armed, null)
})

test('a new daemon knows what the app said before it came', async (t) => {
  const at = await served(t)
  const pid = await at.pid('a')
  await at.disconnect()
  await at.connect()
  const { word } = (await at.view()).slots.a ?? {}
  t.ok(word?.ready)
  t.is(word?.state, 'primary')
  await at.told('healthy', 'a')
  await at.do({ tag: 'release', slot: 'a' })
  await at.told('released', 'a')
  await at.do({ tag: 'resume', slot: 'a' })
  await at.told('primary', 'a')
  t.is(await ask(await at.port()), 'one')
  t.is(await at.pid('a'), pid)
})

test('when its spare sockets are used up an app says nothing, and ends', async (t) => {
  const listen = [{ name: 'http', default: '127.0.0.1:0', spares: 1 }]
  const at = await served(t, { listen })
  for (const round of [0, 1]) {
    await at.do({ tag: 'release', slot: 'a' })
    await at.told('released', 'a')
    await at.do({ tag: 'resume', slot: 'a' })
    if (round === 0) await at.told('primary', 'a')
    else await at.told('exited', 'a')
  }
  t.pass('only a new start can serve again')
})

test('a socket-activated program of level 1 is handed its socket, unchanged', async (t) => {
  const at = await rig(t)
  for (const [release, name] of [
    [one, 'one'],
    [two, 'two']
  ] as const) {
    await at.install(release, 'activated', { start: ['node', 'server.js', name] })
  }
  await at.serve('a', one)
  const load = startLoad(await at.port(), 5)
  await at.start('b', two)
  await at.told('healthy', 'b')
  await at.do({ tag: 'takeover', slot: 'b' })
  await at.told('primary', 'b')
  await later(200)
  await at.do({ tag: 'end', slot: 'a', drain: true })
  await at.told('ended', 'a')
  await load.stop()
  t.comment(`${load.sent()} requests, ${[...load.answers].join(' ')}`)
  t.is(load.lost(), 0)
  t.ok((load.answers.get('one') ?? 0) > 0 && (load.answers.get('two') ?? 0) > 0)
})

test('twenty hand-overs leave no descriptor and no process behind', async (t) => {
  const at = await served(t)
  const launcher = at.launcher.pid ?? 0
  const round = async (to: 'a' | 'b', release: string): Promise<void> => {
    await at.overlap(to, release)
    const from = to === 'a' ? 'b' : 'a'
    await at.do({ tag: 'end', slot: from, drain: true })
    await at.told('ended', from)
  }
  await round('b', two)
  await later(600)
  const before = descriptors(launcher)
  const pids: number[] = []
  for (let count = 0; count < 20; count++) {
    const to = count % 2 === 0 ? 'a' : 'b'
    await round(to, to === 'a' ? one : two)
    pids.push(await at.pid(to))
  }
  await later(700)
  t.is(descriptors(launcher), before, 'of the launcher')
  t.is(pids.slice(0, -1).filter((pid) => startTime(pid) !== null).length, 0)
  t.is(await ask(await at.port()), 'two')
})

test('twenty daemons come and go while the app goes on', async (t) => {
  const at = await served(t)
  const [pid, load] = [await at.pid('a'), startLoad(await at.port(), 5)]
  for (let count = 0; count < 20; count++) {
    await at.disconnect()
    await at.connect()
  }
  await load.stop()
  t.comment(`${load.sent()} requests`)
  t.is(load.lost(), 0)
  t.is(await at.pid('a'), pid)
})

test('the same socket goes from the relay to the app and back', async (t) => {
  const at = await rig(t)
  await at.install(one, 'good')
  await at.install(two, 'steady', { start: ['node', 'server.mjs', 'two'] })
  await at.serve('a', one)
  const port = await at.port()
  // The relay reads no requests: a connection that is kept busy it can only cut at drainMax.
  const load = startLoad(port, 5, false)
  await at.start('b', two, 'wait')
  await at.told('healthy', 'b')
  await at.do({ tag: 'takeover', slot: 'b' })
  await at.told('primary', 'b')
  await at.do({ tag: 'route', slot: 'b' })
  await at.do({ tag: 'end', slot: 'a', drain: true })
  await at.told('ended', 'a')
  t.is(await ask(port), 'two')
  await at.start('a', one)
  await at.told('healthy', 'a')
  await at.do({ tag: 'route', slot: 'a' })
  await at.do({ tag: 'release', slot: 'b' })
  await at.told('released', 'b')
  await at.do({ tag: 'end', slot: 'b', drain: true })
  await at.told('ended', 'b')
  t.is(await ask(port), 'good')
  await load.stop()
  t.comment(`${load.sent()} requests, ${[...load.answers].join(' ')}`)
  t.is(load.lost(), 0)
  t.is(await at.port(), port)
})

test('while nobody serves, connections wait and none is refused', async (t) => {
  const at = await served(t)
  const port = await at.port()
  await at.do({ tag: 'release', slot: 'a' })
  await at.told('released', 'a')
  const waiting = [1, 2, 3].map(async () => await ask(port))
  const socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  await at.do({ tag: 'resume', slot: 'a' })
  t.alike(await Promise.all(waiting), ['one', 'one', 'one'])
  socket.destroy()
})
