import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { MIB } from '../../lib/base/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import { realDisk } from '../../lib/host/index.ts'
import { JournalFile } from '../../lib/host/files/journal-file.ts'
import { Lab, one, skip, two } from '../host/state-lab.ts'

/** A home on a disk of its own; null where none can be mounted. */
async function onDisk(t: TestContext, options: string): Promise<string | null> {
  const folder = join(await t.tmp(), 'disk')
  mkdirSync(folder, { mode: 0o700 })
  try {
    const how = `${options},mode=700`
    execFileSync('mount', ['-t', 'tmpfs', '-o', how, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    t.comment('skipped: no file system can be mounted here')
    return null
  }
  t.teardown(() => execFileSync('umount', ['-l', folder]))
  return folder
}

function remount(folder: string, options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, folder], { stdio: 'ignore' })
}

test('S75 state of 64 MB beside 32 MB of room is refused before the app is stopped', async (t) => {
  const path = await onDisk(t, 'size=100m')
  if (path === null) return
  const lab = await Lab.open(t, path)
  const from = await lab.first({ ada: 'Ada' })
  await lab.place(two, 'stateful-2')
  remount(path, 'size=200m')
  t.is((await lab.prepare(2, two, from)).tag, 'prepared')
  const large = join(lab.home.gens.path(from.gen), 'large')
  writeFileSync(large, new Uint8Array(64 * MIB))
  remount(path, 'size=100m')
  const failed = { tag: 'failed', op: 2, reason: 'disk' }
  t.alike(await lab.perform({ tag: 'preflight', op: 2, release: two }), failed)
  t.alike(await lab.prepare(2, two, from), failed, 'and again before a transition')
  t.alike(await lab.state.perform({ tag: 'migrate', op: 2, release: two, from }), failed)
  t.is(statSync(large).size, 64 * MIB)
  remount(path, 'size=400m')
  t.is((await lab.perform({ tag: 'preflight', op: 2, release: two })).tag, 'preflighted')
  t.is((await lab.prepare(2, two, from)).tag, 'prepared')
})

test('S75 a disk without room for more files is refused likewise', async (t) => {
  const path = await onDisk(t, 'size=400m,nr_inodes=90')
  if (path === null) return
  const lab = await Lab.open(t, path)
  const from = await lab.first({ ada: 'Ada' })
  t.is(from.release, one)
  await lab.place(two, 'stateful-2')
  t.alike(await lab.perform({ tag: 'preflight', op: 2, release: two }), {
    tag: 'failed',
    op: 2,
    reason: 'disk'
  })
})

test('S75 on a full disk a way back is still written, out of the reserve', async (t) => {
  const path = await onDisk(t, 'size=100m')
  if (path === null) return
  const lab = await Lab.open(t, path)
  const from = await lab.first({ ada: 'Ada' })
  const journal = await JournalFile.open(realDisk(), path, () => 5)
  const gen = await lab.home.gens.make({ schema: 2, class: 'snapshot', from: from.gen, op: 2 })
  await lab.home.gens.seal(gen)
  const prev = { ...from, back: 'snapshot' as const }
  await lab.flip({ op: 2, release: two, gen, phase: 'trial', prev })
  fill(path)
  await journal.append([{ tag: 'hold', on: true }])
  t.absent(existsSync(join(path, 'reserve')))
  writeFileSync(join(path, 'reserve'), '')
  fill(path)
  const back = { op: 2, ...from, phase: 'committed' as const, prev: null }
  // nothing is left to spend: the old pointer stays whole, and the flip is told as failed
  const told = await lab.flip(back)
  t.ok(told.tag === 'flipped' || (told.tag === 'flip-failed' && told.reason === 'disk'))
  remount(path, 'size=200m')
  t.is((await lab.flip(back)).tag, 'flipped')
  t.ok((await lab.home.gens.metaOf(gen))?.rejected)
  remount(path, 'ro')
  const readOnly = await lab.flip({ ...back, phase: 'committed' })
  t.ok(readOnly.tag === 'flip-failed' && readOnly.reason === 'denied')
  t.is((await lab.home.pointer())?.gen, from.gen)
  remount(path, 'rw')
})

function fill(path: string): void {
  try {
    for (let i = 0; ; i++)
      writeFileSync(join(path, `fill-${i}`), new Uint8Array(MIB), { flag: 'a' })
  } catch {
    // full, which was the wish
  }
}

test(
  'S75 a migration on a disk that others fill is no fault of the release',
  { skip },
  async (t) => {
    const path = await onDisk(t, 'size=300m')
    if (path === null) return
    const lab = await Lab.open(t, path)
    const from = await lab.first({ ada: 'Ada' })
    await lab.place(two, 'stateful-2', { hook: 'hangs' })
    await lab.prepare(2, two, from)
    const going = lab.state.perform({ tag: 'migrate', op: 2, release: two, from })
    await lab.until(() => existsSync(lab.home.gens.path('2-2')))
    fill(path)
    t.alike(await going, { tag: 'failed', op: 2, reason: 'disk' })
  }
)

test('state is given to the app and sealed without following what it holds', async (t) => {
  if (process.getuid?.() !== 0) {
    t.comment('skipped: only root gives files away')
    return
  }
  const folder = await t.tmp()
  const user = { name: 'app', uid: 65_534, gid: 65_534 }
  const home = new Home(realDisk(), join(folder, 'home'), user)
  await home.prepare()
  const outside = join(folder, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'key'), 'key', { mode: 0o600 })
  const gen = await home.gens.make({ schema: 1, class: 'snapshot', from: '1-0', op: 1 })
  const state = home.gens.path(gen)
  t.is(lstatSync(state).uid, user.uid)
  symlinkSync(outside, join(state, 'folder'))
  symlinkSync(join(outside, 'key'), join(state, 'file'))
  writeFileSync(join(state, 'own'), 'own')
  await home.gens.seal(gen)
  for (const name of ['', 'folder', 'file', 'own']) {
    t.is(lstatSync(join(state, name)).uid, user.uid, name)
  }
  t.is(lstatSync(outside).uid, 0)
  t.is(lstatSync(join(outside, 'key')).uid, 0)
  t.is(lstatSync(join(outside, 'key')).mode & 0o777, 0o600)
  t.is(lstatSync(home.path).mode & 0o777, 0o711)
})
