// What `pack` refuses, what it warns of, and that it can be stopped.
import test from 'brittle'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { KIB, MIB } from '../../lib/base/index.ts'
import { noise, prose } from '../artifact/trees.ts'
import { InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf } from './signers.ts'

stretchLess()

const bin = join(import.meta.dirname, '..', '..', 'bin', 'ota-publish.js')

/** One entry too many in a tree that is good without it, and what the refusal must name. */
interface Hostile {
  readonly what: string
  readonly names: string
  readonly lay: (folder: string) => void
  readonly platform?: string
}

function file(name: string): Pick<Hostile, 'names' | 'lay'> {
  return { names: name, lay: (folder) => writeFileSync(join(folder, name), 'x') }
}

function twins(...names: readonly string[]): Pick<Hostile, 'names' | 'lay'> {
  return {
    names: names[0] ?? '',
    lay: (folder) => {
      for (const name of names) {
        mkdirSync(join(folder, name, '..'), { recursive: true })
        writeFileSync(join(folder, name), name)
      }
    }
  }
}

function linkTo(target: string): Pick<Hostile, 'names' | 'lay'> {
  return { names: 'cur', lay: (folder) => symlinkSync(target, join(folder, 'cur')) }
}

const long = 'd'.repeat(200)
const hostile: readonly Hostile[] = [
  { what: 'a backslash', ...file('a\\b') },
  { what: 'a colon', ...file('c:evil') },
  { what: 'a control character', ...file('a\u0007b') },
  { what: 'a C1 control character', ...file('a\u0085b') },
  { what: 'a part that ends in a dot', ...file('a.') },
  { what: 'a part that ends in a space', ...file('a ') },
  { what: 'a device of Windows', ...file('aux') },
  { what: 'a device of Windows with an extension', ...file('NUL.txt') },
  { what: 'a name in normal form D', ...file('e\u0301') },
  { what: 'twins by case', ...twins('Readme', 'readme') },
  { what: 'twins by the sharp s', ...twins('stra\u00dfe', 'STRASSE') },
  { what: 'folders that are twins', ...twins('Lib/a', 'lib/b'), names: 'Lib' },
  { what: 'a link out of the tree', ...linkTo('../outside') },
  { what: 'an absolute link', ...linkTo('/etc/passwd') },
  { what: 'a link to the top', ...linkTo('.') },
  { what: 'a link to nothing', ...linkTo('nothing') },
  { what: 'a link to itself', ...linkTo('cur') },
  {
    what: 'a link through a link',
    names: 'b',
    lay: (folder) => {
      mkdirSync(join(folder, 'real'))
      writeFileSync(join(folder, 'real', 'x'), 'x')
      symlinkSync('real', join(folder, 'a'))
      symlinkSync('a/x', join(folder, 'b'))
    }
  },
  {
    what: 'a fifo',
    names: 'pipe',
    lay: (folder) => execFileSync('mkfifo', [join(folder, 'pipe')])
  },
  {
    what: 'a set-id bit',
    names: 'tool',
    lay: (folder) => {
      writeFileSync(join(folder, 'tool'), 'x')
      chmodSync(join(folder, 'tool'), 0o4755)
    }
  },
  {
    what: 'a file of more than 1 GiB',
    names: 'huge',
    lay: (folder) => {
      writeFileSync(join(folder, 'huge'), '')
      truncateSync(join(folder, 'huge'), 1024 * MIB + 1)
    }
  },
  {
    what: 'a path of more than 512 bytes',
    names: `${long}/${long}`.slice(0, 64),
    lay: (folder) => {
      mkdirSync(join(folder, long, long), { recursive: true })
      writeFileSync(join(folder, long, long, long), 'x')
    }
  },
  {
    what: 'a folder 65 deep',
    names: 'f/f/f',
    lay: (folder) => {
      const deep = join(folder, ...Array.from({ length: 64 }, () => 'f'))
      mkdirSync(deep, { recursive: true })
      writeFileSync(join(deep, 'x'), 'x')
    }
  },
  { what: 'what Windows refuses', ...file('a?b'), platform: 'win32-x64' },
  {
    what: 'a name that is no text',
    names: 'a\ufffd',
    lay: (folder) => writeFileSync(Buffer.concat([Buffer.from(`${folder}/a`), Buffer.of(0xff)]), '')
  },
  {
    what: 'an ota.json that is a link',
    names: 'ota.json',
    lay: (folder) => {
      execFileSync('mv', [join(folder, 'ota.json'), join(folder, 'other.json')])
      symlinkSync('other.json', join(folder, 'ota.json'))
    }
  }
]

test('S33 pack refuses every hostile name and type with its path', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  for (const [index, { what, names, lay, platform }] of hostile.entries()) {
    const name = `build-${index}`
    desk.layBuild(name, '1.0.0')
    lay(desk.file(name))
    const more = platform === undefined ? [] : ['--platform', platform]
    const refused = await desk.run('a', 'pack', `file:${name}`, ...more, '-o', `file:${name}.pack`)
    t.is(refused.exit, 15, `${what}: ${errorOf(refused)}`)
    t.ok(errorOf(refused).includes(JSON.stringify(names).slice(1, -1)), 'names the path')
    t.absent(existsSync(desk.file(`${name}.pack`)), 'and writes nothing')
  }
})

test('files that cost nodes more are named', { timeout: 90_000 }, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  const lay = (seed: number): void => {
    desk.layBuild('build', `1.0.${seed}`)
    writeFileSync(desk.file('build/sealed.bin'), noise(MIB + 1, seed))
    writeFileSync(desk.file('build/assets.gz'), gzipSync(noise(300 * KIB, 3)))
    writeFileSync(desk.file('build/plain.txt'), prose(300 * KIB))
    writeFileSync(desk.file('build/small.gz'), gzipSync(noise(100 * KIB, 4)))
  }
  lay(1)
  const first = await desk.run('a', 'pack', 'file:build', '-o', 'file:r1.pack')
  t.is(first.exit, 0)
  const warned = first.stderr.split('\n').filter((line) => line.includes('warning'))
  t.is(warned.length, 2, first.stderr)
  t.ok(warned.some((line) => /assets\.gz \(30\d\.\d kB\) is an archive.*ship its mem/.test(line)))
  t.ok(warned.some((line) => /sealed\.bin \(1\.0 MB\) does not compress.*neither/.test(line)))
  const kind = ['--channel', 'stable', '--kind', 'code', '-o', 'file:r1.req']
  await desk.must('a', 'propose', 'file:r1.pack', ...kind)
  await desk.must('a', 'commit', 'file:r1.req', ...(await desk.sign('r1', 'a')), '--alone')
  lay(2)
  const second = await desk.must('a', 'pack', 'file:build', '-o', 'file:r2.pack')
  t.alike(second['warnings'], [
    { code: 'ARCHIVE_INSIDE', path: 'assets.gz', bytes: gzipSync(noise(300 * KIB, 3)).length },
    { code: 'INCOMPRESSIBLE', path: 'sealed.bin', bytes: MIB + 1 },
    { code: 'NOT_DELTA_ABLE', path: 'sealed.bin', bytes: MIB + 1 }
  ])
  const [update] = second['updates'] as readonly { way: string; patchBytes: number | null }[]
  t.alike([update?.way, update?.patchBytes], ['chunks', null])
})

test('the memory of patches is a size, and not too little for any', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  desk.layBuild('build', '1.0.0')
  const pack = async (...more: readonly string[]) =>
    await desk.run('a', 'pack', 'file:build', '-o', 'file:r.pack', ...more)
  const little = await pack('--patch-memory', '100M')
  t.is(little.exit, 2)
  t.is(errorOf(little), 'patches need 116 MiB of memory or more')
  const strange = await pack('--patch-memory', 'much')
  t.is(strange.exit, 2)
  t.is(errorOf(strange), '--patch-memory is a size, got "much"')
  t.is((await pack('--patch-memory', '512M')).exit, 0)
  t.is((await pack('--patch-memory', '1G')).exit, 0)
  const from = await pack('--patch-from', 'abcdefgh')
  t.is(from.exit, 12, 'no network, no releases')
  t.ok(hintOf(from).includes('init'))
})

test('Ctrl-C ends pack at once, and nothing is left of it', { timeout: 90_000 }, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  desk.layBuild('build', '1.0.0')
  writeFileSync(desk.file('build/large.txt'), prose(24 * MIB))
  const words = ['pack', desk.file('build'), '-o', desk.file('r.pack'), '--home', desk.file('home')]
  const child = spawn(process.execPath, [bin, ...words], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  let said = ''
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (part) => {
      said += String(part)
      if (said.includes('making the solid stream')) resolve()
    })
  })
  t.is(readdirSync(desk.file('home/work')).length, 1, 'it is at work')
  child.kill('SIGINT')
  const [exit] = (await once(child, 'close')) as [number | null]
  t.is(exit, 130)
  t.alike(readdirSync(desk.file('home/work')), [])
  t.absent(existsSync(desk.file('r.pack')))
})
