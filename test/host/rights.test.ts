// What an app is started with, and what nobody gets a launcher to do.
import { execFile, spawn } from 'node:child_process'
import { chmod, chown, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'brittle'
import { array, assert, constantFrom, property } from 'fast-check'
import { isOtaError } from '../../lib/base/index.ts'
import { judgeListen, judgeSpawn, type AskedSpawn } from '../../lib/host/rights/allowed.ts'
import * as cgroup from '../../lib/host/rights/cgroup.ts'
import { dropRights, findMeans, whyNoProgram } from '../../lib/host/rights/drop.ts'
import { checkWay, giveFolder } from '../../lib/host/rights/folders.ts'
import { limitsOf, noLimits, stricter, type Means } from '../../lib/host/rights/limits.ts'
import { findUser } from '../../lib/host/rights/user.ts'

const isRoot = process.getuid?.() === 0
const app = { name: 'app', uid: 4711, gid: 4712 }
const means: Means = {
  cgroup: null,
  setpriv: '/usr/bin/setpriv',
  prlimit: '/usr/bin/prlimit',
  isRoot: true,
  nofileHard: 4_096
}
const asked: AskedSpawn = {
  cwd: '/home/x/versions/r1',
  argv: ['node', 'main.js'],
  env: { MODE: 'edge' },
  uid: null,
  gid: null
}
const allowed = { root: '/home/x', user: null, addresses: null }

async function refused(deed: Promise<unknown>): Promise<string> {
  try {
    await deed
    return 'accepted'
  } catch (error) {
    if (isOtaError(error)) return `${error.code} ${error.message}`
    throw error
  }
}

test('a launcher starts what lies in a version folder, as the user it was told', (t) => {
  t.is(judgeSpawn(allowed, asked), null)
  const split = { ...allowed, user: { uid: 4711, gid: 4712 } }
  t.is(judgeSpawn(split, { ...asked, uid: 4711, gid: 4712 }), null)
})

test('a broken daemon gets nothing started outside the folders, nor as another user', (t) => {
  const no = (change: Partial<AskedSpawn>, by = allowed) =>
    judgeSpawn(by, { ...asked, ...change }) ?? 'allowed'
  for (const cwd of [
    '/',
    '/home/x',
    '/home/x/versions',
    '/home/x/versions/',
    '/home/xy/versions/r'
  ])
    t.ok(no({ cwd }).includes('is no version folder'), cwd)
  t.ok(no({ cwd: '/home/x/versions/r1/../../daemon' }).includes('is no version folder'))
  t.is(no({ uid: 0, gid: 0 }), 'this launcher starts nothing as another user')
  t.is(no({ gid: 0 }), 'this launcher starts nothing as another user')
  const split = { ...allowed, user: { uid: 4711, gid: 4712 } }
  for (const ids of [{}, { uid: 0, gid: 0 }, { uid: 4711 }, { uid: 4711, gid: 0 }])
    t.ok(no(ids, split as never).includes('is not 4711:4712'), JSON.stringify(ids))
  for (const name of [
    'LD_PRELOAD',
    'ld_audit',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'BASH_ENV'
  ])
    t.ok(no({ env: { [name]: 'x' } }).includes('would load code'), name)
  t.is(no({ argv: [] }), 'no program is named')
  t.is(no({ argv: [''] }), 'no program is named')
  t.ok(no({ argv: Array.from({ length: 300 }, () => 'x') }).includes('at most 256'))
  t.ok(no({ argv: ['sh', 'a\0b'] }).includes('zero byte'))
  t.ok(no({ env: { A: 'x'.repeat(70_000) } }).includes('too long'))
})

test('no folder that is not below versions/ of the home is ever a place to start in', (t) => {
  const parts = array(constantFrom('home', 'x', 'versions', '..', '.', 'r1', ''))
  assert(
    property(parts, (words) => {
      const cwd = `/${words.join('/')}`
      if (judgeSpawn(allowed, { ...asked, cwd }) !== null) return true
      return cwd.startsWith('/home/x/versions/') && !/(^|\/)\.\.?(\/|$)/.test(cwd)
    })
  )
  t.pass('no way out was found')
})

test('a launcher holds the addresses it was told, and no other', (t) => {
  t.is(judgeListen(allowed, '0.0.0.0:80'), null, 'none named: any')
  const told = { ...allowed, addresses: ['127.0.0.1:8080'] }
  t.is(judgeListen(told, '127.0.0.1:8080'), null)
  t.ok(judgeListen(told, '0.0.0.0:8080')?.includes('no address'))
})

test('the user of an app is found by name or number, and is never root', async (t) => {
  const passwd = join(await t.tmp(), 'passwd')
  await writeFile(passwd, 'root:x:0:0::/:/bin/sh\nrelay:x:998:997::/:/bin/false\nbad:x:a:b::/:\n')
  t.alike(await findUser('relay', passwd), { name: 'relay', uid: 998, gid: 997 })
  t.alike(await findUser('4711:4712', passwd), { name: '4711:4712', uid: 4711, gid: 4712 })
  for (const name of ['nobody-here', 'bad', '', '4294967295:1', '-1:2', '5'])
    t.ok((await refused(findUser(name, passwd))).includes('there is no user'), name)
  for (const name of ['root', '0:0', '1000:0', '0:1000'])
    t.ok((await refused(findUser(name, passwd))).includes('is root'), name)
})

test('what holds a limit is said, and the stricter of two limits holds', (t) => {
  const want = { memory: 1_000_000, pids: 64, nofile: 9_999 }
  t.alike(limitsOf(want, { ...means, cgroup: '/g' }, null), {
    memory: { value: 1_000_000, by: 'cgroup' },
    pids: { value: 64, by: 'cgroup' },
    nofile: { value: 4_096, by: 'prlimit' }
  })
  const nothing = { value: null, by: 'nothing' }
  const shared = limitsOf(want, means, null)
  t.alike(shared.pids, nothing, 'the system counts by user, and the user is not its own')
  t.alike(limitsOf(want, means, app).pids, { value: 64, by: 'prlimit' })
  const bare = { ...means, prlimit: null }
  t.alike(limitsOf(want, bare, app), { memory: nothing, pids: nothing, nofile: nothing })
  const both = stricter({ ...noLimits, memory: 5 }, { memory: 7, pids: 3, nofile: null })
  t.alike(both, { memory: 5, pids: 3, nofile: null })
})

test('rights are dropped before limits are set and before the program', (t) => {
  const limits = { memory: 1_000, pids: 8, nofile: 64 }
  const { argv, noNewPrivileges } = dropRights(['node', 'x'], { user: app, limits }, means)
  const drop = '/usr/bin/setpriv --reuid=4711 --regid=4712 --clear-groups --inh-caps=-all'
  const bound = '/usr/bin/prlimit --core=0:0 --nofile=64:64 --nproc=8:8 --data=1000:1000'
  t.is(argv.join(' '), `${drop} --no-new-privs -- ${bound} node x`)
  t.ok(noNewPrivileges)
  const grouped = dropRights(
    ['node'],
    { user: app, limits, group: '/g/slot-a' },
    { ...means, cgroup: '/g' }
  )
  t.alike(grouped.argv.slice(0, 4), [
    '/bin/sh',
    '-c',
    'echo $$ > "$0/cgroup.procs" && exec "$@"',
    '/g/slot-a'
  ])
  t.is(grouped.limits.memory.by, 'cgroup')
  const bare = dropRights(['node'], { user: app, limits: noLimits }, { ...means, setpriv: null })
  t.alike([bare.uid, bare.gid, bare.noNewPrivileges], [4711, 4712, false])
  const alone = dropRights(['node'], { user: app, limits: noLimits }, { ...means, isRoot: false })
  t.is(alone.uid, undefined, 'nobody but root gets another user')
  t.absent(alone.argv.join(' ').includes('--reuid'))
})

test('a program started so has no groups, no way to rights, and its limits', async (t) => {
  const real = await findMeans()
  if (!isRoot || real.setpriv === null || real.prlimit === null) return t.comment('needs root')
  const limits = { memory: 512 * 1024 * 1024, pids: null, nofile: 256 }
  const script = 'cat /proc/self/status; cat /proc/self/limits'
  const started = dropRights(['/bin/sh', '-c', script], { user: app, limits }, real)
  const [program = '', ...rest] = started.argv
  const { stdout } = await promisify(execFile)(program, rest, { env: {} })
  const row = (name: string) => new RegExp(`^${name}:?[ \\t]+(.*)$`, 'm').exec(stdout)?.[1] ?? ''
  t.is(row('Uid').replaceAll(/\s+/g, ' '), '4711 4711 4711 4711')
  t.is(row('Gid').replaceAll(/\s+/g, ' '), '4712 4712 4712 4712')
  t.is(row('Groups').trim(), '')
  t.is(row('NoNewPrivs'), '1')
  t.is(Number.parseInt(row('CapEff'), 16), 0)
  t.ok(row('Max open files').startsWith('256'))
  t.ok(row('Max core file size').startsWith('0'))
  t.ok(row('Max data size').startsWith('536870912'))
})

test('a process keeps its number through all that takes rights away', async (t) => {
  const real = await findMeans()
  const { argv } = dropRights(['/bin/sh', '-c', 'echo $$'], { user: null, limits: noLimits }, real)
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  for await (const part of child.stdout) text += String(part)
  t.is(Number(text), child.pid)
})

test('a program that is not there is found out before the start', async (t) => {
  const cwd = await t.tmp()
  await writeFile(join(cwd, 'plain'), '')
  const of = async (name: string) => await whyNoProgram(name, { cwd, path: '/usr/bin:/bin' })
  t.is(await of('sh'), null)
  t.is(await of('no-such-program'), 'ENOENT')
  t.is(await of('./nothing'), 'ENOENT')
  t.is(await of('./plain'), 'EACCES')
})

test('root never goes through a link, nor past a folder that others may write', async (t) => {
  const home = await t.tmp()
  await chmod(home, 0o711)
  const path = join(home, 'state', '1-1')
  await mkdir(path, { recursive: true, mode: 0o700 })
  await chmod(join(home, 'state'), 0o700)
  await checkWay(home, path, null)
  await chmod(join(home, 'state'), 0o770)
  t.ok((await refused(checkWay(home, path, null))).includes('may be written by group'))
  await chmod(join(home, 'state'), 0o700)
  await rename(path, join(home, 'elsewhere'))
  await symlink(join(home, 'elsewhere'), path)
  t.ok((await refused(checkWay(home, path, null))).startsWith('NO_PERMISSION'))
  t.ok((await refused(giveFolder(path, app))).includes('is a link'))
  t.ok((await refused(checkWay(home, '/etc', null))).includes('does not lie in the home'))
  await writeFile(join(home, 'file'), '')
  t.ok((await refused(checkWay(home, join(home, 'file'), null))).includes('is no folder'))
  t.ok((await refused(giveFolder(join(home, 'none'), app))).includes('ENOENT'))
})

test('a folder is given to the app, and what lies in it stays whose it was', async (t) => {
  if (!isRoot) return t.comment('needs root')
  const home = await t.tmp()
  const path = join(home, 'gen')
  await mkdir(path)
  await symlink('/etc/passwd', join(path, 'link'))
  const before = await stat('/etc/passwd')
  await giveFolder(path, app)
  t.alike([(await stat(path)).uid, (await stat(path)).mode & 0o777], [4711, 0o700])
  t.is((await stat('/etc/passwd')).uid, before.uid)
  await checkWay(home, path, app)
  t.ok((await refused(checkWay(home, path, null))).includes('belongs to user 4711'))
  await chown(home, 5_000, 5_000)
  t.ok((await refused(checkWay(home, path, app))).includes('belongs to user 5000'))
})

test('a control group is divided where it was delegated, and nowhere else', async (t) => {
  const root = await t.tmp()
  t.is(await cgroup.prepared(root), null, 'no controllers')
  await writeFile(join(root, 'cgroup.controllers'), 'cpu memory pids\n')
  await writeFile(join(root, 'cgroup.subtree_control'), '')
  t.is(await cgroup.prepared(root), root)
  t.is(await readFile(join(root, 'cgroup.subtree_control'), 'utf8'), '+memory +pids')
  t.is(await readFile(join(root, 'upswell', 'cgroup.procs'), 'utf8'), String(process.pid))
  const limits = { memory: 4_096, pids: null, nofile: null }
  const slot = (await cgroup.slotGroup(root, 'a', limits)) ?? ''
  t.is(await readFile(join(slot, 'memory.max'), 'utf8'), '4096')
  t.is(await readFile(join(slot, 'pids.max'), 'utf8'), 'max')
  t.is(await cgroup.oomKills(slot), 0)
  await writeFile(join(slot, 'memory.events'), 'low 0\noom 3\noom_kill 2\n')
  t.is(await cgroup.oomKills(slot), 2)
  t.ok(await cgroup.killGroup(slot))
  t.absent(await cgroup.dropGroup(slot), 'not while something is in it')
  t.is(await cgroup.prepared(join(root, 'nowhere')), null)
})
