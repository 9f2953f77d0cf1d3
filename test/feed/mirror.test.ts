// Nodes that have no peers fetch from plain files, over HTTP on loopback and from a folder; what
// those give is the signed bytes or nothing.
import test from 'brittle'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { verifyTree } from '../../lib/artifact/index.ts'
import { writeMirror } from '../../lib/feed/index.ts'
import { coreTableBytes } from '../../lib/records/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { disk, prose } from '../artifact/trees.ts'
import { baseOf, publish, release, spec, type Release } from './releases.ts'
import { link, openStore } from './stores.ts'
import { client, fetchInto, files, mirrorOf, network, serve } from './web.ts'

test('a node without peers fetches from a folder and over HTTP', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const folder = await mirrorOf(t, [one])
  const web = await serve(t, files(folder))
  const urls = [folder, `file://${folder}`, web.url]
  await Promise.all(
    urls.map(async (url) => {
      const node = await client(t, url)
      await fetchInto(t, node, one)
      t.alike(node.mirrors.views(), [{ url, dropped: null }])
    })
  )
  t.ok(web.sent > 0)
})

test('only what is missing is asked for: a patch takes a few thousand bytes', async (t) => {
  const top = await t.tmp()
  const before = await release(top, spec(1, 100_000))
  const after = await release(top, spec(2, 100_000), [before])
  const folder = await mirrorOf(t, [before, after])
  const web = await serve(t, files(folder))
  const node = await client(t, web.url)
  await fetchInto(t, node, after, { bases: [baseOf(before)] })
  t.is(node.log.find(({ event }) => event === 'fetched')?.facts?.['route'], 'patch')
  const whole = after.artifact.tree.bytes
  t.ok(web.sent < whole / 3, `${web.sent} bytes sent, the tree has ${whole}`)
})

test('a server that knows no ranges serves too', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const web = await serve(t, files(await mirrorOf(t, [one]), { ranges: false }))
  await fetchInto(t, await client(t, web.url), one)
  t.pass('the whole tree came')
})

test('what a mirror gave is stored, and others have it from here', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const node = await client(t, await mirrorOf(t, [one]))
  await fetchInto(t, node, one)
  t.ok(await node.store.hasWhole(one.artifact.tree), 'every block was kept')
  const other = await openStore(t, join(await t.tmp(), 'other'))
  link(t, node, other)
  const into = join(await t.tmp(), 'again')
  await other.store.fetchTree(one.artifact, { into })
  await verifyTree(disk, into, one.artifact)
})

test('peers come first: who has them asks no mirror', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const web = await serve(t, files(await mirrorOf(t, [one])))
  const node = await client(t, web.url)
  const seeder = await openStore(t, join(await t.tmp(), 'seeder'))
  await publish(seeder, one)
  link(t, seeder, node)
  await fetchInto(t, node, one)
  t.is(web.requests, 0)
})

test('a mirror is brought up to date: what is not served goes, strange files stay', async (t) => {
  const one = await release(await t.tmp(), spec(1, 100_000))
  const two = await release(await t.tmp(), { ...spec(2), 'more.txt': prose(90_000, 9) })
  const folder = await mirrorOf(t, [one])
  const fileOf = ({ artifact }: Release): string => join(folder, 'cores', toName(artifact.tree.key))
  await writeFile(join(folder, 'cores', 'README'), 'by hand')
  const before = await stat(fileOf(one))
  t.is(before.size, coreTableBytes(one.artifact.tree.blocks) + one.artifact.tree.bytes)
  const parts = { network, statements: [], evidence: [] }
  const carried = { core: two.pack.core, blocks: () => two.pack.blocks() }
  const kept = await writeMirror(disk, folder, {
    ...parts,
    cores: [carried],
    keep: [one.artifact.tree]
  })
  t.is(kept.cores.length, 2, 'what is to be kept is kept')
  const made = await writeMirror(disk, folder, { ...parts, cores: [carried], keep: [] })
  t.alike([made.cores.length, made.written], [1, 0], 'what is there is not written again')
  t.absent(await stat(fileOf(one)).catch(() => null))
  t.ok(await stat(join(folder, 'cores', 'README')))
  const spoilt = { core: one.pack.core, blocks: () => two.pack.blocks() }
  await t.exception(
    async () => await writeMirror(disk, folder, { ...parts, cores: [spoilt], keep: [] })
  )
  t.absent(await stat(fileOf(one)).catch(() => null), 'nothing half-written is left')
})
