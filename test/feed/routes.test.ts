import test, { type TestContext } from 'brittle'
import { rename } from 'node:fs/promises'
import { CoreHasher, routeBlockBytes, verifyTree } from '../../lib/artifact/index.ts'
import { KIB, type Bytes } from '../../lib/base/index.ts'
import type { Progress } from '../../lib/feed/index.ts'
import { codeOf, disk, noise, type Spec } from '../artifact/trees.ts'
import { baseOf, publish, release, spec, type Release } from './releases.ts'
import { link, openStore, type TestStore } from './stores.ts'

/** The ways that fetches of this store went. */
function ways({ log }: TestStore): unknown[] {
  return log.filter(({ event }) => event === 'fetched').map(({ facts }) => facts?.['route'])
}

function told({ log }: TestStore, event: string): number {
  return log.filter((one) => one.event === event).length
}

async function pair(t: TestContext, top: string) {
  const publisher = await openStore(t, `${top}/p`)
  const node = await openStore(t, `${top}/n`)
  return { publisher, node, wire: link(t, publisher, node) }
}

test('S109 who came by patch serves a newcomer all, the publisher being gone', async (t) => {
  const top = await t.tmp()
  const { publisher, node, wire } = await pair(t, top)
  const a = await release(top, spec(1))
  const b = await release(top, spec(2), [a])
  await publish(publisher, b)
  const into = `${top}/tmp`
  const seen: Progress[] = []
  const onProgress = (one: Progress): unknown => seen.push(one)
  await node.store.fetchTree(b.artifact, { into, bases: [baseOf(a)], onProgress })
  await verifyTree(disk, into, b.artifact)
  t.alike(ways(node), ['patch'])
  t.ok(wire.bytes.value < 20_000, `${wire.bytes.value} bytes on the wire`)
  const last = seen.at(-1)!
  t.is(last.route, 'patch')
  t.is(last.blocks, last.blocksNeeded)
  t.is(last.bytes, last.bytesNeeded)
  t.ok(last.rate > 0 && last.peers === 1 && last.msLeft === 0)
  await rename(into, `${top}/version`)
  t.is(await node.store.rebuild(b.artifact, `${top}/version`), 'rebuilt')
  await wire.cut()
  await publisher.store.close()
  const newcomer = await openStore(t, `${top}/c`)
  link(t, node, newcomer)
  await newcomer.store.fetchTree(b.artifact, { into: `${top}/new` })
  await verifyTree(disk, `${top}/new`, b.artifact)
  t.alike(ways(newcomer), ['chunks'], 'nobody has the solid stream, and that is no failure')
  t.is(told(newcomer, 'PATCH_FAILED'), 0)
})

test('patches in a row lead from an older release; their trees are gone afterwards', async (t) => {
  const top = await t.tmp()
  const { publisher, node, wire } = await pair(t, top)
  const a = await release(top, spec(1))
  const b = await release(top, spec(2), [a])
  const c = await release(top, spec(3), [b])
  const d = await release(top, spec(4), [c])
  for (const one of [b, c, d]) await publish(publisher, one)
  const into = `${top}/op/tree`
  const others = [a, b, c].map(({ artifact }) => artifact)
  await node.store.fetchTree(d.artifact, { into, bases: [baseOf(a)], others })
  await verifyTree(disk, into, d.artifact)
  t.alike(ways(node), ['chain'])
  t.alike(await disk.list(`${top}/op`), ['tree'])
  t.ok(wire.bytes.value < 40_000, `${wire.bytes.value} bytes on the wire`)
})

test('who has nothing takes the solid stream, and resumes it', async (t) => {
  const top = await t.tmp()
  const { publisher, node } = await pair(t, top)
  const one = await release(top, twins(noise(700 * KIB, 3)))
  await publish(publisher, one)
  const abort = new AbortController()
  const onProgress = ({ blocks }: Progress): void => {
    if (blocks >= 2) abort.abort(new Error('stop here'))
  }
  const into = `${top}/into`
  const first = node.store.fetchTree(one.artifact, { into, signal: abort.signal, onProgress })
  await t.exception(first, /stop here/)
  t.is(await disk.stat(into), null)
  const seen: Progress[] = []
  await node.store.fetchTree(one.artifact, { into, onProgress: (p) => seen.push(p) })
  t.alike(ways(node), ['solid'])
  t.ok(seen[0]!.blocks >= 2, 'what was held is not asked again')
  t.ok(seen.at(-1)!.bytes < one.patches!.core.bytes - routeBlockBytes)
})

/** The same release with a patch core whose routes were changed, signed as it then is. */
async function spoiled(one: Release, spoil: (block: Bytes, i: number) => Bytes): Promise<Release> {
  const blocks: Bytes[] = []
  for await (const block of one.patches!.blocks()) blocks.push(spoil(block.slice(), blocks.length))
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  const core = hasher.core()
  async function* all(): AsyncGenerator<Bytes> {
    yield* await Promise.resolve(blocks)
  }
  return { ...one, patches: { core, blocks: all }, artifact: { ...one.artifact, patch: core } }
}

test('S34 a patch that gives another tree is left for chunks, once and for all', async (t) => {
  const top = await t.tmp()
  const { publisher, node } = await pair(t, top)
  const a = await release(top, spec(1))
  const good = await release(top, spec(2), [a])
  const bad = await spoiled(good, flipped)
  await publish(publisher, bad)
  const into = `${top}/into`
  await node.store.fetchTree(bad.artifact, { into, bases: [baseOf(a)] })
  await verifyTree(disk, into, bad.artifact)
  t.alike(ways(node), ['chunks'])
  t.is(told(node, 'PATCH_FAILED'), 1)
  await disk.remove(into)
  await node.store.fetchTree(bad.artifact, { into, bases: [baseOf(a)] })
  t.is(told(node, 'PATCH_FAILED'), 1, 'a way that failed is not taken again')
})

test('a broken index, or a base that changed, costs the patch and nothing else', async (t) => {
  const top = await t.tmp()
  const { publisher, node } = await pair(t, top)
  const a = await release(top, spec(1))
  const b = await release(top, spec(2), [a])
  const bad = await spoiled(b, (block, i) => (i === 0 ? block.fill(7) : block))
  await publish(publisher, b)
  await publish(publisher, bad)
  await node.store.fetchTree(bad.artifact, { into: `${top}/one`, bases: [baseOf(a)] })
  await verifyTree(disk, `${top}/one`, bad.artifact)
  await disk.create(`${a.folder}/new`, noise(9), 0o600)
  await node.store.fetchTree(b.artifact, { into: `${top}/two`, bases: [baseOf(a)] })
  await verifyTree(disk, `${top}/two`, b.artifact)
  t.alike(ways(node), ['chunks', 'chunks'])
})

/** Nearly the same twice: a stream over the whole tree sees it, chunks do not. */
function twins(text: Bytes): Spec {
  return { a: text, b: text.map((byte, i) => (i % 999 === 0 ? 1 : byte)) }
}

function flipped(block: Bytes, i: number): Bytes {
  if (i > 0) block[block.byteLength - 9]! ^= 1
  return block
}

test('a solid stream that lies is no reason to hold: the chunks are there', async (t) => {
  const top = await t.tmp()
  const { publisher, node } = await pair(t, top)
  const bad = await spoiled(await release(top, twins(noise(300 * KIB, 3))), flipped)
  await publish(publisher, bad)
  await node.store.fetchTree(bad.artifact, { into: `${top}/into` })
  t.alike(ways(node), ['chunks'])
  t.is(told(node, 'PATCH_FAILED'), 1)
})

test('who has a release that no patch knows takes the few chunks it lacks', async (t) => {
  const top = await t.tmp()
  const { publisher, node, wire } = await pair(t, top)
  const text = noise(1_000 * KIB, 3)
  const now = await release(top, twins(text))
  await publish(publisher, now)
  const old = await release(top, { a: text.subarray(0, 250 * KIB) })
  const into = `${top}/into`
  await node.store.fetchTree(now.artifact, { into, bases: [baseOf(old)] })
  await verifyTree(disk, into, now.artifact)
  t.alike(ways(node), ['solid'], 'most chunks are lacking: the head has said so')
  const close = await release(top, { ...twins(text), more: noise(20 * KIB, 4) })
  const before = wire.bytes.value
  await node.store.drop(now.artifact.tree)
  await node.store.drop(now.artifact.patch!)
  const again = { into: `${top}/again`, bases: [baseOf(close)] }
  await node.store.fetchTree(now.artifact, again)
  await verifyTree(disk, again.into, now.artifact)
  t.alike(ways(node), ['solid', 'chunks'])
  t.ok(wire.bytes.value - before < 100 * KIB, `${wire.bytes.value - before} bytes on the wire`)
})

test('a release whose ways cost bytes for nothing is held, and says so', async (t) => {
  const top = await t.tmp()
  const { publisher, node, wire } = await pair(t, top)
  const text = noise(300 * KIB, 3)
  const a = await release(top, { a: text.subarray(0, 80 * KIB) })
  const bad = await spoiled(await release(top, twins(text), [a]), flipped)
  await publish(publisher, bad)
  const options = { into: `${top}/into`, bases: [baseOf(a)] }
  const held = node.store.fetchTree(bad.artifact, options)
  t.is(await codeOf(held), 'HELD')
  await t.exception(held, /fetch budget: the release has cost \d+ bytes and may cost \d+/)
  t.is(told(node, 'PATCH_FAILED'), 2, 'the patch and the stream')
  const before = wire.bytes.value
  t.is(await codeOf(node.store.fetchTree(bad.artifact, options)), 'HELD')
  t.ok(wire.bytes.value - before < 8 * KIB, 'asking again costs nothing')
  t.is(await disk.stat(options.into), null)
})
