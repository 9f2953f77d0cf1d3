// One person with a key: what lies on disk, what is refused, and a network of one.
import test from 'brittle'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { errorOf, Signers } from './signers.ts'

test(
  'a key file is encrypted and private, and a card carries nothing secret',
  { timeout: 120_000 },
  async (t) => {
    const desk = new Signers(await t.tmp())
    await desk.newKey('a')
    const file = desk.file('home-a/config/upswell/keys/a.key')
    t.is(statSync(file).mode & 0o777, 0o600)
    const feed = desk.file('home-a/state/upswell/publish/feeds/a.feed')
    t.is(statSync(feed).mode & 0o777, 0o600)
    const moved = await desk.run('a', 'keys', 'export', '--label', 'a', '-o', 'a.key')
    t.is(moved.exit, 0)
    t.is(readFileSync(desk.file('a.key'), 'utf8'), readFileSync(file, 'utf8'), 'still encrypted')
    await desk.must('other', 'keys', 'import', 'a.key')
    t.ok((await desk.run('other', 'keys', 'list')).stdout.startsWith('a  key '))
    const solo = ['init', '--name', 'x', '--solo', '--key', 'a', '--passphrase-fd', '3', '-y']
    const wrong = await desk.run('other', ...solo)
    t.is(wrong.exit, 30)
    t.is(errorOf(wrong), 'wrong pass phrase for key "a"')
    const again = await desk.run('a', 'keys', 'new', '--label', 'a', '--passphrase-fd', '3')
    t.is(again.exit, 2)
    t.is(errorOf(again), 'there is a key "a" already')
  }
)

test('one person founds a network alone, with a plain warning', { timeout: 120_000 }, async (t) => {
  const desk = new Signers(await t.tmp())
  const args = ['init', '--name', 'mine', '--solo', '--passphrase-fd', '3', '-y']
  const solo = await desk.run('me', ...args)
  t.is(solo.exit, 0)
  t.ok(solo.stderr.includes('warning: one key in every role'))
  t.ok(/network \w{52}\njoin {4}\w{52}@1:\w{52}\n$/.test(solo.stdout))
  const invite = ['invite', '--slots', '3', '--passphrase-fd', '3', '-o', 'mine.invite']
  t.is((await desk.run('me', ...invite)).exit, 0)
  t.is(statSync(desk.file('mine.invite')).mode & 0o777, 0o600)
  const over = await desk.run('me', ...invite)
  t.is(over.exit, 2, 'an invite is never written over another file')
})

test('--dry-run judges the same and writes nothing', { timeout: 120_000 }, async (t) => {
  const desk = new Signers(await t.tmp())
  const dry = ['keys', 'new', '--label', 'a', '--dry-run', '--json']
  t.is((await desk.run('a', ...dry)).exit, 0)
  t.is((await desk.run('a', 'keys', 'list')).stdout, '')
  desk.layBuild('build', '1.0.0')
  t.is((await desk.run('a', 'pack', 'build', '-o', 'x.pack', '--dry-run')).exit, 0)
  t.absent(existsSync(desk.file('x.pack')))
  writeFileSync(desk.file('build/ota.json'), '{"ota":1}')
  const bad = await desk.run('a', 'pack', 'build', '-o', 'x.pack', '--dry-run')
  t.is(bad.exit, 15)
})
