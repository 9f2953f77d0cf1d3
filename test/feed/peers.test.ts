import test, { type TestContext } from 'brittle'
import Corestore from 'corestore'
import { CoreHasher, packTree, verifyTree } from '../../lib/artifact/index.ts'
import { KIB, MIB, SECOND, type Bytes } from '../../lib/base/index.ts'
import type { PeerAlarm, Progress } from '../../lib/feed/index.ts'
import { artifactOf, codeOf, disk, noise, writeTree } from '../artifact/trees.ts'
import { drivenClock } from './driven.ts'
import { link, openStore, until } from './stores.ts'

async function packed(top: string, size: number) {
  const pack = await packTree(disk, await writeTree(`${top}/from`, { app: noise(size, 5) }))
  return { pack, artifact: artifactOf(pack) }
}

test('three seeds send a tree once: less than 15 % comes twice', async (t) => {
  const top = await t.tmp()
  const { pack, artifact } = await packed(top, 12 * MIB)
  const node = await openStore(t, `${top}/n`)
  const wires = []
  for (const name of ['a', 'b', 'c']) {
    const seed = await openStore(t, `${top}/${name}`)
    await seed.store.buildTreeCore(pack)
    wires.push(link(t, seed, node))
  }
  const seen: Progress[] = []
  const into = `${top}/into`
  await node.store.fetchTree(artifact, { into, onProgress: (one) => seen.push(one) })
  await verifyTree(disk, into, artifact)
  const came = wires.reduce((sum, { bytes }) => sum + bytes.value, 0)
  const share = came / pack.core.bytes
  t.comment(`${came} bytes on the wire for ${pack.core.bytes}: ${share.toFixed(3)}`)
  t.ok(share < 1.15, `${share.toFixed(3)} of the payload`)
  t.ok(wires.filter(({ bytes }) => bytes.value > MIB).length >= 2, 'more than one seed sent')
  t.ok(Math.max(...seen.map(({ peers }) => peers)) >= 2)
})

/** A store of hypercore's own that changes one byte in every block it serves. */
async function liar(t: TestContext, folder: string, blocks: readonly Bytes[], manifest: object) {
  const store = new Corestore(folder)
  await store.ready()
  t.teardown(async () => await store.close(), { order: 2 })
  const core = store.get({ manifest: manifest as never })
  await core.ready()
  await core.append(blocks, { signature: Buffer.alloc(0) })
  const { storage } = core.core as unknown as Tampered
  const read = storage.read.bind(storage)
  storage.read = (...args) => {
    const batch = read(...args)
    const getBlock = batch.getBlock.bind(batch)
    batch.getBlock = async (index) => {
      const block = Buffer.from(await getBlock(index))
      block[0]! ^= 1
      return block
    }
    return batch
  }
  return { store: { replicate: (stream: object) => void store.replicate(stream) } }
}

interface Tampered {
  readonly storage: {
    read(...args: unknown[]): { getBlock(index: number): Promise<Bytes> }
  }
}

test('S31 a peer whose blocks fail their proof is named and not asked again', async (t) => {
  const top = await t.tmp()
  const { pack, artifact } = await packed(top, 2 * MIB)
  const blocks: Bytes[] = []
  for await (const block of pack.blocks()) blocks.push(Buffer.from(block))
  const seed = await openStore(t, `${top}/s`)
  await seed.store.buildTreeCore(pack)
  const prologue = { hash: await treeHashOf(pack), length: blocks.length }
  const manifest = { version: 1, quorum: 0, signers: [], prologue }
  const bad = await liar(t, `${top}/l`, blocks, manifest)
  const node = await openStore(t, `${top}/n`, { stallMs: 2_000 })
  link(t, bad, node)
  const into = `${top}/into`
  const alarms: PeerAlarm[] = []
  const options = { into, onAlarm: (one: PeerAlarm): unknown => alarms.push(one) }
  t.is(await codeOf(node.store.fetchTree(artifact, options)), 'NO_PEERS')
  t.alike(
    alarms.map(({ code }) => code),
    ['HASH_MISMATCH']
  )
  t.is(await disk.stat(into), null)
  const wire = link(t, seed, node)
  await node.store.fetchTree(artifact, options)
  await verifyTree(disk, into, artifact)
  t.ok(wire.isOpen())
  t.is(alarms.length, 1, 'the liar was not asked again')
})

/** From hypercore itself: the key of a static core commits to it. */
async function treeHashOf(pack: { blocks(): AsyncIterable<Bytes> }): Promise<Bytes> {
  const hasher = new CoreHasher()
  for await (const block of pack.blocks()) hasher.push(block)
  return hasher.treeHash()
}

test('S85 a peer at a byte per second gives way to a faster one, and is named', async (t) => {
  const top = await t.tmp()
  const { pack, artifact } = await packed(top, 6 * MIB)
  const clock = drivenClock()
  const node = await openStore(t, `${top}/n`, { clock, stallMs: 600 * SECOND })
  const slow = await openStore(t, `${top}/slow`)
  const fast = await openStore(t, `${top}/fast`)
  for (const { store } of [slow, fast]) await store.buildTreeCore(pack)
  const drip = link(t, slow, node, { bytesMax: 40 * KIB })
  const seen: Progress[] = []
  const alarms: PeerAlarm[] = []
  const into = `${top}/into`
  const fetching = node.store.fetchTree(artifact, {
    into,
    onProgress: (one) => seen.push(one),
    onAlarm: (one) => alarms.push(one)
  })
  await until(() => drip.isFull())
  // Ten seconds with nobody else: the only peer there is stays.
  for (let i = 0; i < 48; i += 1) await clock.pass(250)
  t.is(alarms.length, 0)
  t.is(seen.at(-1)!.rate, 0, 'the rate falls while nothing comes')
  t.is(seen.at(-1)!.msLeft, null)
  const steady = link(t, fast, node)
  while (alarms.length === 0) await clock.pass(250)
  t.is(alarms[0]!.code, 'SLOW_PEER')
  t.ok(alarms[0]!.text.includes(alarms[0]!.peer))
  t.ok(drip.isOpen(), 'the connection itself stays')
  await clock.passUntilOver(fetching)
  await verifyTree(disk, into, artifact)
  t.ok(steady.bytes.value > pack.core.bytes / 2)
})
