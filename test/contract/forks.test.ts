import test, { type TestContext } from 'brittle'
import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { fromText, MIB } from '../../lib/base/index.ts'
import { signer, until } from '../feed/stores.ts'

/** How feeds fork in hypercore, as far as our reader relies on it. */
interface PipedStream {
  pipe(other: PipedStream): PipedStream
  destroy(): void
  on(event: 'error', fn: () => void): void
  readonly noiseStream: { on(event: 'error', fn: () => void): void }
}

const pair = signer(1)
const manifest = { version: 1, signers: [{ publicKey: pair.key }] }
const keyPair = { publicKey: pair.key, secretKey: pair.secret }

async function open(t: TestContext, folder: string): Promise<Corestore> {
  const store = new Corestore(Hypercore.defaultStorage(folder, { writeBufferSize: MIB }))
  await store.ready()
  t.teardown(async () => await store.close(), { order: 2 })
  return store
}

function pipe(t: TestContext, a: Corestore, b: Corestore): void {
  const one = Hypercore.createProtocolStream(true) as PipedStream
  const two = Hypercore.createProtocolStream(false) as PipedStream
  for (const stream of [one, two]) {
    stream.on('error', noop)
    stream.noiseStream.on('error', noop)
    t.teardown(() => stream.destroy(), { order: 1 })
  }
  one.pipe(two).pipe(one)
  a.replicate(one)
  b.replicate(two)
}

function noop(): void {}

/** Two writers of one key, and a reader that follows the first. */
async function world(t: TestContext): Promise<{ a: Hypercore; b: Hypercore; stores: Corestore[] }> {
  const top = await t.tmp()
  const stores = await Promise.all(
    ['a', 'b', 'r'].map(async (name) => await open(t, `${top}/${name}`))
  )
  const [a, b] = stores.slice(0, 2).map((store) => store.get({ manifest, keyPair }))
  await a!.ready()
  await b!.ready()
  return { a: a!, b: b!, stores }
}

test('a reader ignores a truncated feed and sees its fork number', async (t) => {
  const { a, stores } = await world(t)
  const [owner, , readers] = stores
  await a.append([fromText('one'), fromText('two')])
  const reader = readers!.get({ key: a.key, allowFork: false })
  pipe(t, owner!, readers!)
  await reader.get(1, { timeout: 5_000 })
  await a.truncate(1)
  await a.append([fromText('other'), fromText('more')])
  await until(() => reader.peers.some((peer) => peer.remoteFork > reader.fork))
  t.is(reader.length, 2)
  t.is(reader.fork, 0)
})

test('two branches of unlike length are a conflict: blocks stay readable', async (t) => {
  const { a, b, stores } = await world(t)
  const [first, second, readers] = stores
  await a.append([fromText('one'), fromText('two'), fromText('three')])
  await b.append([fromText('one'), fromText('evil')])
  const reader = readers!.get({ key: a.key, allowFork: false })
  pipe(t, first!, readers!)
  await reader.get(2, { timeout: 5_000 })
  const conflict = new Promise<void>((resolve) => {
    reader.on('conflict', () => resolve())
  })
  pipe(t, second!, readers!)
  await conflict
  await until(() => reader.closing !== null)
  const again = readers!.get({ key: a.key, allowFork: false })
  await again.ready()
  t.is(again.length, 3)
  t.ok(await again.get(2, { wait: false }))
})

test('two branches of one length are no event: nothing of ours may wait for one', async (t) => {
  const { a, b, stores } = await world(t)
  const [first, second, readers] = stores
  await a.append([fromText('one'), fromText('two')])
  await b.append([fromText('one'), fromText('evil')])
  const reader = readers!.get({ key: a.key, allowFork: false })
  let conflicts = 0
  reader.on('conflict', () => {
    conflicts += 1
  })
  pipe(t, first!, readers!)
  await reader.get(1, { timeout: 5_000 })
  pipe(t, second!, readers!)
  await until(
    () => reader.peers.length === 2 && reader.peers.every((peer) => peer.remoteLength === 2)
  )
  t.is(conflicts, 0)
  t.is(reader.closing, null)
})
