// Releases of several platforms, and what the publisher keeps of many.
import test from 'brittle'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { toHex } from '../../lib/base/index.ts'
import { readRequest } from '../../lib/publish/index.ts'
import type { Artifact } from '../../lib/records/index.ts'
import { disk, prose } from '../artifact/trees.ts'
import { link, openStore } from '../feed/stores.ts'
import { InsideDesk, stretchLess } from './inside.ts'
import { errorOf, hintOf, type Ended, type Line } from './signers.ts'

stretchLess()

const platforms = ['linux-x64', 'darwin-arm64'] as const

/** A tree of that platform; each version spoils some bytes of it. */
function lay(desk: InsideDesk, platform: string, version: number): void {
  desk.layBuild(platform, `1.0.${version}`)
  const text = prose(120_000, platform.length)
  for (let at = version; at < text.byteLength; at += 9_001) text[at] = 64 + version
  writeFileSync(desk.file(`${platform}/program.txt`), text)
}

async function pack(
  desk: InsideDesk,
  platform: string,
  ...more: readonly string[]
): Promise<Line['data']> {
  const words = [`file:${platform}`, '--platform', platform, '-o', `file:${platform}.pack`]
  return await desk.must('a', 'pack', ...words, ...more)
}

/** Proposes these packs as `NAME.req`, signs and commits them. */
async function release(
  desk: InsideDesk,
  name: string,
  packs: readonly string[],
  channel = 'stable'
): Promise<string> {
  const kind = ['--channel', channel, '--kind', 'code', '-o', `file:${name}.req`]
  const { release: id } = await desk.must('a', 'propose', ...packs, ...kind)
  await desk.must('a', 'commit', `file:${name}.req`, ...(await desk.sign(name, 'a')), '--alone')
  return String(id)
}

async function artifactsIn(desk: InsideDesk, name: string): Promise<readonly Artifact[]> {
  const { body } = await readRequest(disk, desk.file(`${name}.req`))
  return body.tag === 'release' ? body.release.artifacts : []
}

test('S49 a release of two platforms has patches for each, a node fetches its own', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  const packs = platforms.map((platform) => `file:${platform}.pack`)
  for (const version of [1, 2]) {
    for (const platform of platforms) {
      lay(desk, platform, version)
      const { updates } = await pack(desk, platform)
      t.is((updates as readonly unknown[]).length, version - 1, `${platform} ${version}`)
    }
    await release(desk, `r${version}`, packs)
  }
  const [own, other] = await artifactsIn(desk, 'r2')
  if (own === undefined || other === undefined) throw new Error('two artifacts were released')
  t.alike([own.platform, other.platform], [...platforms])
  t.ok(own.patch !== null && other.patch !== null)
  t.not(toHex(own.patch?.key ?? own.tree.key), toHex(other.patch?.key ?? own.tree.key))

  const publisher = await openStore(t, desk.file('home-a/store'))
  const node = await openStore(t, desk.file('node'))
  for (const core of [own.tree, other.tree, own.patch, other.patch]) {
    t.ok(core !== null && (await publisher.store.hasWhole(core)), 'the publisher has it whole')
  }
  const wire = link(t, publisher, node)
  await node.store.fetchTree(own, { into: desk.file('tree') })
  t.ok(wire.bytes.value < own.tree.bytes + 20_000, 'nothing of the other platform came')
  t.absent(await node.store.hasWhole(other.tree))
})

test('what patches are made from is chosen by hand, and must be there', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  const [linux, darwin] = platforms
  lay(desk, linux, 1)
  await pack(desk, linux)
  const one = await release(desk, 'r1', [`file:${linux}.pack`])
  lay(desk, linux, 2)
  const told = await pack(desk, linux, '--patch-from', one.slice(0, 8))
  const [update] = told['updates'] as readonly { from: string; way: string }[]
  t.alike([update?.from, update?.way], [one, 'patch'])

  const from = async (platform: string, word: string): Promise<Ended> => {
    const words = [`file:${platform}`, '--platform', platform, '-o', 'file:x.pack']
    return await desk.run('a', 'pack', ...words, '--patch-from', word)
  }
  lay(desk, darwin, 1)
  const strange = await from(darwin, one)
  t.is(strange.exit, 2)
  t.is(errorOf(strange), `--patch-from ${one.slice(0, 8)}: it has nothing for ${darwin}`)
  t.is(hintOf(strange), `it has ${linux}`, 'wanted and has')
  const unknown = await from(linux, 'z'.repeat(8))
  t.is(errorOf(unknown), `no release "${'z'.repeat(8)}" is known`)
  lay(desk, linux, 1)
  const same = await from(linux, one)
  t.is(errorOf(same), `--patch-from ${one.slice(0, 8)}: it has the very tree that is packed`)
})

test('review tells what nodes will download, and that patches only transport', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  const [linux] = platforms
  lay(desk, linux, 1)
  await pack(desk, linux)
  const one = await release(desk, 'r1', [`file:${linux}.pack`])
  lay(desk, linux, 2)
  await pack(desk, linux)
  const kind = ['--channel', 'stable', '--kind', 'code', '-o', 'file:r2.req']
  await desk.must('a', 'propose', `file:${linux}.pack`, ...kind)
  const review = ['review', 'file:r2.req', '--build', `file:${linux}`]
  const drafter = await desk.run('a', ...review)
  t.is(drafter.exit, 0, errorOf(drafter))
  const only = /^patches \d+ B, not rebuilt here: they only transport, the tree digest decides$/m
  t.ok(only.test(drafter.stdout), drafter.stdout)
  const update = /^ {2}update from (\w{8}) "1\.0\.1" \d+ B \(patch\), \d+\.\d+ % of a full/m
  t.is(update.exec(drafter.stdout)?.[1], one.slice(0, 8))
  t.ok(/^ {2}first install \d+\.\d kB \((chunks|solid stream)\)$/m.test(drafter.stdout))

  // another machine has the build and the request, and not what was packed
  const far = await desk.run('far', ...review)
  t.is(far.exit, 0, errorOf(far))
  t.ok(only.test(far.stdout))
  t.absent(/update from|first install/.test(far.stdout))
  const told = await desk.run('a', ...review, '--json')
  const data = told.lines.find(({ tag }) => tag === 'review')?.data['artifacts']
  const [artifact] = data as readonly { updates: readonly { way: string; from: string }[] }[]
  t.alike([artifact?.updates[0]?.way, artifact?.updates[0]?.from], ['patch', one])
})

test('an earlier tree that another command holds, or that is gone, is told', async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  const [linux] = platforms
  lay(desk, linux, 1)
  await pack(desk, linux)
  const one = await release(desk, 'r1', [`file:${linux}.pack`])
  lay(desk, linux, 2)
  const words = ['pack', `file:${linux}`, '-o', 'file:x.pack']
  const local = ['--bootstrap', 'none', '--host', '127.0.0.1']
  const stop = await desk.person('a').start('seeding', 'seed', ...local)
  const beside = await desk.run('a', ...words)
  t.is(beside.exit, 0, 'a pack without that patch is as good')
  t.ok(beside.stderr.includes(`warning: no patch from ${one.slice(0, 8)}: stop ota-publish seed`))
  const named = await desk.run('a', ...words, '--patch-from', one)
  t.is(named.exit, 30, errorOf(named))
  t.ok(hintOf(named).startsWith('stop ota-publish seed'))
  await stop()

  rmSync(desk.file('home-a/store'), { recursive: true })
  const without = await pack(desk, linux)
  t.alike(without['withoutPatch'], [{ from: one, why: 'gone' }])
  const gone = await desk.run('a', ...words, '--patch-from', one)
  t.is(gone.exit, 15)
  t.is(errorOf(gone), `the tree of release ${one.slice(0, 8)} is not on this machine`)
})

test('the cores of the last ten releases of each channel stay', { timeout: 90_000 }, async (t) => {
  const desk = new InsideDesk(await t.tmp())
  await desk.found(['a'])
  const [linux] = platforms
  const names = Array.from({ length: 12 }, (_, index) => `r${index + 1}`)
  lay(desk, linux, 50)
  await pack(desk, linux)
  await release(desk, 'beta', [`file:${linux}.pack`], 'beta')
  for (const [index, name] of names.entries()) {
    lay(desk, linux, index + 1)
    await pack(desk, linux, '--patch-memory', '128M')
    await release(desk, name, [`file:${linux}.pack`])
  }
  const store = await openStore(t, desk.file('home-a/store'))
  const isKept = async (name: string): Promise<boolean[]> => {
    const [artifact] = await artifactsIn(desk, name)
    const cores = [artifact?.tree, artifact?.patch].filter((core) => core !== undefined)
    return await Promise.all(
      cores.map(async (core) => core !== null && (await store.store.hasWhole(core)))
    )
  }
  for (const name of names.slice(0, 2)) t.alike(await isKept(name), [false, false], name)
  for (const name of names.slice(2)) t.alike(await isKept(name), [true, true], name)
  t.is((await isKept('beta'))[0], true, 'another channel has its own ten')
  const kept = readdirSync(desk.file('home-a/packs'))
  const count = (end: string): number => kept.filter((name) => name.endsWith(end)).length
  t.alike([count('.patches'), count('.index')], [0, 10])
  t.is(count('.manifest'), 11)
})
