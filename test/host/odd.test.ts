import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { startTime } from '../../lib/host/launcher/pids.ts'
import { ask } from './load.ts'
import { later, Rig, type Change } from './rig.ts'

const [one, two] = ['1'.repeat(52), '2'.repeat(52)]

async function rig(t: TestContext): Promise<Rig> {
  const opened = await Rig.open(await t.tmp())
  t.teardown(async () => await opened.close())
  return opened
}

/** Version `one` in charge, and the app that misbehaves installed as `two`. */
async function beside(t: TestContext, way: string, change: Change = {}): Promise<Rig> {
  const opened = await rig(t)
  await opened.install(one, 'steady', { start: ['node', 'server.mjs', 'one'] })
  await opened.serve('a', one)
  await opened.install(two, 'odd', { start: ['node', 'server.mjs', way], ...change })
  return opened
}

test('a version that exits, hangs, is sick or never takes charge is said to be so', async (t) => {
  const expected = {
    exits: 'exited',
    hangs: 'start-timeout',
    sick: 'start-timeout',
    'never-primary': 'takeover-timeout',
    closes: 'takeover-timeout'
  } as const
  for (const [way, tag] of Object.entries(expected)) {
    const at = await beside(t, way)
    await at.start('b', two, 'wait')
    if (tag === 'takeover-timeout') {
      await at.told('healthy', 'b')
      await at.do({ tag: 'takeover', slot: 'b' })
    }
    await at.told(tag, 'b')
    t.is(await ask(await at.port()), 'one', `${way}: the old version serves`)
    await at.close()
  }
})

test('a flood and a line of a megabyte change nothing for anybody else', async (t) => {
  for (const way of ['long-line', 'flood', 'floods-on']) {
    const at = await beside(t, way)
    await at.start('b', two, 'wait')
    if (way !== 'floods-on') await at.told('healthy', 'b')
    else await later(1_000)
    const { slots } = await at.view()
    t.ok((slots.b?.dropped ?? 0) > 0, `${way}: ${slots.b?.dropped} lines dropped`)
    t.ok(Object.keys(slots.b?.word?.metrics ?? {}).length <= 64)
    t.is(await ask(await at.port()), 'one')
    await at.close()
  }
})

test('what ignores every request to end is killed, with all it started', async (t) => {
  const deaf = await beside(t, 'deaf')
  await deaf.start('b', two, 'wait')
  await deaf.told('healthy', 'b')
  const pid = await deaf.pid('b')
  await deaf.do({ tag: 'end', slot: 'b', drain: false })
  await deaf.told('ended', 'b')
  t.is(startTime(pid), null)
  await deaf.close()
  const strays = await beside(t, 'strays')
  await strays.start('b', two, 'wait')
  await strays.told('healthy', 'b')
  const stray = Number((await strays.view()).slots.b?.word?.status)
  t.ok(startTime(stray) !== null)
  process.kill(await strays.pid('b'), 'SIGKILL')
  await strays.told('exited', 'b')
  for (let count = 0; count < 100 && startTime(stray) !== null; count++) await later(10)
  t.is(startTime(stray), null, 'what it left in its group')
})

test('an app that keeps its lock when told to release it is found out', async (t) => {
  const at = await rig(t)
  await at.install(one, 'odd', { start: ['node', 'server.mjs', 'keeps-the-lock'] })
  await at.serve('a', one)
  await at.do({ tag: 'release', slot: 'a' })
  await at.told('release-timeout', 'a')
  t.pass('ten seconds, then it is known')
})

test('a missed watchdog is told, and ends a committed app so that it starts anew', async (t) => {
  const at = await rig(t)
  const probe = { alive: 0.1, http: undefined, expect: undefined }
  const health = { probe, watchdog: 0.3 }
  await at.install(one, 'odd', { start: ['node', 'server.mjs', 'silent'], health })
  await at.start('a', one)
  await at.told('watchdog', 'a')
  const first = await at.pid('a')
  await at.do({ tag: 'keep', slot: 'a', restart: true })
  await at.do({ tag: 'end', slot: 'a', drain: false })
  await at.told('ended', 'a')
  await at.do({ tag: 'start', slot: 'a', release: one, gen: '0-1', restart: true, mode: 'live' })
  await at.told('watchdog', 'a')
  await at.told('exited', 'a')
  await at.told('healthy', 'a')
  t.not(await at.pid('a'), first)
})

test('however much an app prints, its log stays small', async (t) => {
  const at = await beside(t, 'prints')
  await at.start('b', two, 'wait')
  await at.told('healthy', 'b')
  const folder = join(at.home.path, 'log')
  for (;;) {
    if (readdirSync(folder).includes('app.log.2')) break
    await later(50)
  }
  const sizes = readdirSync(folder).map((name) => readFileSync(join(folder, name)).byteLength)
  t.ok(sizes.every((size) => size <= 4 * 1_048_576) && sizes.length <= 4, sizes.join(' '))
})
