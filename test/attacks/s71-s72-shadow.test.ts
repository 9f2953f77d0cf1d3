import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'brittle'
import { codeOf } from '../../lib/cutover/index.ts'
import { findJail, showDestination, showShadowReport } from '../../lib/host/index.ts'
import { loadNative } from '../../lib/host/netwatch/native.ts'
import { ShadowRoom, skip } from '../host/shadows.ts'

const slow = { skip, timeout: 60_000 }
const full = { skip: skip || (await loadNative()) === null, timeout: 60_000 }

test(
  'S71 what neither the candidate declares nor the incumbent used is refused, with a list',
  full,
  async (t) => {
    const room = await ShadowRoom.open(await t.tmp())
    const old = { PHONE_KIND: 'named', PHONE_TARGET: 'updates.example.org' }
    await room.install('old', { from: 'phoning', local: { env: old } })
    const from = await room.live('old', {})
    const first = await room.shadow('old')
    t.is(first.report?.phoneHome, 'fail', 'nobody vouches for a first install')
    await room.install('same', { from: 'phoning', local: { env: old } })
    const same = await room.shadow('same', { from })
    t.alike(same.event, { tag: 'shadowed', op: 2, shadow: 'pass', phoneHome: 'pass' })
    const other = { PHONE_KIND: 'named', PHONE_TARGET: 'collector.example.net' }
    await room.install('other', { from: 'phoning', local: { env: other } })
    const found = await room.shadow('other', { from })
    t.alike(found.event, { tag: 'failed', op: 3, reason: 'phone-home' })
    t.is(codeOf('phone-home'), 'EGRESS')
    t.alike(found.report?.unexpected.map(showDestination), [
      'dns collector.example.net',
      'tcp collector.example.net:443'
    ])
    const lines = found.report === null ? [] : showShadowReport(found.report)
    t.ok(lines.includes('undeclared: tcp collector.example.net:443'), 'people are told')
  }
)

test('S71 without the means to look the answer is unavailable, whoever asks', async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  await room.install('app', { from: 'phoning' })
  const none = await findJail({ path: '/nowhere' })
  for (const phoneHome of ['prefer', 'require'] as const) {
    const { event } = await room.shadow(
      'app',
      { phoneHome },
      {
        jail: async () => await Promise.resolve(none)
      }
    )
    t.is(event?.tag, 'shadowed')
    t.is(event?.tag === 'shadowed' ? event.phoneHome : '', 'unavailable')
  }
})

/** An app that does `deed` with the path of the live state once it serves. */
const writer = (deed: string): string => `
  const fs = require('fs')
  const live = process.env.LIVE
  require('http').createServer((q, r) => r.end('ok')).listen(8138, '127.0.0.1', () => {
    try { ${deed} } catch (error) { console.log(error.message) }
  })`

const ota = JSON.stringify({
  ota: 1,
  name: 'writer',
  start: ['node', 'app.js'],
  startTimeout: 5,
  listen: [{ name: 'http', proto: 'tcp', default: '127.0.0.1:8138' }],
  health: { probe: { http: 'http:/' }, interval: 0.2, badFor: 1 },
  state: { class: 'snapshot', schema: 1, from: [1] },
  check: { run: ['node', 'check.js'] },
  shadow: { window: 1 }
})

test(
  'S72 a candidate that writes the live state finds a bait, and fails for it',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const deeds: readonly [string, string, readonly string[]][] = [
      [
        'changes',
        "const f = fs.openSync(live + '/users', 'r+'); fs.writeSync(f, 'mallory')",
        ['users']
      ],
      ['makes', "fs.writeFileSync(live + '/new', 'x')", ['new']],
      ['removes', "fs.unlinkSync(live + '/users')", ['users']],
      ['renames', "fs.renameSync(live + '/users', live + '/moved')", ['moved', 'users']],
      ['truncates', "fs.truncateSync(live + '/users')", ['users']],
      [
        'hides',
        `const f = live + '/users'; const s = fs.statSync(f); fs.writeFileSync(f, Buffer.alloc(5))
        fs.utimesSync(f, s.atime, s.mtime)`,
        ['users']
      ],
      ['reads', "fs.readFileSync(live + '/users'); fs.readdirSync(live)", []],
      ['copy', "fs.writeFileSync(process.env.OTA_STATE_DIR + '/users', 'bob')", []]
    ]
    const done = deeds.map(async ([name, deed, paths]) => {
      const room = await ShadowRoom.open(join(folder, name))
      const plain = { 'app.js': writer(''), 'ota.json': ota }
      await room.install('old', { from: plain })
      const from = await room.live('old', { users: 'alice' })
      const live = room.home.places('old', from.gen).state
      const before = statSync(join(live, 'users'), { bigint: true }).ctimeNs
      const env = { LIVE: live }
      await room.install('app', { from: { ...plain, 'app.js': writer(deed) }, local: { env } })
      const { event, report } = await room.shadow('app', { from, phoneHome: 'off' })
      t.alike(report?.written, paths, `${name}: ${report?.output}`)
      const bad = { tag: 'failed', op: 1, reason: 'shadow-write' }
      const good = { tag: 'shadowed', op: 1, shadow: 'pass', phoneHome: 'off' }
      t.alike(event, paths.length === 0 ? good : bad)
      t.is(codeOf('shadow-write'), 'SHADOW_WRITE')
      const events = room.logged.filter((one) => one.event === 'shadow-write')
      t.is(events.length, paths.length === 0 ? 0 : 1, 'the try is an event')
      t.is(readFileSync(join(live, 'users'), 'utf8'), 'alice')
      t.alike(readdirSync(live), ['users'])
      t.is(statSync(join(live, 'users'), { bigint: true }).ctimeNs, before, 'never touched')
    })
    await Promise.all(done)
  }
)

test('S72 an append-only state is shown itself, and cannot be written', slow, async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  const tries = `if (process.env.OTA_STATE_RO !== '1') process.exit(9)
    console.log(fs.readFileSync(process.env.OTA_STATE_DIR + '/users', 'utf8'))
    fs.appendFileSync(process.env.OTA_STATE_DIR + '/users', 'mallory')`
  const only = ota.replace('"snapshot"', '"append-only"').replace(/"check":\{[^}]*\},/, '')
  await room.install('old', { from: { 'app.js': writer(''), 'ota.json': only } })
  const from = await room.live('old', { users: 'alice' })
  const live = room.home.places('old', from.gen).state
  if (process.getuid?.() === 0) {
    const { event } = await room.shadow('old', { from, phoneHome: 'off' })
    t.is(event?.tag === 'shadowed' ? event.shadow : '', 'unavailable', 'nobody is root in a jail')
    execFileSync('chown', ['-R', '1000:1000', live])
  }
  await room.install('app', { from: { 'app.js': writer(tries), 'ota.json': only } })
  const { report } = await room.shadow('app', { from, phoneHome: 'off' })
  t.is(report?.state?.how, 'live')
  t.ok(report?.output.startsWith('alice'), report?.output)
  t.ok(/EROFS|EACCES/.test(report?.output ?? ''), report?.output)
  t.is(readFileSync(join(live, 'users'), 'utf8'), 'alice')
})
