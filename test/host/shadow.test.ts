import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'brittle'
import { findJail, probeCapabilities, shadowMeans, showShadowReport } from '../../lib/host/index.ts'
import { changedPaths } from '../../lib/host/shadow/bait.ts'
import { overLimit } from '../../lib/host/shadow/meters.ts'
import { otaOf, serve, ShadowRoom, skip, stateful } from './shadows.ts'

const slow = { skip, timeout: 60_000 }

/** Answers and report of an app whose code is given. */
async function fare(
  folder: string,
  code: string,
  more: object = {}
): Promise<{ said: string; why: string; room: ShadowRoom }> {
  const room = await ShadowRoom.open(folder)
  await room.install('app', { from: { 'app.js': code, 'ota.json': otaOf(more) } })
  const { event, report } = await room.shadow('app', { phoneHome: 'off' })
  const said = event?.tag === 'failed' ? event.reason : `${event?.tag} ${report?.shadow}`
  return { said, why: report?.why.join('; ') ?? '', room }
}

test('a good version passes its shadow, and nothing of it is left', slow, async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  await room.install('good', { from: 'good', ota: { shadow: { window: 1 } } })
  const { event, report } = await room.shadow('good')
  t.alike(event, { tag: 'shadowed', op: 1, shadow: 'pass', phoneHome: 'pass' })
  t.alike(room.events, [{ tag: 'shadow-ready', op: 1 }])
  t.alike(readdirSync(join(room.home.path, 'snapshots')), [])
  t.ok((report?.readyMs ?? 0) > 0)
  t.ok((report?.meters.rssBytes ?? 0) > 10_000_000, 'memory was metered')
  t.ok((report?.meters.fds ?? 0) > 3, 'so were open files')
  t.is(report?.meters.pids, 1)
  t.alike(report?.why, [])
  const lines = report === null ? [] : showShadowReport(report)
  t.is(lines[0], 'shadow pass, phone-home pass')
  t.comment(lines.join(' | '))
})

test('a version that fails in its shadow does so for its own named reason', slow, async (t) => {
  const folder = await t.tmp()
  const hang = 'setInterval(() => {}, 1000)'
  const later = 'setTimeout(() => process.exit(0), 600)'
  const sick = `let n = 0; const answer = (q, r) => { r.statusCode = n++ > 2 ? 500 : 200; r.end() }
      require('http').createServer(answer).listen(8137, '127.0.0.1')`
  const eats = `${serve} const kept = []; setInterval(() => kept.push(Buffer.alloc(2e7, 1)), 50)`
  const cases: readonly [string, string, object, string, string][] = [
    ['exits', 'process.exit(3)', {}, 'exit', 'it ended with 3 before it was ready'],
    ['zero', `${serve} ${later}`, {}, 'exit', 'it ended with 0 while it was watched'],
    ['hangs', hang, { startTimeout: 1 }, 'start-timeout', 'it was not ready after 1000 ms'],
    ['sick', sick, { shadow: { window: 5 } }, 'health', 'its probes failed for 1000 ms'],
    [
      'eats',
      eats,
      { shadow: { window: 9 }, limits: { memory: 134217728 } },
      'over-limit',
      'memory'
    ],
    [
      'ends',
      `${serve} process.kill(process.ppid, 'SIGKILL')`,
      {},
      'exit',
      'the jail ended before its time'
    ]
  ]
  const done = cases.map(async ([name, code, more, reason, why]) => {
    const found = await fare(join(folder, name), code, more)
    t.is(found.said, reason, name)
    t.ok(found.why.startsWith(why), found.why)
  })
  await Promise.all(done)
})

test(
  'sockets are given away, the control stream speaks, and a bad self-check counts',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const given = `
    const { LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID, OTA_MODE, OTA_FD } = process.env
    if (LISTEN_FDS !== '1' || LISTEN_FDNAMES !== 'http') process.exit(9)
    if (Number(LISTEN_PID) !== process.pid) process.exit(7)
    if (OTA_MODE !== 'shadow') process.exit(8)
    require('http').createServer((q, r) => r.end('ok')).listen({ fd: 3 })`
    const speaks = (answer: string): string => `${given}
    const stream = new (require('net').Socket)({ fd: Number(OTA_FD) })
    stream.on('data', (text) => {
      if (String(text).includes('OTA=shadow-check')) stream.write('OTA_HEALTH=${answer}\\n')
    })
    stream.write('READY=1\\n')`
    const listen = { handover: { class: 'exclusive' }, level: 2 }
    const cases: readonly [string, string, object, string][] = [
      ['one', given, { ...listen, level: 1 }, 'shadowed pass'],
      ['two', speaks('ok'), listen, 'shadowed pass'],
      ['bad', speaks('bad:disk'), listen, 'health'],
      ['mute', given, { ...listen, startTimeout: 1 }, 'start-timeout']
    ]
    const done = cases.map(async ([name, code, more, said]) => {
      const found = await fare(join(folder, name), code, more)
      t.is(found.said, said, `${name}: ${found.why}`)
    })
    await Promise.all(done)
  }
)

test(
  'the probe of a release is asked in the jail, and only what it may say is believed',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const cases: readonly [string, string, string][] = [
      ['process.exit(0)', 'shadowed pass', ''],
      ['process.exit(75)', 'shadowed unavailable', 'its probe cannot answer now (exit 75)'],
      ['process.exit(1)', 'health', 'its probe failed: it ended with 1'],
      [
        "process.kill(process.pid, 'SIGTERM')",
        'health',
        'its probe failed: it was ended by SIGTERM'
      ],
      ["require('http').get('http://127.0.0.1:8137', () => process.exit(0))", 'shadowed pass', '']
    ]
    const done = cases.map(async ([probe, said, why], index) => {
      const more = { shadow: { window: 1, probe: ['node', '-e', probe] } }
      const found = await fare(join(folder, String(index)), serve, more)
      t.alike([found.said, found.why], [said, why], probe)
    })
    await Promise.all(done)
  }
)

test('where no jail can be made the answer is unavailable, and never a pass', async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  await room.install('good', { from: 'good' })
  const none = await findJail({ kinds: ['unshare'], path: '/nowhere' })
  t.alike(none, { tag: 'none', why: 'unshare is not installed' })
  const without = { jail: async () => await Promise.resolve(none) }
  for (const policy of ['prefer', 'require'] as const) {
    const { event, report } = await room.shadow(
      'good',
      { shadow: policy, phoneHome: policy },
      without
    )
    t.is(event?.tag, 'shadowed')
    t.is(report?.shadow, 'unavailable')
    t.is(report?.phoneHome, 'unavailable')
    t.ok(report?.why[0]?.startsWith('there is no jail'))
  }
  const off = await room.shadow('good', { shadow: 'off', phoneHome: 'prefer' }, without)
  t.alike(off.event, { tag: 'shadowed', op: 3, shadow: 'off', phoneHome: 'unavailable' })
  const found = await probeCapabilities({ folder: room.home.path, path: '/nowhere' })
  t.alike([found.jail, found.has.userns, found.has['netwatch-full']], [null, false, false])
  t.is(found.bits & 0b1_1111, 0)
})

test(
  'where the network cannot be watched, the shadow passes and the look does not',
  slow,
  async (t) => {
    const room = await ShadowRoom.open(await t.tmp())
    await room.install('good', { from: 'good', ota: { shadow: { window: 1 } } })
    const { event } = await room.shadow(
      'good',
      {},
      { watches: async () => await Promise.resolve(null) }
    )
    t.alike(event, { tag: 'shadowed', op: 1, shadow: 'pass', phoneHome: 'unavailable' })
  }
)

test('what a shadow needs of a machine is asked once, and said as it is', slow, async (t) => {
  const here = shadowMeans()
  const [one, two] = [await here.jail(), await here.jail()]
  t.is(one, two)
  if (one.tag === 'none') return t.fail(one.why)
  const how = await here.watches(one.jail)
  t.is(await here.watches(one.jail), how)
  const { has } = await probeCapabilities({ folder: await t.tmp() })
  t.is(how, has['netwatch-full'] ? 'full' : 'count')
  const nowhere = await shadowMeans('/nowhere').jail()
  t.is(nowhere.tag, 'none')
})

test('a shadow that is ended says nothing more and leaves nothing', slow, async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  const mark = `upswell-mark-${process.pid}`
  const more = { shadow: { window: 60 }, start: ['node', 'app.js', mark] }
  await room.install('app', { from: { 'app.js': serve, 'ota.json': otaOf(more) } })
  const waiting: (() => void)[] = []
  const ready = new Promise<void>((resolve) => {
    waiting.push(resolve)
  })
  const rehearsal = room.rehearsal({ onEvent: () => waiting.forEach((wake) => wake()) })
  const asked = { op: 7, release: 'app', from: null }
  await rehearsal.perform({ tag: 'snapshot', ...asked })
  const answer = rehearsal.perform({ tag: 'shadow', ...asked, shadow: 'prefer', phoneHome: 'off' })
  await ready
  t.ok(running(mark), 'it runs')
  t.is(await rehearsal.perform({ tag: 'end-shadow', op: 7 }), null)
  t.is(await answer, null)
  t.absent(running(mark), 'and is gone')
  t.absent(existsSync(join(room.home.path, 'snapshots', '7')))
})

test('in its shadow a version sees no live state, socket, key or process', slow, async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  let reached = false
  server.on('connection', () => (reached = true))
  writeFileSync(join(room.home.path, 'secret'), 'key', { mode: 0o644 })
  const from = await room.live('old', { users: 'alice' })
  const code = `${serve}
    const fs = require('fs')
    const tried = { pids: fs.readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n)).length }
    for (const path of ['${room.home.path}/secret', '/root', '/home', '/etc/shadow', '/var/lib']) {
      try { fs.statSync(path); tried[path] = 'seen' } catch {}
    }
    const live = '${room.home.path}/state/1-1/users'
    try { tried.live = fs.readFileSync(live, 'utf8').includes('alice') } catch {}
    tried.copy = fs.readFileSync(process.env.OTA_STATE_DIR + '/users', 'utf8')
    tried.env = Object.keys(process.env).filter((n) => n.startsWith('UPSWELL')).length
    require('net').connect(${port}, '127.0.0.1').on('error', () => {})
    fs.writeFileSync(process.env.OTA_STATE_DIR + '/seen.json', JSON.stringify(tried))
    console.log(JSON.stringify(tried))`
  await room.install('old', { from: { 'app.js': serve, 'ota.json': otaOf(stateful) } })
  await room.install('app', { from: { 'app.js': code, 'ota.json': otaOf(stateful) } })
  process.env['UPSWELL_SECRET'] = 'secret'
  const { report } = await room.shadow('app', { from })
  delete process.env['UPSWELL_SECRET']
  server.close()
  t.is(report?.shadow, 'pass', report?.why.join('; ') ?? '')
  const seen = JSON.parse(report?.output.trim().split('\n')[0] ?? '{}') as { pids: number }
  t.ok(seen.pids < 8, `${seen.pids} processes`)
  t.alike({ ...seen, pids: 0 }, { pids: 0, live: false, copy: 'alice', env: 0 })
  t.absent(reached, 'the machine was not reached over its loopback')
  t.absent(existsSync(join(room.home.places('old', '1-1').state, 'seen.json')))
  t.is(report?.state?.consistency, 'still')
  t.is(readFileSync(join(room.home.path, 'secret'), 'utf8'), 'key')
})

test('limits are compared by what was metered, the first that is broken is told', (t) => {
  const none = { memory: null, pids: null, nofile: null, disk: null }
  const meters = { rssBytes: 10, cpuMs: 5, pids: 3, fds: 4, writtenBytes: 9 }
  t.is(overLimit(meters, none), null)
  t.is(overLimit(meters, { ...none, memory: 10, pids: 3, nofile: 4, disk: 9 }), null)
  t.is(overLimit(meters, { ...none, pids: 2, disk: 1 }), 'processes: 3, at most 2')
})

test('what changed in a bait is told by name, its top only where nothing else is', (t) => {
  const before = new Map([
    ['', '1'],
    ['a', '1'],
    ['b', '1']
  ])
  t.alike(changedPaths(before, before), [])
  t.alike(
    changedPaths(
      before,
      new Map([
        ['', '2'],
        ['a', '1']
      ])
    ),
    ['b']
  )
  t.alike(changedPaths(before, new Map([...before, ['', '2']])), ['.'])
})

function running(mark: string): boolean {
  return readdirSync('/proc').some((pid) => {
    if (!/^[0-9]+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(mark)
    } catch {
      return false
    }
  })
}
