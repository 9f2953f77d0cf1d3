import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import createTestnet from '@hyperswarm/testnet'
import Corestore from 'corestore'
import Hyperswarm, { type Connection } from 'hyperswarm'
import { alloc, fromText, isOtaError } from '../../lib/base/index.ts'
import { realDice } from '../../lib/host/index.ts'
import { hash, keyPairFromSeed } from '../../lib/trust/index.ts'
import {
  subscribe,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionEvent
} from '../../lib/index.ts'
import { makeArtifact } from '../tools/people.ts'
import { atOnce, World } from './world.ts'

const platform = 'linux-x64'

function follow(
  t: TestContext,
  world: World,
  options: Partial<SubscribeOptions> = {}
): Subscription {
  const subscription = subscribe({
    network: world.join,
    folder: world.folder('follower'),
    platform,
    host: '127.0.0.1',
    peers: [world.address],
    bootstrap: [],
    ...options
  })
  t.teardown(() => subscription.close(), { order: 0 })
  return subscription
}

/** The next event with this tag; others are let pass. */
async function next<T extends SubscriptionEvent['tag']>(
  events: AsyncIterator<SubscriptionEvent>,
  tag: T
): Promise<Extract<SubscriptionEvent, { tag: T }>> {
  for (;;) {
    const { value, done } = await events.next()
    if (done === true) throw new Error(`no ${tag} before the end`)
    // Cast: a tag names one member of the union.
    if (value.tag === tag) return value as Extract<SubscriptionEvent, { tag: T }>
  }
}

/** A swarm as an app makes its own. */
function appSwarm(dht: unknown): Hyperswarm {
  const keyPair = keyPairFromSeed(realDice().fill(alloc(32)))
  return new Hyperswarm({
    dht: dht as object,
    keyPair: { publicKey: keyPair.key, secretKey: keyPair.secret },
    maxPeers: 64,
    maxClientConnections: 64,
    backoffs: [1_000, 5_000, 15_000, 60_000]
  })
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return isOtaError(error) ? error.code : String(error)
  }
}

test('a program hears of a release, gets its turn, and has the bytes in its folder', async (t) => {
  const world = await World.found(t)
  const first = await world.release(1, { 'index.html': 'one', 'ota.json': '{}' })
  const subscription = follow(t, world)
  const events = subscription[Symbol.asyncIterator]()

  const admitted = await next(events, 'release')
  t.is(admitted.release.id, first.name)
  t.is(admitted.release.label, '1.0.1')
  t.is(admitted.release.bytes, 5)
  const turn = await next(events, 'turn')
  t.is(turn.release.id, first.name)
  t.ok(turn.first, 'nothing ran before: outside the plan')

  const folder = world.folder('one')
  await subscription.fetch(first.name, folder)
  const fetched = await next(events, 'fetched')
  t.is(fetched.folder, folder)
  t.is(readFileSync(join(folder, 'index.html'), 'utf8'), 'one')
  t.alike(
    subscription.releases().map(({ id }) => id),
    [first.name]
  )
})

test('a running release that is aborted is halted, and its user goes back', async (t) => {
  const world = await World.found(t)
  const first = await world.release(1, { 'index.html': 'one' }, { policy: atOnce })
  const second = await world.release(2, { 'index.html': 'two' }, { policy: atOnce })
  const subscription = follow(t, world, { running: first.name })
  const events = subscription[Symbol.asyncIterator]()
  t.is((await next(events, 'release')).release.id, first.name, 'older releases are told first')
  const turn = await next(events, 'turn')
  t.is(turn.release.id, second.name)
  t.absent(turn.first, 'the first one runs')
  subscription.running(second.name)

  await world.abort(second.id)
  const halted = await next(events, 'halted')
  t.is(halted.release.id, second.name)
  t.absent(halted.undo, 'nobody may start it')
  t.ok((await next(events, 'halted')).undo, 'and who runs it goes back')
  t.is(await codeOf(subscription.fetch(second.name, world.folder('two'))), 'HALTED')
  t.absent(existsSync(world.folder('two')), 'nothing was written')
})

test('an own corestore is used and stays open', async (t) => {
  const world = await World.found(t)
  const first = await world.release(1, { 'index.html': 'one' })
  const store = new Corestore(world.folder('own-store'))
  const subscription = follow(t, world, { store })
  t.teardown(() => store.close(), { order: 1 })
  await next(subscription[Symbol.asyncIterator](), 'turn')
  await subscription.fetch(first.name, world.folder('one'))
  t.absent(existsSync(world.folder('follower/store/cores')), 'no second store was made')
  await subscription.close()
  const named: object = { name: 'of the app' }
  const core = store.get(named)
  await core.ready()
  t.ok(core.writable, 'the app goes on with it')
})

test('an own swarm is used beside the app, and goes on after the subscription', async (t) => {
  const testnet = await createTestnet(4)
  t.teardown(() => testnet.destroy(), { order: 9 })
  const world = await World.found(t, testnet.bootstrap)
  const first = await world.release(1, { 'index.html': 'one' })
  const [mine, other] = [appSwarm(testnet.createNode()), appSwarm(testnet.createNode())]
  t.teardown(() => Promise.all([mine.destroy(), other.destroy()]), { order: 1 })
  const chat = { server: true, client: true }
  const topic = hash([fromText('a chat of the app')])
  const met = new Promise<Connection>((resolve) => mine.on('connection', resolve))
  await other.join(topic, chat).refresh()
  await mine.join(topic, chat).refresh()
  const friend = await met
  const subscription = follow(t, world, { swarm: mine })
  await next(subscription[Symbol.asyncIterator](), 'turn')
  await subscription.fetch(first.name, world.folder('one'))
  t.is(readFileSync(world.folder('one/index.html'), 'utf8'), 'one')
  await subscription.close()
  t.absent(friend.destroyed, 'a connection that is not ours was left alone')
})

test('bytes that are not for this platform, or of no release, are refused by code', async (t) => {
  const world = await World.found(t)
  const other = await world.publish(1, [makeArtifact(1, 'darwin-arm64')])
  const subscription = follow(t, world)
  const { release } = await next(subscription[Symbol.asyncIterator](), 'release')
  t.is(release.bytes, null)
  t.is(await codeOf(subscription.fetch(other.name, world.folder('x'))), 'NOT_ELIGIBLE')
  t.is(await codeOf(subscription.fetch('zz', world.folder('x'))), 'USAGE')
  const nobody = world.join.slice(0, 52)
  t.is(await codeOf(subscription.fetch(nobody, world.folder('x'))), 'THRESHOLD_NOT_MET')
})

test('a signal ends the subscription, its iteration and a fetch under way', async (t) => {
  const world = await World.found(t)
  const held = await world.publish(1, [makeArtifact(1, platform)])
  const ending = new AbortController()
  const subscription = follow(t, world, { signal: ending.signal })
  const events = subscription[Symbol.asyncIterator]()
  await next(events, 'release')
  const fetching = codeOf(subscription.fetch(held.name, world.folder('x')))
  ending.abort()
  t.ok((await fetching).includes('Abort'), 'nobody held those bytes; the wait ended')
  let last = await events.next()
  while (last.done !== true) last = await events.next()
  t.pass('the iteration ended')
  await subscription.close()
  t.is(await codeOf(subscription.fetch(held.name, world.folder('x'))), 'USAGE', 'it is over')
})

test('what cannot be opened is told by ready and by the iteration', async (t) => {
  const world = await World.found(t)
  await t.exception(() => subscribe({ network: 'zz', folder: world.folder('x') }), /not an id/)
  const subscription = follow(t, world, { peers: ['nonsense'] })
  t.is(await codeOf(subscription.ready()), 'USAGE')
  t.is(await codeOf(subscription[Symbol.asyncIterator]().next() as Promise<unknown>), 'USAGE')
})
