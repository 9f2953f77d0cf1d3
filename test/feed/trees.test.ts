import test from 'brittle'
import { rename } from 'node:fs/promises'
import { packTree, verifyTree } from '../../lib/artifact/index.ts'
import { fromHex, fromText, KIB, MIB, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Progress } from '../../lib/feed/index.ts'
import { artifactOf, codeOf, disk, noise, prose, writeTree } from '../artifact/trees.ts'
import { link, openStore, until } from './stores.ts'

const old = prose(3 * MIB, 41)

/** A tree of 48 chunks, of which a holder of `before` lacks one or two. */
function after(): Record<string, Bytes> {
  const app = Uint8Array.from(old)
  app.set(noise(64, 9), MIB)
  return { 'app.js': app, 'same.js': prose(100 * KIB, 42), 'ota.json': fromText('{}') }
}

test('a node fetches a tree from the publisher, is whole, and is counted', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const node = await openStore(t, `${top}/n`)
  const pack = await packTree(disk, await writeTree(`${top}/from`, after()))
  const artifact = artifactOf(pack)
  await publisher.store.buildTreeCore(pack)
  t.ok(await publisher.store.hasWhole(pack.core))
  t.absent(await node.store.hasWhole(pack.core))
  t.is(publisher.store.holders(pack.core), 0)
  link(t, publisher, node)
  const seen: Progress[] = []
  const into = `${top}/into`
  await node.store.fetchTree(artifact, { into, reuse: [], onProgress: (one) => seen.push(one) })
  await verifyTree(disk, into, artifact)
  t.ok(await node.store.hasWhole(pack.core))
  const last = seen.at(-1)!
  t.is(last.blocks, last.blocksNeeded)
  t.ok(seen.length >= last.blocksNeeded, 'each block is told')
  await until(() => publisher.store.holders(pack.core) === 1)
  t.is(await node.store.rebuild(artifact, into), 'whole')
})

test('a fetch cut in the middle goes on where it was', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const node = await openStore(t, `${top}/n`)
  const big = { app: noise(4 * MIB, 5) }
  const pack = await packTree(disk, await writeTree(`${top}/from`, big))
  await publisher.store.buildTreeCore(pack)
  link(t, publisher, node)
  const abort = new AbortController()
  const into = `${top}/into`
  const first: Progress[] = []
  const onProgress = (one: Progress): void => {
    first.push(one)
    if (one.blocks >= 10) abort.abort(new Error('stop here'))
  }
  const options = { into, reuse: [], signal: abort.signal, onProgress }
  await t.exception(node.store.fetchTree(artifactOf(pack), options), /stop here/)
  t.is(await disk.stat(into), null, 'nothing half is left')
  const second: Progress[] = []
  await node.store.fetchTree(artifactOf(pack), {
    into,
    reuse: [],
    onProgress: (one) => second.push(one)
  })
  t.ok(second[0]!.blocks >= 10, 'what was held is not asked again')
  t.ok(second.at(-1)!.bytes < pack.core.bytes - first.at(-1)!.bytes / 2)
})

test('S109 nodes that fetched little rebuild all of it, and serve a newcomer alone', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const node = await openStore(t, `${top}/n`)
  const before = await writeTree(`${top}/before`, { 'app.js': old })
  const pack = await packTree(disk, await writeTree(`${top}/from`, after()))
  const artifact = artifactOf(pack)
  await publisher.store.buildTreeCore(pack)
  publisher.store.holders(pack.core)
  const wire = link(t, publisher, node)
  const into = `${top}/tmp-op`
  await node.store.fetchTree(artifact, { into, reuse: [before] })
  t.absent(await node.store.hasWhole(pack.core), 'most of it was never fetched')
  t.is(publisher.store.holders(pack.core), 0)
  const folder = `${top}/version`
  await rename(into, folder)
  t.is(await node.store.rebuild(artifact, folder), 'rebuilt')
  t.ok(await node.store.hasWhole(pack.core))
  await until(() => publisher.store.holders(pack.core) === 1)
  await wire.cut()
  await publisher.store.close()
  // S108: the publisher is gone; whoever comes now has the upgraded node only.
  const newcomer = await openStore(t, `${top}/c`)
  link(t, node, newcomer)
  await newcomer.store.fetchTree(artifact, { into: `${top}/new`, reuse: [] })
  await verifyTree(disk, `${top}/new`, artifact)
  t.ok(await newcomer.store.hasWhole(pack.core))
})

test('a core is rebuilt while peers ask for it, and they get it all', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const node = await openStore(t, `${top}/n`)
  const before = await writeTree(`${top}/before`, { 'app.js': old })
  const pack = await packTree(disk, await writeTree(`${top}/from`, after()))
  const artifact = artifactOf(pack)
  await publisher.store.buildTreeCore(pack)
  const wire = link(t, publisher, node)
  await node.store.fetchTree(artifact, { into: `${top}/version`, reuse: [before] })
  await wire.cut()
  // Four askers, only the sparse node to ask: each has to wait for the whole core.
  const asking: Promise<void>[] = []
  const wires: ReturnType<typeof link>[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const asker = await openStore(t, `${top}/${name}`)
    wires.push(link(t, node, asker))
    asking.push(asker.store.fetchTree(artifact, { into: `${top}/into-${name}`, reuse: [] }))
  }
  await until(() => wires.every(({ bytes }) => bytes.value > 2_000))
  t.is(await node.store.rebuild(artifact, `${top}/version`), 'rebuilt')
  await Promise.all(asking)
  for (const name of ['a', 'b', 'c', 'd']) await verifyTree(disk, `${top}/into-${name}`, artifact)
  t.ok(wires.every((one) => one.isOpen()))
})

test('other files are not built from, and another encoder is told', async (t) => {
  const top = await t.tmp()
  const node = await openStore(t, `${top}/n`)
  const folder = await writeTree(`${top}/from`, { a: 'one' })
  const pack = await packTree(disk, folder)
  const artifact = artifactOf(pack)
  const other = { ...artifact, tree: { ...artifact.tree, key: fromHex('11'.repeat(32)) } }
  t.is(await node.store.rebuild(other, folder), 'differs')
  t.ok(node.log.some(({ event }) => event === 'REBUILD_DIFFERS'))
  t.absent(await node.store.hasWhole(other.tree))
  const wrong = { ...artifact, treeDigest: fromHex('11'.repeat(32)) }
  t.is(await codeOf(node.store.rebuild(wrong, folder)), 'HASH_MISMATCH')
})

test('a core above 16 MiB is built in batches, a half-built one cleared', async (t) => {
  const top = await t.tmp()
  const one = await openStore(t, `${top}/p`)
  const pack = await packTree(disk, await writeTree(`${top}/from`, { app: noise(17 * MIB, 5) }))
  t.ok(pack.core.bytes > 16 * MIB)
  await one.store.buildTreeCore(pack)
  t.ok(await one.store.hasWhole(pack.core))
  t.is(await disk.stat(`${top}/p/feeds/building`), null)
  await one.store.close()
  const journal = `${'22'.repeat(32)} ${toHex(pack.core.key)}\n`
  await disk.writeDurable(`${top}/p/feeds/building`, fromText(journal))
  const two = await openStore(t, `${top}/p`)
  t.ok(await two.store.hasWhole(pack.core), 'whole after a restart')
  t.is(await disk.stat(`${top}/p/feeds/building`), null)
  await two.store.drop(pack.core)
  t.absent(await two.store.hasWhole(pack.core))
})

test('a peer that lacks what is needed ends a fetch in TIMEOUT, and nothing is left', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const sparse = await openStore(t, `${top}/s`)
  const node = await openStore(t, `${top}/n`, { stallMs: 700 })
  const before = await writeTree(`${top}/before`, { 'app.js': old })
  const pack = await packTree(disk, await writeTree(`${top}/from`, after()))
  const artifact = artifactOf(pack)
  await publisher.store.buildTreeCore(pack)
  const wire = link(t, publisher, sparse)
  await sparse.store.fetchTree(artifact, { into: `${top}/version`, reuse: [before] })
  await wire.cut()
  link(t, sparse, node)
  const into = `${top}/into`
  t.is(await codeOf(node.store.fetchTree(artifact, { into, reuse: [] })), 'TIMEOUT')
  t.is(await disk.stat(into), null)
})

test('no peer with the core ends a fetch with its code, and a dropped core is gone', async (t) => {
  const top = await t.tmp()
  const empty = await openStore(t, `${top}/e`)
  const node = await openStore(t, `${top}/n`, { stallMs: 600 })
  const pack = await packTree(disk, await writeTree(`${top}/from`, { a: 'one' }))
  link(t, empty, node)
  const options = { into: `${top}/into`, reuse: [] }
  t.is(await codeOf(node.store.fetchTree(artifactOf(pack), options)), 'NO_PEERS')
  // The same connection serves once the peer has it: nothing is remembered against it.
  await empty.store.buildTreeCore(pack)
  await node.store.fetchTree(artifactOf(pack), options)
  t.ok(await node.store.hasWhole(pack.core))
  await node.store.drop(pack.core)
  t.absent(await node.store.hasWhole(pack.core))
})

test('who carries for others fetches a core as it is, and is one more source', async (t) => {
  const top = await t.tmp()
  const publisher = await openStore(t, `${top}/p`)
  const carrier = await openStore(t, `${top}/c`)
  const pack = await packTree(disk, await writeTree(`${top}/from`, { app: noise(MIB, 5) }))
  await publisher.store.buildTreeCore(pack)
  link(t, publisher, carrier)
  publisher.store.holders(pack.core)
  await carrier.store.fetchCore(pack.core)
  t.ok(await carrier.store.hasWhole(pack.core))
  await until(() => publisher.store.holders(pack.core) === 1)
})
