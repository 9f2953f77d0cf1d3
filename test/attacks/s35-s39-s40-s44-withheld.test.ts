import test, { type TestContext } from 'brittle'
import type { Authority } from '../../lib/authority/index.ts'
import { equal } from '../../lib/base/index.ts'
import type { AuthorityRoom } from '../../lib/gossip/source.ts'
import { authorityDigest, refusals } from '../../lib/trust/index.ts'
import {
  actNetwork,
  actNode,
  beaconBy,
  namedBy,
  secondTrust,
  type ActNetwork,
  type ActNode
} from '../net/acts.ts'
import { rejects } from '../net/rogue.ts'
import { until } from '../net/world.ts'
import { impatient } from '../net/clocks.ts'
import { nodeOf } from '../tools/authority.ts'
import { idOf, testNowMs } from '../tools/people.ts'

/** Believes what it was given, takes nothing in and so never shows what it does not like. */
const hides = (authority: Authority): AuthorityRoom => ({
  believed: authority.believed,
  intake: async () => ({ tag: 'refused', code: 'INTERNAL', message: 'not taken in', id: null }),
  list: () => authority.list(),
  read: (id) => authority.read(id),
  wants: () => [],
  hadDigest: () => true,
  onChange: () => () => undefined
})

/** Lists all that it holds and gives none of it. */
const boasts = (authority: Authority): AuthorityRoom => ({
  ...hides(authority),
  read: () => null
})

/** Counts how often its list is asked for. */
function counting(lists: { count: number }): (authority: Authority) => AuthorityRoom {
  return (authority) => ({
    ...hides(authority),
    list: () => {
      lists.count += 1
      return authority.list()
    }
  })
}

const paused = ({ authority }: ActNode, { release }: ActNetwork): boolean =>
  refusals(authority.believed, release).paused.length > 0

const addressOf = (node: ActNode): string => node.wire.address()!

const greeted = async (node: ActNode, peers: number): Promise<void> => {
  await until(
    `${peers} peers`,
    () => node.wire.peers().filter(({ ready }) => ready).length >= peers
  )
}

/** A node that believes T1 and the release, and peers of its kind that hide the rest. */
async function surrounded(t: TestContext, network: ActNetwork) {
  const { first, release } = network.statements
  const knows = [first, release]
  const lists = [{ count: 0 }, { count: 0 }] as const
  const hiders: ActNode[] = []
  for (const list of lists) hiders.push(await actNode(t, network, { knows, shows: counting(list) }))
  const node = await actNode(t, network, { knows, peers: hiders.map(addressOf) })
  await greeted(node, 2)
  /** Waits until each has been asked for its list once more than at the last call. */
  let before = lists.map(({ count }) => count)
  const asked = async (what: string): Promise<void> => {
    await until(what, () => lists.every(({ count }, index) => count > before[index]!))
    before = lists.map(({ count }) => count)
  }
  return { node, knows, hiders, asked }
}

/** What a beacon says of a node that holds these statements as well. */
async function beaconOf(network: ActNetwork, ...more: readonly Uint8Array[]) {
  const { authority } = await nodeOf(network)
  for (const bytes of [network.statements.release, ...more]) await authority.intake(bytes, 'test')
  return namedBy(authority)
}

test('S44 a control that peers hide is pulled by id from the one that shows it', async (t) => {
  const network = actNetwork()
  const { node, knows, hiders } = await surrounded(t, network)
  t.absent(paused(node, network), 'all peers agree, and nothing is missing to be seen')
  const honest = await actNode(t, network, {
    knows: [...knows, network.statements.pause],
    peers: [addressOf(node)]
  })
  await until('the pause', () => paused(node, network))
  t.ok(equal(authorityDigest(node.authority.believed), authorityDigest(honest.authority.believed)))
  t.absent(hiders.some((hider) => paused(hider, network)))
  t.is(node.wire.peers().length, 3, 'who hides something is no worse a peer for it')
})

test('S44 an id named and not given proves nothing; the next peer is asked', async (t) => {
  const network = actNetwork()
  const { first, release, pause } = network.statements
  const boaster = await actNode(t, network, { knows: [first, release, pause], shows: boasts })
  const node = await actNode(t, network, {
    knows: [first, release],
    peers: [addressOf(boaster)],
    timers: impatient(10_000)
  })
  await greeted(node, 1)
  t.absent(paused(node, network))
  await actNode(t, network, { knows: [first, release, pause], peers: [addressOf(node)] })
  await until('the pause', () => paused(node, network))
  t.is(rejects(node.events), 0)
  t.ok(node.wire.peers().some(({ key, ready }) => ready && equal(key, boaster.wire.key)))
})

test('S40 S44 a digest a beacon names is asked for at once, of all, and healed', async (t) => {
  const network = actNetwork([5])
  const { node, knows, asked } = await surrounded(t, network)
  const named = await beaconOf(network, network.statements.pause)
  node.wire.publish(beaconBy(network, 5, named))
  const claim = node.pool.claim(testNowMs)
  t.alike([claim?.code, claim?.by, claim?.majority], ['WITHHELD', ['p5'], true])
  await asked('both peers were asked')
  node.wire.publish(beaconBy(network, 5, named, { seq: 2 }))
  t.is(node.pool.claim(testNowMs)?.alarm, true, 'twice in a row')

  node.wire.search(true)
  t.is(node.wire.rung, 1)
  await asked('asked again by the search')
  const late = { count: 0 }
  const peers = [addressOf(node)]
  await actNode(t, network, { knows, peers, shows: counting(late) })
  await until('who comes while it lasts is asked too', () => late.count > 0)

  await actNode(t, network, { knows: [...knows, network.statements.pause], peers })
  await until('the pause', () => paused(node, network))
  t.is(node.pool.claim(testNowMs), null, 'what was claimed is here')
  node.wire.search(false)
  t.is(node.wire.rung, 0)
  t.ok(node.events.some(({ event }) => event === 'search-over'))
})

test('S40 one beacon of three is no majority, and what was believed no claim', async (t) => {
  const network = actNetwork()
  const { node, asked } = await surrounded(t, network)
  const behind = namedBy(node.authority)
  await node.authority.intake(network.statements.pause, 'test')
  node.wire.publish(beaconBy(network, 5, behind))
  t.is(node.pool.claim(testNowMs), null, 'a digest this node had: the beacon is behind')
  const nobody = { ...behind, digest: idOf(99) }
  node.wire.publish(beaconBy(network, 6, nobody))
  t.is(node.pool.claim(testNowMs)?.majority, false)
  await asked('asked for, all the same')
  node.wire.publish(beaconBy(network, 7, nobody))
  t.is(node.pool.claim(testNowMs)?.majority, true, 'now two of three say so')
})

test('S39 a trust a beacon names and peers withhold is noticed at once, and healed', async (t) => {
  const network = actNetwork([5])
  const { node, asked } = await surrounded(t, network)
  const second = secondTrust(network, {})
  node.wire.publish(beaconBy(network, 5, await beaconOf(network, second)))
  t.is(node.pool.claim(testNowMs)?.code, 'TRUST_WITHHELD')
  await asked('all were asked')
  node.wire.search(true)
  const { first } = network.statements
  await actNode(t, network, { knows: [first, second], peers: [addressOf(node)] })
  await until('the trust', () => node.authority.believed.trust?.body.version === 2)
  t.is(node.pool.claim(testNowMs), null)
})

test('S39 a claim of what does not exist ends with its key, in any state', async (t) => {
  const network = actNetwork([5])
  const { node } = await surrounded(t, network)
  node.wire.publish(beaconBy(network, 5, { trustVersion: 9, trustId: idOf(9), digest: idOf(99) }))
  t.is(node.pool.claim(testNowMs)?.code, 'TRUST_WITHHELD')
  node.wire.search(true)
  const { first } = network.statements
  const knows = [first, secondTrust(network, { beacons: [6] })]
  await actNode(t, network, { knows, peers: [addressOf(node)] })
  await until('the trust without that key', () => node.authority.believed.trust!.body.version === 2)
  t.is(node.pool.claim(testNowMs), null)
  t.is(
    node.pool.sets().some(({ ref }) => ref.type === 51),
    false,
    'and is told to nobody'
  )
})
