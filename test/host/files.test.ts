import { chmod, mkdir, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import test from 'brittle'
import { alloc, fromText, OtaError, toText, type Disk } from '../../lib/base/index.ts'
import { emptyState } from '../../lib/cutover/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import { noLocalApp, realClock, realDice, realDisk } from '../../lib/host/index.ts'
import { JournalFile } from '../../lib/host/files/journal-file.ts'
import { probeOnce } from '../../lib/host/app/probe.ts'
import { makeRunSpec, spawnOrder, type LocalApp } from '../../lib/host/app/runspec.ts'
import { decodeOtaJson } from '../../lib/records/index.ts'

const release = 'a'.repeat(52)
const facts = { platform: 'linux', arch: 'x64', node: '20.20.2', daemon: '0.1.0' }

test('a missing file is a value, an existing one is never created twice', async (t) => {
  const disk = realDisk()
  const folder = await t.tmp()
  t.is(await disk.read(join(folder, 'none')), null)
  t.alike(await disk.list(join(folder, 'none')), [])
  t.is(await disk.stat(join(folder, 'none')), null)
  await disk.create(join(folder, 'x'), fromText('one'), 0o444)
  await t.exception(disk.create(join(folder, 'x'), fromText('two'), 0o444), /EEXIST/)
  await symlink('elsewhere', join(folder, 'link'))
  await t.exception(disk.create(join(folder, 'link'), fromText('x'), 0o600), /EEXIST/)
  await t.exception(disk.append(join(folder, 'link'), fromText('x')), /ELOOP/)
  t.is((await disk.stat(join(folder, 'x')))?.mode, 0o444)
  t.is(toText(await disk.readAt(join(folder, 'x'), 1, 9)), 'ne')
})

test('two replacements of one file take turns, and nothing is left beside it', async (t) => {
  const disk = realDisk()
  const path = join(await t.tmp(), 'file')
  const texts = Array.from({ length: 8 }, (_, i) => `text ${i}`)
  await Promise.all(texts.map(async (text) => await disk.writeDurable(path, fromText(text))))
  t.is(toText((await disk.read(path))!), 'text 7')
  t.alike(await disk.list(join(path, '..')), ['file'])
})

test('a read-only version folder can be removed, by us only', async (t) => {
  const disk = realDisk()
  const folder = join(await t.tmp(), 'v')
  await disk.makeFolder(join(folder, 'deep'))
  await disk.create(join(folder, 'deep', 'f'), fromText('f'), 0o444)
  await chmod(join(folder, 'deep'), 0o555)
  await chmod(folder, 0o555)
  await disk.remove(folder)
  t.is(await disk.stat(folder), null)
  await disk.remove(folder)
})

test('dice stay in their range and fill what they are given', (t) => {
  const dice = realDice()
  for (let i = 0; i < 100; i++) {
    const value = dice.next()
    if (!(value >= 0 && value < 1)) t.fail(`rolled ${value}`)
  }
  t.ok(dice.fill(alloc(64)).some((byte) => byte > 0))
})

test('a full disk costs the reserve and not the journal line (S75)', async (t) => {
  const folder = await t.tmp()
  const real = realDisk()
  let failures = 1
  const disk: Disk = {
    ...real,
    async append(path, bytes) {
      if (failures-- > 0) {
        await real.append(path, bytes.subarray(0, 10))
        throw new OtaError('NO_SPACE', 'the disk is full')
      }
      await real.append(path, bytes)
    }
  }
  const journal = await JournalFile.open(disk, folder, () => 5)
  t.is((await real.stat(join(folder, 'reserve')))?.size, 1_048_576)
  await journal.append([{ tag: 'hold', on: true }])
  t.is(await real.stat(join(folder, 'reserve')), null)
  const again = await JournalFile.open(real, folder, () => 5)
  t.is(again.lines.length, 1)
  t.is(again.fault, null)
  failures = 2
  await t.exception(journal.append([{ tag: 'hold', on: false }]), /disk is full/)
  t.is((await JournalFile.open(real, folder, () => 5)).lines.length, 1, 'no half line stays')
})

test('notes of any length survive a restart, a torn one leaves the one before', async (t) => {
  const folder = await t.tmp()
  const disk = realDisk()
  const journal = await JournalFile.open(disk, folder, () => 5)
  await journal.note('rollout', 'first')
  const whole = (await disk.stat(join(folder, 'journal')))?.size ?? 0
  const long = 'x'.repeat(9_000) + 'ü'
  await journal.note('rollout', long)
  t.is((await JournalFile.open(disk, folder, () => 5)).notes.get('rollout'), long)
  await disk.truncate(join(folder, 'journal'), whole + 2_500)
  t.is((await JournalFile.open(disk, folder, () => 5)).notes.get('rollout'), 'first')
  const back = await JournalFile.open(disk, folder, () => 5)
  await back.compact([
    { tag: 'base', ...emptyState, lastOp: 4, pointer: null, lastGood: release, gcAt: null }
  ])
  const compacted = await JournalFile.open(disk, folder, () => 5)
  t.is(compacted.notes.get('rollout'), 'first')
  t.is(compacted.lines.length, 2)
})

test('a home others may write is refused (NO_PERMISSION), a full one too (NO_SPACE)', async (t) => {
  const path = join(await t.tmp(), 'home')
  await mkdir(path)
  await chmod(path, 0o777)
  await t.exception(new Home(realDisk(), path).prepare(), /writable by others/)
  await chmod(path, 0o700)
  const home = new Home(realDisk(), path)
  await home.prepare()
  await t.exception(home.preflight({ bytes: 2 ** 52 }), /free bytes/)
  await t.exception(home.preflight({ bytes: 1, entries: 2 ** 52 }), /the disk has \d+ left/)
})

test('probes take the expected answer for yes and everything else for no (S89)', async (t) => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/ok' ? 200 : 500
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  const clock = realClock()
  const addresses = { http: `127.0.0.1:${port}`, dead: '127.0.0.1:1' }
  const at = { cwd: '/', env: {}, addresses, startedMs: clock.steadyMs() }
  const ask = async (probe: Parameters<typeof probeOnce>[1]): Promise<boolean> =>
    await probeOnce(clock, probe, at, 2_000)
  t.ok(await ask({ tag: 'http', listen: 'http', path: '/ok', expect: 200 }))
  t.absent(await ask({ tag: 'http', listen: 'http', path: '/bad', expect: 200 }))
  t.absent(await ask({ tag: 'http', listen: 'dead', path: '/ok', expect: 200 }))
  t.absent(await ask({ tag: 'http', listen: 'nowhere', path: '/ok', expect: 200 }))
  t.ok(await ask({ tag: 'tcp', listen: 'http' }))
  t.absent(await ask({ tag: 'tcp', listen: 'dead' }))
  t.ok(await ask({ tag: 'command', run: ['/bin/true'] }))
  for (const code of [1, 64, 75, 126, 127, 255]) {
    t.absent(await ask({ tag: 'command', run: ['/bin/sh', '-c', `exit ${code}`] }))
  }
  t.absent(await ask({ tag: 'command', run: ['/bin/sh', '-c', 'kill -9 $$'] }))
  t.absent(await ask({ tag: 'command', run: ['/no/such/program'] }))
  t.absent(await ask({ tag: 'alive', aliveMs: 60_000 }))
})

function ota(change: object): ReturnType<typeof decodeOtaJson> {
  const base = {
    ota: 1,
    name: 'app',
    version: '1',
    start: ['node', 'main.js', '{state}', '${PORT}'],
    listen: [{ name: 'http', default: '0.0.0.0:80' }],
    handover: { class: 'overlap', proxy: 'bytes' },
    state: { class: 'none' }
  }
  return decodeOtaJson(fromText(JSON.stringify({ ...base, ...change })))
}

const spec = (change: object, local: LocalApp = noLocalApp) =>
  makeRunSpec({ release, ota: ota(change) }, local, facts)

test('what the operator set stands beside the release, the stricter wins', async (t) => {
  const local: LocalApp = {
    ...noLocalApp,
    command: ['node', 'other.js', '${PORT}'],
    env: { MODE: 'mine' },
    listen: { http: '127.0.0.1:9000' },
    handover: 'exclusive',
    startTimeoutMs: 1_000
  }
  const made = spec({ env: { MODE: 'theirs', MORE: '1' } }, local)
  t.alike(made.argv, local.command)
  t.ok(made.overridden)
  t.alike(made.env, { MODE: 'mine', MORE: '1' })
  t.is(made.listen[0]?.address, '127.0.0.1:9000')
  t.is(made.handover, 'exclusive')
  t.is(made.startTimeoutMs, 1_000)
  const never = spec(
    { handover: { class: 'exclusive', proxy: 'bytes' } },
    { ...noLocalApp, handover: 'overlap' }
  )
  t.is(never.handover, 'exclusive', 'overlap is never forced on a release')
  await t.exception(() => spec({}, { ...noLocalApp, env: { LD_PRELOAD: 'x' } }), /reserved/)
})

test('a child sees an allow-list and its own places, nothing of the daemon', (t) => {
  process.env['OTA_NODE_SECRET'] = 'x'
  const places = { tree: '/h/t', state: '/h/s', config: '/h/c', tmp: '/h/tmp' }
  const order = spawnOrder(spec({}), '0-1', places)
  t.alike(order.argv, ['node', 'main.js', '/h/s', '${PORT}'])
  t.is(order.env['HOME'], '/h/s')
  t.is(order.env['OTA_RELEASE'], release)
  t.absent('OTA_NODE_SECRET' in order.env)
  t.absent('NODE_OPTIONS' in order.env)
  delete process.env['OTA_NODE_SECRET']
})

test('what this machine is not or cannot do makes a release not eligible', async (t) => {
  for (const requires of [
    { os: ['darwin'] },
    { arch: ['arm64'] },
    { node: '>=99' },
    { daemon: '9.0' }
  ]) {
    await t.exception(() => spec({ requires }), /the release needs/)
  }
  await t.execution(() => spec({ requires: { node: '>=20.19', daemon: '0.1', os: ['linux'] } }))
  const sockets = { level: 1, start: ['node'], handover: { class: 'exclusive', proxy: 'off' } }
  t.ok(spec(sockets).passes)
  const relayed = spec(sockets, { ...noLocalApp, handover: 'proxy' })
  t.alike([relayed.passes, relayed.proxy], [false, true])
})
