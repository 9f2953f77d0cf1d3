import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'brittle'
import { MIB } from '../../lib/base/index.ts'
import {
  copyState,
  realClock,
  realDisk,
  takeSnapshot,
  type CopyResult
} from '../../lib/host/index.ts'
import { stayInJail } from '../../lib/host/jail/stay.ts'
import { ownNode } from '../../lib/host/jail/own.ts'
import { canOverlay, canReflink } from '../../lib/host/snapshot/ways.ts'
import { jail, skip } from './shadows.ts'

const clock = realClock()

function lay(folder: string): string {
  const from = join(folder, 'live')
  mkdirSync(join(from, 'deep/er'), { recursive: true })
  writeFileSync(join(from, 'a'), 'one')
  writeFileSync(join(from, 'deep/er/b'), 'two', { mode: 0o640 })
  return from
}

function whyOf(result: CopyResult): string {
  return result.tag === 'unavailable' ? result.why : ''
}

test('a copy of a state holds what the state held, and says how it was made', async (t) => {
  const folder = await t.tmp()
  const from = lay(folder)
  symlinkSync('/etc/passwd', join(from, 'link'))
  const shares = await canReflink(from, folder)
  const result = await copyState(from, join(folder, 'into'), { still: false })
  if (result.tag !== 'copied') return t.fail(result.why)
  const { how, bytes, files, path } = result.copy
  t.is(how, shares ? 'reflink' : 'copy')
  t.alike([bytes, files], [6, 2])
  t.is(readFileSync(join(path, 'deep/er/b'), 'utf8'), 'two')
  t.is(lstatSync(join(path, 'deep/er/b')).mode & 0o777, 0o640)
  t.is(readlinkSync(join(path, 'link')), '/etc/passwd', 'a link is copied, not what it leads to')
  writeFileSync(join(path, 'a'), 'changed')
  t.is(readFileSync(join(from, 'a'), 'utf8'), 'one', 'the state itself never sees a write')
})

test('two names of a file, and what is no state, are no part of a copy', async (t) => {
  const folder = await t.tmp()
  const from = lay(folder)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(join(from, 'socket'), resolve))
  const result = await copyState(from, join(folder, 'into'), { still: false })
  server.close()
  if (result.tag !== 'copied') return t.fail(result.why)
  t.absent(readdirSync(result.copy.path).includes('socket'))
  linkSync(join(from, 'a'), join(folder, 'elsewhere'))
  const refused = await copyState(from, join(folder, 'again'), { still: false })
  t.is(whyOf(refused), 'the state is not copied: "a" has 2 names (hard links)')
  t.absent(existsSync(join(folder, 'again')))
})

test('a corestore is left out of a copy: two writers of one log would fork it', async (t) => {
  const folder = await t.tmp()
  const from = lay(folder)
  mkdirSync(join(from, 'store/cores'), { recursive: true })
  writeFileSync(join(from, 'store/CORESTORE'), '')
  writeFileSync(join(from, 'store/cores/1'), 'log')
  const result = await copyState(from, join(folder, 'into'), { still: true })
  if (result.tag !== 'copied') return t.fail(result.why)
  t.alike(result.copy.excluded, ['store'])
  t.not(result.copy.how, 'overlay', 'a layer would show it')
  t.absent(existsSync(join(result.copy.path, 'store')))
  t.is(readFileSync(join(result.copy.path, 'a'), 'utf8'), 'one')
})

test('without shared blocks, a layer or room there is no copy, with every reason', async (t) => {
  const folder = await t.tmp()
  const from = lay(folder)
  const result = await copyState(from, join(folder, 'into'), {
    still: false,
    ways: ['overlay', 'copy'],
    maxBytes: 5
  })
  const why = 'overlay: the state is in use; copy: it has 6 bytes, at most 5 are copied'
  t.is(whyOf(result), `the state cannot be copied: ${why}`)
  t.absent(existsSync(join(folder, 'into')), 'nothing of it is left')
})

const isRoot = process.getuid?.() === 0

test(
  'a copy needs 1.2 times its size, and a small disk has it not',
  { skip: !isRoot },
  async (t) => {
    const folder = await t.tmp()
    const from = lay(folder)
    writeFileSync(join(from, 'large'), Buffer.alloc(900 * 1_024))
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    try {
      const into = join(disk, 'into')
      const result = await copyState(from, into, { still: false, ways: ['copy'] })
      t.ok(
        whyOf(result).startsWith('the state cannot be copied: copy: it needs 11059'),
        whyOf(result)
      )
      t.alike(readdirSync(disk), [])
    } finally {
      execFileSync('umount', [disk])
    }
  }
)

test('a layer over a stopped state takes every write of a jail', { skip }, async (t) => {
  const folder = await t.tmp()
  const from = lay(folder)
  if (jail.tag === 'none' || !(await canOverlay(folder))) return t.comment('no layers here')
  truncateSync(join(from, 'a'), 64 * MIB)
  if (isRoot) {
    const other = await copyState(from, join(folder, 'other'), { still: true, ways: ['overlay'] })
    t.ok(whyOf(other).endsWith('its files are not of the user that a jail has'), whyOf(other))
    execFileSync('chown', ['-R', '65534:65534', from])
  }
  const start = clock.steadyMs()
  const result = await copyState(from, join(folder, 'into'), { still: true, ways: ['overlay'] })
  t.comment(`layer over 64 MiB: ${Math.round(clock.steadyMs() - start)} ms`)
  if (result.tag !== 'copied' || result.copy.layer === null) return t.fail(whyOf(result))
  const { path, layer } = result.copy
  const node = await ownNode()
  const end = await stayInJail(
    jail.jail,
    {
      argv: [
        'sh',
        '-c',
        'cat /state/deep/er/b; echo new > /state/new; rm /state/deep/er/b; ls /state'
      ],
      cwd: '/tmp',
      readOnly: [],
      writable: [],
      env: new Map([['PATH', node.path]]),
      tmpBytes: MIB,
      links: [],
      overlays: [{ lower: path, ...layer, at: '/state' }],
      network: 'loopback'
    },
    { onBegin: () => undefined, onLine: () => undefined }
  )
  t.is(readFileSync(join(layer.upper, 'new'), 'utf8'), 'new\n')
  t.is(readFileSync(join(from, 'deep/er/b'), 'utf8'), 'two', 'below, nothing changed')
  t.absent(existsSync(join(from, 'new')))
  t.is(end.output, 'twoa\ndeep\nnew\n')
  // the kernel leaves a folder without any rights behind, which a home knows to remove
  await realDisk().remove(join(folder, 'into'))
  t.absent(existsSync(join(folder, 'into')))
})

test('an app that is to stand still must say so, and the copy must fit into that', async (t) => {
  const folder = await t.tmp()
  const from = lay(folder)
  const calls: string[] = []
  const app = (says: boolean, waitMs = 0) => ({
    freeze: async () => {
      calls.push('freeze')
      await Promise.resolve()
      return says
    },
    thaw: async () => {
      calls.push(`thaw ${waitMs}`)
      await Promise.resolve()
    }
  })
  const take = async (name: string, options: object) =>
    await takeSnapshot(clock, from, join(folder, name), { asked: 'freeze', app: null, ...options })
  const frozen = await take('one', { app: app(true) })
  t.alike([frozen.tag, frozen.consistency], ['copied', 'freeze'])
  const silent = await take('two', { app: app(false) })
  t.is(whyOf(silent), 'the app did not say that it stands still')
  t.alike(calls, ['freeze', 'thaw 0', 'freeze', 'thaw 0'], 'it is thawed either way')
  const still = await take('three', {})
  t.alike([still.tag, still.consistency], ['copied', 'still'], 'what does not run stands still')
  const crash = await take('four', { asked: 'crash', app: app(true) })
  t.alike([crash.tag, crash.consistency], ['copied', 'crash'])
  t.is(calls.length, 4, 'nobody is asked for a copy as after a crash')
  let ms = 0
  const slow = { ...clock, steadyMs: () => (ms += 600) }
  const late = await takeSnapshot(slow, from, join(folder, 'five'), {
    asked: 'freeze',
    app: app(true)
  })
  t.is(late.tag, 'copied', 'within the second')
  const later = { ...clock, steadyMs: () => (ms += 1_100) }
  const missed = await takeSnapshot(later, from, join(folder, 'six'), {
    asked: 'freeze',
    app: app(true)
  })
  t.is(whyOf(missed), 'the copy took 1100 ms, and the app stands still for 1000')
})
