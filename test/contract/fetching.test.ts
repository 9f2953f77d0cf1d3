import test, { type TestContext } from 'brittle'
import Corestore from 'corestore'
import Hypercore from 'hypercore'
import type { BlockRequest, HypercorePeer, InnerCore } from 'hypercore'
import { KIB, MIB, toHex, type Bytes } from '../../lib/base/index.ts'
import { CoreHasher } from '../../lib/artifact/index.ts'
import { until } from '../feed/stores.ts'

/** What fetching and serving of static cores rely on beyond what hypercore promises. */
const blocks = Array.from({ length: 24 }, (_, i) => Buffer.alloc(4 * KIB, i + 1))

function manifestOf(all: readonly Bytes[]) {
  const hasher = new CoreHasher()
  for (const block of all) hasher.push(block)
  const prologue = { hash: hasher.treeHash(), length: all.length }
  return { version: 1, quorum: 0, signers: [], prologue }
}

async function open(t: TestContext, folder: string): Promise<Corestore> {
  const store = new Corestore(Hypercore.defaultStorage(folder, { writeBufferSize: MIB }))
  await store.ready()
  t.teardown(async () => await store.close(), { order: 2 })
  return store
}

async function whole(store: Corestore): Promise<Hypercore> {
  const core = store.get({ manifest: manifestOf(blocks) })
  await core.ready()
  await core.append(blocks, { signature: Buffer.alloc(0) })
  return core
}

interface Piped {
  pipe(other: Piped): Piped
  destroy(): void
  on(event: 'error', fn: () => void): void
  readonly noiseStream: { on(event: 'error', fn: () => void): void }
}

function pipe(t: TestContext, a: Corestore, b: Corestore): Piped {
  const one = Hypercore.createProtocolStream(true) as Piped
  const two = Hypercore.createProtocolStream(false) as Piped
  for (const stream of [one, two]) {
    stream.on('error', noop)
    stream.noiseStream.on('error', noop)
    t.teardown(() => stream.destroy(), { order: 1 })
  }
  one.pipe(two).pipe(one)
  a.replicate(one)
  b.replicate(two)
  return two
}

function noop(): void {}

async function quiet(store: Corestore, key: Bytes, streams: readonly object[]) {
  const core = store.session({ active: false }).get({ key })
  await core.ready()
  for (const stream of streams) core.replicate(stream)
  return core
}

test('which requests are made twice is asked of a queue that can be replaced', async (t) => {
  const top = await t.tmp()
  const stores = await Promise.all(['a', 'b', 'n'].map((name) => open(t, `${top}/${name}`)))
  const [a, b, n] = stores as [Corestore, Corestore, Corestore]
  const { key } = await whole(a)
  await whole(b)
  const core = await quiet(n, key, [])
  const { replicator } = core.core
  t.is(typeof replicator.hotswaps.add, 'function')
  const added: BlockRequest[] = []
  const asked: HypercorePeer[] = []
  replicator.hotswaps = {
    add(block) {
      if (block.hotswap === null) added.push(block)
      block.hotswap = { ref: this }
    },
    remove(block) {
      block.hotswap = null
    },
    pick(peer) {
      asked.push(peer)
      return []
    }
  }
  const froms = new Set<HypercorePeer>()
  core.on('download', (_index, _bytes, from) => froms.add(from))
  for (const stream of [pipe(t, a, n), pipe(t, b, n)]) core.replicate(stream)
  await core.download({ blocks: blocks.map((_, i) => i) }).done()
  t.is(added.length, blocks.length, 'each block once')
  t.ok(
    added.every(({ hotswap }) => hotswap === null),
    'and each is taken out'
  )
  t.ok(asked.length > 0)
  t.ok([...froms].every((peer) => core.peers.includes(peer)))
  const before = asked.length
  const [peer] = core.peers
  if (peer === undefined) return t.fail('there is a peer')
  // Nothing on its way: nothing to ask twice.
  replicator.updatePeer(peer)
  t.is(asked.length, before)
})

test('what a peer shows and does can be read of it, and its channel closed for good', async (t) => {
  const top = await t.tmp()
  const [full, asker] = await Promise.all([open(t, `${top}/f`), open(t, `${top}/a`)])
  const { key } = await whole(full)
  const core = await quiet(asker, key, [pipe(t, full, asker)])
  t.ok(await core.get(3, { timeout: 5_000 }))
  const [peer] = core.peers
  if (peer === undefined) return t.fail('there is a peer')
  await until(() => peer.remoteContiguousLength === blocks.length)
  t.is(peer.paused, false)
  t.is(peer.removed, false)
  t.is(peer.inflight, 0)
  t.is(peer.protomux.drained, true)
  t.is(peer.remotePublicKey.byteLength, 32)
  t.is(typeof peer.remoteBitfield.get(0), 'boolean')
  t.is(typeof peer.stream.destroy, 'function')
  core.core.replicator.detachFrom(peer.protomux)
  peer.channel.close()
  t.is(peer.removed, true)
  t.is(core.peers.length, 0)
  await t.exception(core.get(4, { timeout: 300 }), /REQUEST_TIMEOUT/)
})

test('a sparse peer shows block by block what it has', async (t) => {
  const top = await t.tmp()
  const stores = await Promise.all(['f', 's', 'a'].map((name) => open(t, `${top}/${name}`)))
  const [full, sparse, asker] = stores as [Corestore, Corestore, Corestore]
  const { key } = await whole(full)
  const some = await quiet(sparse, key, [pipe(t, full, sparse)])
  for (const index of [3, 7]) await some.get(index, { timeout: 5_000 })
  const core = await quiet(asker, key, [pipe(t, sparse, asker)])
  const range = core.download({ blocks: [3, 5] })
  await until(async () => await core.has(3))
  const [peer] = core.peers
  if (peer === undefined) return t.fail('there is a peer')
  t.is(peer.remoteContiguousLength, 0)
  t.ok(peer.remoteBitfield.get(3))
  t.absent(peer.remoteBitfield.get(5))
  range.destroy()
})

test('a block that fails its proof is an event with its peer; to drop it is ours', async (t) => {
  const top = await t.tmp()
  const [liar, asker] = await Promise.all([open(t, `${top}/l`), open(t, `${top}/a`)])
  const own = await whole(liar)
  const { storage } = own.core as unknown as Tampered
  const read = storage.read.bind(storage)
  storage.read = (...args) => {
    const batch = read(...args)
    const getBlock = batch.getBlock.bind(batch)
    batch.getBlock = async (index) => Buffer.from(await getBlock(index)).fill(0)
    return batch
  }
  const core = await quiet(asker, own.key, [])
  const told: { readonly block: number | undefined; readonly from: HypercorePeer }[] = []
  core.on('verification-error', (_error, request, _data, from) => {
    told.push({ block: request?.block?.index, from })
  })
  core.replicate(pipe(t, liar, asker))
  await t.exception(core.get(4, { timeout: 500 }), /REQUEST_TIMEOUT/)
  t.is(told[0]?.block, 4)
  t.is(told[0]?.from, core.peers[0], 'it stays, and is paused for a moment only')
})

interface Tampered {
  readonly storage: { read(...args: unknown[]): { getBlock(index: number): Promise<Bytes> } }
}

test('each core is shown as it comes into memory, and each request for it can wait', async (t) => {
  const top = await t.tmp()
  const [full, asker] = await Promise.all([open(t, `${top}/f`), open(t, `${top}/a`)])
  const { key } = await whole(full)
  await full.close()
  const again = await open(t, `${top}/f`)
  const seen: InnerCore[] = []
  const sent: number[] = []
  const asked: (number | null)[] = []
  const cancelled: number[] = []
  const oncancel: HypercorePeer['oncancel'] = ({ request }) => void cancelled.push(request)
  /* oxlint-disable no-underscore-dangle -- hypercore's own names */
  again.watch((inner) => {
    seen.push(inner)
    const { replicator } = inner
    const addPeer = replicator._addPeer.bind(replicator)
    replicator._addPeer = (peer) => {
      const serve = peer.onrequest.bind(peer)
      const onrequest: HypercorePeer['onrequest'] = async (message) => {
        asked.push(message.block?.index ?? null)
        // Block 9 waits for ever, the others go on later.
        if (message.block?.index !== 9) setImmediate(() => void serve(message))
        return await Promise.resolve()
      }
      Object.assign(peer, { onrequest, oncancel })
      addPeer(peer)
    }
    const noteUpload = replicator._onupload.bind(replicator)
    replicator._onupload = (index, bytes, peer) => {
      sent.push(bytes)
      noteUpload(index, bytes, peer)
    }
  })
  /* oxlint-enable no-underscore-dangle */
  const core = await quiet(asker, key, [pipe(t, again, asker)])
  t.ok(await core.get(2, { timeout: 5_000 }))
  t.is(seen.length, 1)
  t.alike(sent, [4 * KIB])
  t.ok(asked.includes(2))
  t.ok(seen[0]?.header?.manifest?.prologue !== undefined, 'static')
  await t.exception(core.get(9, { timeout: 400 }), /REQUEST_TIMEOUT/)
  await until(() => cancelled.length === 1)
})

test('stored cores can be listed and opened by their discovery key, quietly', async (t) => {
  const store = await open(t, await t.tmp())
  const made = await whole(store)
  t.is(made.core.replicator.activeSessions, 1)
  await made.close()
  const found: string[] = []
  for await (const discoveryKey of store.list()) {
    found.push(toHex(discoveryKey))
    const core = store.get({ discoveryKey, active: false })
    await core.ready()
    t.is(core.byteLength, blocks.length * 4 * KIB)
    t.is(core.core.replicator.activeSessions, 0)
    await core.close()
  }
  t.alike(found, [toHex(Hypercore.discoveryKey(made.key))])
})
