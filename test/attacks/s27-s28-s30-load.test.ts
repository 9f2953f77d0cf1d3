import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import test, { type TestContext } from 'brittle'
import { feedJunkBlocksMax, fromText, KIB, MIB, toText, type Bytes } from '../../lib/base/index.ts'
import { feedKey, type FeedAlarm } from '../../lib/feed/index.ts'
import { rogue } from '../feed/owner.ts'
import { link, openStore, signer, until, type TestStore } from '../feed/stores.ts'

const feed: Bytes = feedKey(signer(1).key)

setFlagsFromString('--expose-gc')
// Cast: what the flag above puts there.
const collect = runInNewContext('gc') as () => void

/** Memory that is in use and not only not given back yet, in bytes. */
function inUse(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function reader(t: TestContext, folder: string) {
  const opened = await openStore(t, folder, { stallMs: 800 })
  const alarms: FeedAlarm[] = []
  const read = { blocks: 0 }
  opened.store.onBlock((_feed, _index, bytes) => {
    read.blocks += 1
    return toText(bytes).startsWith('good')
  })
  opened.store.onAlarm((alarm) => alarms.push(alarm))
  return { ...opened, alarms, read }
}

const batch = (count: number): Bytes[] =>
  Array.from({ length: count }, (_, index) => new Uint8Array(4 * KIB).fill(index + 1))

const junk = (count: number): Bytes[] =>
  Array.from({ length: count }, (_, index) => fromText(`junk ${index}`))

const asStore = (one: { readonly store: object }): TestStore => one as TestStore

test('S27 junk leaves memory flat, and a dropped feed costs no more bytes', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  for (let count = 0; count < feedJunkBlocksMax + 128; count += 128) {
    await owner.core.append(batch(128))
  }
  const node = await reader(t, `${top}/node`)
  await node.store.openFeeds([feed])
  const wire = link(t, asStore(owner), node)
  await until(() => node.read.blocks >= 128)
  const before = inUse()
  let most = 0
  for (let mark = 1_024; mark <= feedJunkBlocksMax; mark += 1_024) {
    await until(() => node.read.blocks >= mark)
    most = Math.max(most, inUse() - before)
  }
  await until(() => node.alarms.length === 1)
  t.ok(most < 8 * MIB, `${Math.round(most / KIB)} KiB more for 16 MiB of junk`)
  t.is(node.read.blocks, feedJunkBlocksMax, 'not one more is looked at')
  await until(() => owner.core.peers.length === 0)
  const bytes = wire.bytes.value
  await owner.core.append(batch(256))
  const other = await openStore(t, `${top}/other`)
  const own = await other.store.ownFeed(signer(2))
  await own.append(fromText('good'))
  link(t, other, node)
  await node.store.openFeeds([feed, own.key])
  await until(() => node.read.blocks === feedJunkBlocksMax + 1)
  t.ok(wire.bytes.value - bytes < 16 * KIB, `${wire.bytes.value - bytes} bytes for another MiB`)
})

test('S27 one useful block in 4,096 keeps a feed: the count begins anew', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  await owner.core.append([...junk(100), fromText('good')])
  await owner.core.append(junk(feedJunkBlocksMax - 1))
  const node = await reader(t, `${top}/node`)
  await node.store.openFeeds([feed])
  link(t, asStore(owner), node)
  await until(() => node.read.blocks === feedJunkBlocksMax + 100)
  t.alike(node.alarms, [])
  await owner.core.append(fromText('the last straw'))
  await until(() => node.alarms.length === 1)
  t.is(node.alarms[0]?.code, 'FEED_JUNK')
})

test('S28 the largest block there is costs a reader its size once, and is not kept', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  await owner.core.append(new Uint8Array(15 * MIB))
  const node = await reader(t, `${top}/node`)
  await node.store.openFeeds([feed])
  const before = inUse()
  const rssBefore = process.memoryUsage().rss
  link(t, asStore(owner), node)
  await until(() => node.alarms.length === 1)
  const rss = process.memoryUsage().rss - rssBefore
  t.comment(`resident memory of both ends grew by ${Math.round(rss / MIB)} MiB`)
  t.is(node.read.blocks, 0)
  await until(() => owner.core.peers.length === 0)
  await until(() => inUse() - before < 8 * MIB)
  t.pass('nothing of it stays in memory')
})

test('S30 nobody waits for a feed that withholds its blocks, nor does the end', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  await owner.core.append([fromText('good 0'), fromText('good 1'), fromText('good 2')])
  await owner.core.clear(0, 2)
  const other = await openStore(t, `${top}/other`)
  const own = await other.store.ownFeed(signer(2))
  await own.append(fromText('good elsewhere'))
  const node = await reader(t, `${top}/node`)
  await node.store.openFeeds([feed, own.key])
  link(t, asStore(owner), node)
  link(t, other, node)
  await until(() => node.read.blocks === 1)
  t.is(node.store.feeds()[1]?.length, 1, 'the other feed is through')
  await until(() => node.read.blocks === 2)
  t.alike(node.alarms, [], 'two holes passed over, the third block read')
  await node.store.close()
  t.pass('and the end waits for no block either')
})
