import test, { type TestContext } from 'brittle'
import { feedJunkBlocksMax, fromText, toHex, type Bytes } from '../../lib/base/index.ts'
import { feedKey, type FeedAlarm, type Store } from '../../lib/feed/index.ts'
import { refusals, toName } from '../../lib/trust/index.ts'
import { rogue } from '../feed/owner.ts'
import { link, openStore, signer, type TestStore } from '../feed/stores.ts'
import {
  actNetwork,
  actNode,
  attestBy,
  secondTrust,
  type ActNetwork,
  type ActNode
} from '../net/acts.ts'
import { until, type NodeOptions } from '../net/world.ts'
import { person, testNowMs } from '../tools/people.ts'

/** A node with wire and store, joined as a daemon joins them. */
interface MailNode extends ActNode {
  readonly store: Store
  readonly alarms: readonly FeedAlarm[]
}

const feeds: readonly Bytes[] = [1, 2, 3, 4].map((number) => feedKey(signer(number).key))
const [doubled] = feeds as [Bytes, Bytes, Bytes, Bytes]

async function mailNode(
  t: TestContext,
  network: ActNetwork,
  { folder, ...options }: NodeOptions & { readonly folder: string }
): Promise<MailNode> {
  const node = await actNode(t, network, options)
  const { authority, pool, wire } = node
  const { store } = await openStore(t, folder, { stallMs: 500 })
  const alarms: FeedAlarm[] = []
  store.onAlarm((alarm) => alarms.push(alarm))
  store.onBlock(async (_feed, _index, bytes) => {
    if (bytes[0] === 1) return pool.offer(bytes, testNowMs).answer !== 'rejected'
    const verdict = await authority.intake(bytes, 'feed')
    return verdict.tag !== 'refused'
  })
  const open = async (): Promise<void> =>
    await store.openFeeds(authority.believed.trust?.body.feeds ?? [])
  authority.onChange(() => void open())
  await open()
  const stop = wire.onStream((stream) => store.replicate(stream))
  t.teardown(stop, { order: 1 })
  return { ...node, store, alarms }
}

const knows = ({ authority }: ActNode, id: Bytes): boolean => authority.believed.held.has(toHex(id))

const paused = ({ authority }: ActNode, { release }: ActNetwork): boolean =>
  refusals(authority.believed, release).paused.length > 0

const asStore = (one: { readonly store: object }): TestStore => one as TestStore

test('S29 a fresh node that meets both branches still gets every statement', async (t) => {
  const top = await t.tmp()
  const network = actNetwork([5], { feeds: [doubled] })
  const { first, release, pause } = network.statements
  const second = secondTrust(network, { feeds: [doubled] })
  const [a, b] = [await rogue(t, `${top}/a`), await rogue(t, `${top}/b`)]
  await a.core.append([first, release])
  await b.core.append([first, fromText('of no use'), pause, second])

  const one = await mailNode(t, network, { folder: `${top}/1`, knows: [first] })
  link(t, asStore(a), one)
  await until('one branch', () => knows(one, network.release))
  const two = await mailNode(t, network, { folder: `${top}/2`, knows: [first] })
  link(t, asStore(b), two)
  await until('the other', () => two.authority.believed.trust?.body.version === 2)
  t.alike([paused(one, network), knows(two, network.release)], [false, false])

  const peers = [one, two].map(({ wire }) => wire.address()!)
  const fresh = await mailNode(t, network, { folder: `${top}/3`, peers })
  link(t, asStore(a), fresh)
  link(t, asStore(b), fresh)
  await until('all of it', () =>
    [fresh, one, two].every(
      (node) =>
        paused(node, network) &&
        knows(node, network.release) &&
        node.authority.believed.trust?.body.version === 2
    )
  )
  await until('the fork is seen where both branches meet', () => fresh.alarms.length > 0)
  t.is(fresh.alarms[0]?.code, 'FEED_FORK')
  t.ok(fresh.alarms[0]!.text.includes(toName(doubled)), 'and the feed is named')
  t.is(fresh.store.feeds()[0]?.state, 'forked')
})

test('S35 all feeds dead or forked, the publisher gone: a control reaches all', async (t) => {
  const top = await t.tmp()
  const network = actNetwork([5], { feeds })
  const { first, release, pause } = network.statements
  const nodes: MailNode[] = []
  for (const number of [0, 1, 2]) {
    const before = nodes.at(-1)?.wire.address()
    const peers = before ? [before] : []
    nodes.push(await mailNode(t, network, { folder: `${top}/${number}`, knows: [first], peers }))
  }
  const [head, , last] = nodes as [MailNode, MailNode, MailNode]
  const owner = await rogue(t, `${top}/owner`)
  link(t, asStore(owner), head)
  await owner.core.append([first, release])
  await until('the release, from the feed on', () =>
    nodes.every((node) => knows(node, network.release))
  )
  await owner.core.truncate(1)
  await owner.core.append([fromText('hidden'), fromText('more')])
  await until('the fork', () => {
    head.store.lookForForks()
    return head.alarms.length === 1
  })
  await owner.close()
  const publisher = await actNode(t, network, {
    knows: [first, release, pause],
    peers: [head.wire.address()!]
  })
  await until('one node has it', () => paused(head, network))
  await publisher.wire.close()
  await until('all have it', () => nodes.every((node) => paused(node, network)))
  t.is(last.store.feeds().length, 4)
  t.alike(
    head.store
      .feeds()
      .map(({ state }) => state)
      .toSorted(),
    ['forked', 'reading', 'reading', 'reading']
  )
})

test('S26 S35 a new trust opens another feed and lets go of the forked one', async (t) => {
  const top = await t.tmp()
  const network = actNetwork([5], { feeds: [doubled] })
  const { first, release } = network.statements
  const owner = await rogue(t, `${top}/owner`)
  await owner.core.append([first, fromText('one')])
  const node = await mailNode(t, network, { folder: `${top}/node`, knows: [first] })
  link(t, asStore(owner), node)
  await until('read', () => node.store.feeds()[0]?.length === 2)
  await owner.core.truncate(1)
  await owner.core.append([fromText('hidden'), fromText('more')])
  await until('the fork', () => {
    node.store.lookForForks()
    return node.alarms.length === 1
  })
  const other = await openStore(t, `${top}/other`)
  const own = await other.store.ownFeed(signer(2))
  await own.append(release)
  link(t, other, node)
  await node.authority.intake(secondTrust(network, { feeds: [own.key] }), 'a file')
  await until('the release, by the new feed', () => knows(node, network.release))
  t.alike(
    node.store.feeds().map(({ key, state }) => [toHex(key), state]),
    [[toHex(own.key), 'reading']]
  )
  t.is(node.alarms.length, 1)
})

test('attestations in a feed are of use and count', async (t) => {
  const top = await t.tmp()
  const network = actNetwork([5], { feeds: [doubled] })
  const { first, release } = network.statements
  const writer = await openStore(t, `${top}/writer`)
  const own = await writer.store.ownFeed(signer(1))
  await own.append(release)
  await own.append(attestBy(network, person(8)))
  const node = await mailNode(t, network, { folder: `${top}/node`, knows: [first] })
  link(t, writer, node)
  await until('an organisation has built it', () => {
    const seen = node.pool.attestations(toHex(network.release), 0, testNowMs)
    return seen.organisations.join() === 'org-8'
  })
  t.alike(node.alarms, [])
})

test('S27 blocks that only begin like an attestation are junk like any other', async (t) => {
  const top = await t.tmp()
  const network = actNetwork([5], { feeds: [doubled] })
  const owner = await rogue(t, `${top}/owner`)
  const forged = attestBy(network, person(8))
  const blocks = Array.from({ length: feedJunkBlocksMax }, (_, index) => {
    const block = Uint8Array.from(forged)
    block[block.length - 1]! ^= 1 + (index & 127)
    return block
  })
  await owner.core.append(blocks)
  const { first, release } = network.statements
  const node = await mailNode(t, network, { folder: `${top}/node`, knows: [first, release] })
  link(t, asStore(owner), node)
  await until('dropped', () => node.alarms.length === 1)
  t.is(node.alarms[0]?.code, 'FEED_JUNK')
  t.alike(node.pool.attestations(toHex(network.release), 0, testNowMs).organisations, [])
})
