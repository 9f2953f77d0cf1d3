import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'brittle'
import { otaOf, serve, ShadowRoom, skip, stateful } from './shadows.ts'

const slow = { skip, timeout: 60_000 }

/** A program that copies a state, `from` one folder `to` another. */
function hook(code: string): string {
  const places = 'const { OTA_STATE_DIR: from, OTA_STATE_COPY: to } = process.env'
  return `const fs = require('fs'); ${places}; ${code}`
}

test('what a rehearsal made of the copy is what the shadow sees', slow, async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  const tells = `${serve} console.log(require('fs').readdirSync(process.env.OTA_STATE_DIR).join())`
  await room.install('old', { from: { 'app.js': serve, 'ota.json': otaOf(stateful) } })
  await room.install('app', { from: { 'app.js': tells, 'ota.json': otaOf(stateful) } })
  const from = await room.live('old', { users: 'alice' })
  const plain = await room.shadow('app', { from, phoneHome: 'off' })
  t.is(plain.report?.output, 'users\n')
  const heard: string[] = []
  const state = {
    rehearse: async (op: number, release: string, _from: unknown, copy: string) => {
      heard.push(release, readFileSync(join(copy, 'users'), 'utf8'))
      const made = room.home.rehearsed(op)
      mkdirSync(made)
      writeFileSync(join(made, 'migrated'), '')
      return await Promise.resolve({ tag: 'rehearsed', op } as const)
    }
  }
  const moved = await room.shadow('app', { from, phoneHome: 'off' }, { state })
  t.is(moved.report?.output, 'migrated\n')
  t.alike(heard, ['app', 'alice'])
  t.alike(moved.report?.written, [], 'the live state was left alone')
})

test(
  'a program of the version that runs may copy its state, and must do it well',
  slow,
  async (t) => {
    const folder = await t.tmp()
    const copies = hook(
      "fs.copyFileSync(from + '/users', to + '/users'); fs.writeFileSync(to + '/by', 'hook')"
    )
    const cases: readonly [string, string, string][] = [
      ['good', copies, ''],
      ['fails', hook('process.exit(1)'), 'the hook that copies the state: it ended with 1'],
      ['later', hook('process.exit(75)'), 'the hook that copies the state: retry'],
      ['writes', hook("fs.writeFileSync(from + '/users', 'x')"), 'the hook that copies the state']
    ]
    for (const [name, code, why] of cases) {
      const room = await ShadowRoom.open(join(folder, name))
      const more = { ...stateful, state: { ...stateful.state, snapshot: ['node', 'snap.js'] } }
      const files = { 'app.js': serve, 'snap.js': code, 'ota.json': otaOf(more) }
      await room.install('old', { from: files })
      const from = await room.live('old', { users: 'alice' })
      const live = room.home.places('old', from.gen).state
      if (process.getuid?.() === 0) execFileSync('chown', ['-R', '65534:65534', live])
      const rehearsal = room.rehearsal()
      const event = await rehearsal.perform({ tag: 'snapshot', op: 1, release: 'old', from })
      t.is(event?.tag, why === '' ? 'snapped' : 'unavailable', name)
      const logged = room.logged.find((one) => one.event === 'snapshot-unavailable')
      t.ok(String(logged?.facts['why'] ?? '').startsWith(why), String(logged?.facts['why']))
      const copy = join(room.home.snapshots(1), 'copy/state')
      t.is(existsSync(join(copy, 'by')), why === '')
      t.is(readFileSync(join(live, 'users'), 'utf8'), 'alice')
    }
  }
)

test('a copy that nobody waits for any more is removed when it is made', async (t) => {
  const room = await ShadowRoom.open(await t.tmp())
  await room.install('old', { from: { 'app.js': serve, 'ota.json': otaOf(stateful) } })
  const from = await room.live('old', { users: 'alice' })
  const rehearsal = room.rehearsal()
  const asked = { release: 'old', from }
  const answers = await Promise.all([
    rehearsal.perform({ tag: 'snapshot', op: 1, ...asked }),
    rehearsal.perform({ tag: 'end-shadow', op: 1 }),
    rehearsal.perform({ tag: 'snapshot', op: 2, ...asked }),
    rehearsal.perform({ tag: 'snapshot', op: 2, ...asked })
  ])
  const snapped = { tag: 'snapped', op: 2 }
  t.alike(answers, [{ tag: 'snapped', op: 1 }, null, snapped, snapped], 'told again, done once')
  t.alike(readdirSync(join(room.home.path, 'snapshots')), ['2'], 'each op has a folder of its own')
  t.is(room.logged.filter(({ event }) => event === 'snapshot').length, 2)
  const late = { tag: 'shadow', op: 1, ...asked, shadow: 'require', phoneHome: 'off' } as const
  const event = await rehearsal.perform(late)
  t.is(event?.tag === 'shadowed' ? event.shadow : '', 'unavailable', 'without its copy')
  await rehearsal.end(null)
  t.absent(existsSync(join(room.home.path, 'snapshots')))
})
