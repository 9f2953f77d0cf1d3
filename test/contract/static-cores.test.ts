import test, { type TestContext } from 'brittle'
import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { CoreHasher } from '../../lib/artifact/index.ts'
import { fromHex, KIB, MIB, toHex, type Bytes } from '../../lib/base/index.ts'
import { Cores } from '../../lib/feed/cores.ts'
import { signer } from '../feed/stores.ts'

/** What we rely on in hypercore and corestore beyond their promise; run at every change of them. */
const vectors: readonly (readonly [number, string, string])[] = [
  [
    1,
    'f9d4c41b9ccd1f882d25ac5d5057f7b7fd7e13adb3920708923058f4123e3012',
    '7ae48a0555086f92cebe0a23feb48c4f839e3256146696f0628fb3362422d5f8'
  ],
  [
    3,
    'c5a1e531df52cce19e54ec97849597dafc1335fe13f98bbf9ffc1709290c1ff2',
    'a2f1005db49685e7e9d3aa4ff3eec1ae1e395a097271637d0eb73e9e90ab461e'
  ],
  [
    5,
    'f619c35de5449c6e3ebb085f069d4c0816df0173fa93841d911ec40665cc67f7',
    '8afd499a230e04c07e9fd53950db24ad28fbe39a0f0cbc234675e5c1b12ee5e8'
  ],
  [
    800,
    'cf3ceb83d70c65bdb2d1f209bcde74f0d4b2c6adc91fa923800edeffea5506ce',
    '4cac96f87dfc8a0582aaaa678d69687b596659f2604fb7a27458f4f91e53a31e'
  ]
]

function vectorBlocks(count: number): Bytes[] {
  return Array.from({ length: count }, (_, i) =>
    new Uint8Array(count === 800 ? 64 * KIB : i + 1).fill(i % 256)
  )
}

function hashed(blocks: readonly Bytes[]): CoreHasher {
  const hasher = new CoreHasher()
  for (const block of blocks) hasher.push(block)
  return hasher
}

function manifestOf(blocks: readonly Bytes[]): object {
  const prologue = { hash: hashed(blocks).treeHash(), length: blocks.length }
  return { version: 1, quorum: 0, signers: [], prologue }
}

/** hypercore takes only Node's buffers as blocks, which is what we hand it everywhere. */
function buffers(blocks: readonly Bytes[]): Bytes[] {
  return blocks.map((block) => Buffer.from(block))
}

async function open(t: TestContext, folder: string): Promise<Corestore> {
  const store = new Corestore(Hypercore.defaultStorage(folder, { writeBufferSize: MIB }))
  await store.ready()
  t.teardown(async () => await store.close(), { order: 2 })
  return store
}

async function atOnce(store: Corestore, blocks: readonly Bytes[], as = blocks): Promise<Hypercore> {
  const core = store.get({ manifest: manifestOf(as) as never })
  await core.ready()
  await core.append(buffers(blocks), { signature: Buffer.alloc(0) })
  return core
}

/** A source is used once: the number of the next one. */
let source = 77

async function inBatches(store: Corestore, blocks: readonly Bytes[]): Promise<Hypercore> {
  const pair = signer(source)
  source += 1
  const core = store.get({
    manifest: { version: 1, signers: [{ publicKey: pair.key }] },
    keyPair: { publicKey: pair.key, secretKey: pair.secret }
  })
  await core.ready()
  for (const block of buffers(blocks)) await core.append(block)
  const made = await store.staticify(core)
  await core.close()
  return made
}

function pipe(t: TestContext, a: Corestore, b: Corestore): { destroy(): void } {
  const one = Hypercore.createProtocolStream(true) as PipedStream
  const two = Hypercore.createProtocolStream(false) as PipedStream
  for (const stream of [one, two]) {
    stream.on('error', noop)
    stream.noiseStream.on('error', noop)
  }
  one.pipe(two).pipe(one)
  a.replicate(one)
  b.replicate(two)
  const destroy = (): void => {
    one.destroy()
    two.destroy()
  }
  t.teardown(destroy, { order: 1 })
  return { destroy }
}

interface PipedStream {
  pipe(other: PipedStream): PipedStream
  destroy(): void
  on(event: 'error', fn: () => void): void
  readonly noiseStream: { on(event: 'error', fn: () => void): void }
}

function noop(): void {}

test('one hypercore is installed, and it is the version these tests passed on', async (t) => {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
    packages: Record<string, { version: string }>
  }
  const found = Object.entries(lock.packages).filter(([at]) => at.endsWith('/hypercore'))
  t.alike(
    found.map(([at, { version }]) => `${at} ${version}`),
    ['node_modules/hypercore 11.37.1']
  )
})

test('the key from blocks alone has the committed vectors and is what hypercore says', (t) => {
  for (const [count, treeHash, key] of vectors) {
    const blocks = vectorBlocks(count)
    const hasher = hashed(blocks)
    t.is(toHex(hasher.treeHash()), treeHash)
    t.is(toHex(hasher.core().key), key)
    t.is(toHex(Hypercore.key(manifestOf(blocks) as never)), key)
  }
})

test('both recipes give that key and a whole core, also after a restart', async (t) => {
  const top = await t.tmp()
  for (const [count, , key] of vectors.slice(0, 3)) {
    const blocks = vectorBlocks(count)
    for (const recipe of [atOnce, inBatches]) {
      const folder = `${top}/${recipe.name}${count}`
      const store = await open(t, folder)
      const core = await recipe(store, blocks)
      t.is(toHex(core.key), key)
      t.ok(await core.has(0, count))
      t.is(toHex(await core.treeHash()), toHex(hashed(blocks).treeHash()))
      await store.close()
      t.ok(await new Cores(await open(t, folder)).isWhole(fromHex(key), count))
    }
  }
})

test('a static core takes all its blocks at once or none, and no others', async (t) => {
  const blocks = vectorBlocks(5)
  const store = await open(t, await t.tmp())
  const wrong = blocks.map((block) => new Uint8Array(block.byteLength).fill(9))
  await t.exception(atOnce(store, wrong, blocks))
  await t.exception(atOnce(store, blocks.slice(0, 3), blocks))
  await t.exception(atOnce(store, [...blocks, new Uint8Array(3)], blocks))
  const core = store.get({ manifest: manifestOf(blocks) as never })
  await core.ready()
  t.is(core.length, 0)
  await core.append(buffers(blocks), { signature: Buffer.alloc(0) })
  t.is(core.length, 5)
})

test('the source of a static core shares its record: opened again it is refused', async (t) => {
  const top = await t.tmp()
  const store = await open(t, top)
  const sourceKey = signer(source).key
  const made = await inBatches(store, vectorBlocks(5))
  await made.close()
  await store.close()
  const script = `
    import Corestore from 'corestore'
    const store = new Corestore(${JSON.stringify(top)})
    const publicKey = Buffer.from('${toHex(sourceKey)}', 'hex')
    const core = store.get({ manifest: { version: 1, signers: [{ publicKey }] } })
    await core.ready()`
  // In a process of its own: a store with a core that did not open cannot be closed in order.
  const args = ['--input-type=module', '-e', script]
  await t.exception(promisify(execFile)(process.execPath, args), /STORAGE_CONFLICT/)
})

test('over a sparse copy neither recipe works; once deleted both do', async (t) => {
  const top = await t.tmp()
  const blocks = vectorBlocks(800).slice(0, 20)
  const full = await open(t, `${top}/full`)
  const whole = await atOnce(full, blocks)
  for (const recipe of [atOnce, inBatches]) {
    const store = await open(t, `${top}/${recipe.name}`)
    const beside = await atOnce(store, vectorBlocks(3))
    const wire = pipe(t, full, store)
    const sparse = store.get({ key: whole.key })
    await sparse.get(7, { timeout: 5_000 })
    t.absent(await sparse.has(0, 20))
    wire.destroy()
    if (recipe === atOnce) await t.exception(atOnce(store, blocks), /INVALID_SIGNATURE/)
    else t.absent(await (await inBatches(store, blocks)).has(0, 20), 'silently sparse')
    await store.close()

    const again = await open(t, `${top}/${recipe.name}`)
    const cores = new Cores(again)
    const live = pipe(t, full, again)
    await cores.erase(whole.key)
    t.absent(await cores.isStored(whole.key))
    const made = await recipe(again, blocks)
    t.is(toHex(made.key), toHex(whole.key))
    t.ok(await made.has(0, 20))
    t.ok(await cores.isWhole(beside.key, 3), 'the core beside it is untouched')
    live.destroy()
    const third = await open(t, `${top}/third-${recipe.name}`)
    pipe(t, again, third)
    const copy = third.get({ key: whole.key })
    for (let i = 0; i < 20; i += 1) t.ok(await copy.get(i, { timeout: 5_000 }))
  }
})

test('a store serves without a session, a missing block waits for a peer', async (t) => {
  const top = await t.tmp()
  const blocks = vectorBlocks(800).slice(0, 20)
  const [full, sparse, asker] = await Promise.all([
    open(t, `${top}/full`),
    open(t, `${top}/sparse`),
    open(t, `${top}/asker`)
  ])
  const whole = await atOnce(full, blocks)
  const first = pipe(t, full, sparse)
  const some = sparse.get({ key: whole.key })
  await some.get(3, { timeout: 5_000 })
  first.destroy()
  await some.close()
  await whole.close()
  pipe(t, sparse, asker)
  const core = asker.get({ key: whole.key })
  t.ok(await core.get(3, { timeout: 5_000 }), 'opened from disk because a peer asked')
  await t.exception(core.get(4, { timeout: 300 }), /REQUEST_TIMEOUT/)
  const pending = core.get(4, { timeout: 10_000 })
  pipe(t, full, asker)
  t.ok(await pending)
})

test('a quiet session has a channel on the connections it is given only', async (t) => {
  const top = await t.tmp()
  const blocks = vectorBlocks(5)
  const asker = await open(t, `${top}/asker`)
  const streams: object[] = []
  for (let i = 0; i < 11; i += 1) {
    const store = await open(t, `${top}/${i}`)
    await (await atOnce(store, blocks)).close()
    const one = Hypercore.createProtocolStream(true) as PipedStream
    const two = Hypercore.createProtocolStream(false) as PipedStream
    for (const stream of [one, two]) {
      stream.on('error', noop)
      stream.noiseStream.on('error', noop)
      t.teardown(() => stream.destroy(), { order: 1 })
    }
    one.pipe(two).pipe(one)
    store.replicate(one)
    asker.replicate(two)
    streams.push(two)
  }
  const core = asker.session({ active: false }).get({ key: hashed(blocks).core().key })
  await core.ready()
  t.is(core.peers.length, 0)
  for (const stream of streams.slice(0, 8)) core.replicate(stream)
  t.ok(await core.get(0, { timeout: 5_000 }))
  while (core.peers.length < 8) await new Promise((resolve) => setTimeout(resolve, 10))
  t.is(core.peers.length, 8)
})
