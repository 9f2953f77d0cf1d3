import test, { type TestContext } from 'brittle'
import { feedKey, type FeedAlarm } from '../../lib/feed/index.ts'
import {
  feedJunkBlocksMax,
  fromText,
  MIB,
  toHex,
  toText,
  type Bytes
} from '../../lib/base/index.ts'
import { rogue, type Rogue } from '../feed/owner.ts'
import { toName } from '../../lib/trust/index.ts'
import { link, openStore, signer, until, type TestStore } from '../feed/stores.ts'

interface Reader extends TestStore {
  readonly texts: string[]
  readonly alarms: FeedAlarm[]
}

async function reader(t: TestContext, folder: string, useful = true): Promise<Reader> {
  const opened = await openStore(t, folder, { stallMs: 800 })
  const texts: string[] = []
  const alarms: FeedAlarm[] = []
  opened.store.onBlock((_feed, _index, bytes) => {
    texts.push(toText(bytes.subarray(0, 20)))
    return useful
  })
  opened.store.onAlarm((alarm) => alarms.push(alarm))
  await opened.store.openFeeds([feed])
  return { ...opened, texts, alarms }
}

/** Lines of hypercore that reach `console.log`; brittle prints by it as well. */
function watchStdout(t: TestContext): string[] {
  /* oxlint-disable no-console -- hypercore's own printing is what this looks at */
  const lines: string[] = []
  const print = console.log
  console.log = (...parts: unknown[]) => {
    if (String(parts[0]).includes('[hypercore]')) lines.push(String(parts[0]))
    print(...parts)
  }
  t.teardown(
    () => {
      console.log = print
    },
    { order: 3 }
  )
  /* oxlint-enable no-console */
  return lines
}

const feed: Bytes = feedKey(signer(1).key)

function connect(t: TestContext, a: Rogue | Reader, b: Reader): ReturnType<typeof link> {
  return link(t, a, b)
}

/** The feed is shut, the proof is kept, and a restart does not open it again. */
async function staysShut(t: TestContext, one: Reader, state: 'forked' | 'junk'): Promise<void> {
  t.is(one.store.feeds()[0]?.state, state)
  t.ok((await one.store.proofAgainst(feed))!.length > 2)
  await one.store.close()
  const again = await openStore(t, one.folder)
  const alarms: FeedAlarm[] = []
  again.store.onAlarm((alarm) => alarms.push(alarm))
  await again.store.openFeeds([feed])
  await again.store.openFeeds([feed])
  const shut = { key: feed, state, isDead: false, length: 0, peers: 0 }
  t.alike(again.store.feeds(), [shut], 'it is still named')
  t.is(alarms.length, 1, 'once after a start')
  t.ok(alarms[0]!.text.startsWith(`feed ${toName(feed)}: `), 'the alarm names the feed')
  t.ok(
    again.log.some(({ event, facts }) => event === 'feed-shut' && facts?.['feed'] === toHex(feed))
  )
}

test('S26 a feed its owner cut back is dropped for good; what it brought stays', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  const node = await reader(t, `${top}/node`)
  const wire = connect(t, owner, node)
  await owner.core.append([fromText('one'), fromText('release')])
  await until(() => node.texts.length === 2)
  await owner.core.truncate(1)
  await owner.core.append([fromText('hidden'), fromText('more')])
  await until(() => {
    node.store.lookForForks()
    return node.alarms.length === 1
  })
  t.is(node.alarms[0]?.code, 'FEED_FORK')
  t.alike(node.texts, ['one', 'release'], 'the new branch was never read')
  await wire.cut()
  await staysShut(t, node, 'forked')
})

test('S29 two signed branches end the feed, not the node; stdout stays clean', async (t) => {
  const top = await t.tmp()
  const [a, b] = [await rogue(t, `${top}/a`), await rogue(t, `${top}/b`)]
  const printed = watchStdout(t)
  const node = await reader(t, `${top}/node`)
  connect(t, a, node)
  await a.core.append([fromText('one'), fromText('two'), fromText('three')])
  await until(() => node.texts.length === 3)
  await b.core.append([fromText('one'), fromText('evil')])
  connect(t, b, node)
  await until(() => node.alarms.length === 1)
  t.is(node.alarms[0]?.code, 'FEED_FORK')
  t.alike(node.texts, ['one', 'two', 'three'])
  t.alike(printed, [])
  t.ok(
    node.log.some(({ event }) => event === 'hypercore'),
    'it is a log event'
  )
  const other = await openStore(t, `${top}/other`)
  const own = await other.store.ownFeed(signer(2))
  await own.append(fromText('by another feed'))
  link(t, other, node)
  await node.store.openFeeds([feed, own.key])
  await until(() => node.texts.includes('by another feed'))
  await staysShut(t, node, 'forked')
})

test('S27 a feed of junk is ignored after 4,096 blocks without a useful one', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  const junk = Array.from({ length: feedJunkBlocksMax + 500 }, (_, i) => fromText(`junk ${i}`))
  await owner.core.append(junk)
  const node = await reader(t, `${top}/node`, false)
  const wire = connect(t, owner, node)
  await until(() => node.alarms.length === 1)
  t.is(node.alarms[0]?.code, 'FEED_JUNK')
  t.is(node.texts.length, feedJunkBlocksMax)
  await wire.cut()
  await staysShut(t, node, 'junk')
})

test('S28 a block above 64 KiB is not handed on, and the feed is ignored', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  await owner.core.append([fromText('one'), new Uint8Array(15 * MIB), fromText('after')])
  const node = await reader(t, `${top}/node`)
  const wire = connect(t, owner, node)
  await until(() => node.alarms.length === 1)
  t.is(node.alarms[0]?.code, 'FEED_JUNK')
  t.is(node.texts[0], 'one')
  t.absent(node.texts.some((text) => text.startsWith('\u0000')))
  await wire.cut()
  await staysShut(t, node, 'junk')
})

test('S30 a withheld block hides nothing behind it, and comes from who has it', async (t) => {
  const top = await t.tmp()
  const owner = await rogue(t, `${top}/owner`)
  const other = await reader(t, `${top}/other`)
  const wire = connect(t, owner, other)
  await owner.core.append([fromText('one'), fromText('withheld'), fromText('three')])
  await until(() => other.texts.length === 3)
  await wire.cut()
  await owner.core.clear(1, 2)
  const node = await reader(t, `${top}/node`)
  connect(t, owner, node)
  await until(() => node.texts.length === 2)
  t.alike(node.texts, ['one', 'three'])
  connect(t, other, node)
  await owner.core.append(fromText('four'))
  await until(() => node.texts.length === 4)
  t.alike(node.texts.toSorted(), ['four', 'one', 'three', 'withheld'])
})

test('S35 a dead feed beside a live one holds nothing up', async (t) => {
  const top = await t.tmp()
  const live = await openStore(t, `${top}/live`)
  const own = await live.store.ownFeed(signer(2))
  await own.append(fromText('alive'))
  const node = await reader(t, `${top}/node`)
  await node.store.openFeeds([feed, own.key])
  link(t, live, node)
  await until(() => node.texts.length === 1)
  t.alike(node.texts, ['alive'])
  const dead = node.store.feeds().find((view) => toHex(view.key) === toHex(feed))
  t.is(dead?.length, 0)
  t.is(dead?.state, 'reading')
  await node.store.close()
})
