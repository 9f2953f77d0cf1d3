import createTestnet from '@hyperswarm/testnet'
import test from 'brittle'
import type { Authority } from '../../lib/authority/index.ts'
import { alloc } from '../../lib/base/index.ts'
import { censusInterval, Pool } from '../../lib/crowd/index.ts'
import { realClock } from '../../lib/host/index.ts'
import { signEvidence } from '../../lib/trust/index.ts'
import {
  item,
  makeNetwork,
  makeNode,
  makeNodeWith,
  membershipOf,
  nowMs,
  pairOf,
  sameBelief,
  until,
  type Node
} from './world.ts'

const steadyMs = (): number => realClock().steadyMs()

test('who knows only the network id gets trust, chain and evidence from any peer', async (t) => {
  const network = makeNetwork()
  const { first, second, era } = network
  const old = await makeNode(t, network, { knows: [first, second, era] })
  for (let number = 0; number < 100; number++) old.pool.offer(item(2, number))
  const fresh = await makeNode(t, network, { peers: [old.wire.address()!] })
  await until('the same belief', () => sameBelief(old, fresh))
  await until('all evidence', () => fresh.pool.items.size === 100)
  t.is(fresh.authority.believed.trust?.body.version, 2)
  t.is(fresh.authority.believed.eras.length, 1)
  t.ok(fresh.wire.peers().every(({ outbound, ready }) => outbound && ready))
})

test('three nodes that know one address find each other without any other DHT node', async (t) => {
  const network = makeNetwork()
  const middle = await makeNode(t, network, { knows: [network.first] })
  const byName = middle.wire.address()!.replace('127.0.0.1', 'localhost')
  const left = await makeNode(t, network, { peers: [byName] })
  const right = await makeNode(t, network, { peers: [middle.wire.address()!] })
  await until('trust everywhere', () => sameBelief(middle, left) && sameBelief(middle, right))
  left.wire.publish(item(1, 1))
  right.wire.publish(item(2, 2))
  await until('both items everywhere', () =>
    [left, middle, right].every(({ pool }) => pool.items.size === 2)
  )
  await right.authority.intake(network.second, 'test')
  await until('second trust at the far end', () => sameBelief(left, right))
  t.is(left.authority.believed.trust?.body.version, 2)
})

test('S37 who knew a peer finds it again without any static peer and any DHT', async (t) => {
  const network = makeNetwork()
  const known = await makeNode(t, network, { knows: [network.first], keyPair: pairOf('known') })
  const kept = [known.wire.address()!, `127.0.0.1:9#${'y'.repeat(52)}`]
  const passive = { kept, keep: () => undefined }
  const back = await makeNode(t, network, { passive })
  await until('trust', () => sameBelief(known, back), 15_000)
  t.is(back.wire.peers().length, 1)
})

test('a static peer that comes late is reached', async (t) => {
  const network = makeNetwork()
  const keyPair = pairOf('late')
  const early = await makeNode(t, network, {
    peers: [`127.0.0.1:47311#${Buffer.from(keyPair.key).toString('hex')}`]
  })
  const late = await makeNode(t, network, { knows: [network.first], port: 47_311, keyPair })
  await until('trust', () => sameBelief(early, late), 15_000)
  t.is(late.wire.address()?.startsWith('127.0.0.1:47311#'), true)
})

test('eight nodes of a DHT: what one says or believes reaches all', async (t) => {
  const testnet = await createTestnet(6)
  t.teardown(() => testnet.destroy(), { order: Infinity })
  const network = makeNetwork()
  const options = { bootstrap: testnet.bootstrap }
  const nodes: Node[] = [await makeNode(t, network, { ...options, knows: [network.first] })]
  while (nodes.length < 8) nodes.push(await makeNode(t, network, options))
  const [head, ...rest] = nodes
  await until('trust everywhere', () => rest.every((node) => sameBelief(head!, node)))
  nodes.forEach(({ wire }, number) => wire.publish(item(1 + (number % 2), number)))
  await until('every statement everywhere', () => nodes.every(({ pool }) => pool.items.size === 8))
  await nodes[5]!.authority.intake(network.second, 'test')
  await until('second trust everywhere', () => rest.every((node) => sameBelief(head!, node)))
  t.is(head!.authority.believed.trust?.body.version, 2)
})

test('the walk heals a difference both ways, and then two rounds settle it', async (t) => {
  const network = makeNetwork()
  const knows = [network.first]
  const one = await makeNode(t, network, { knows })
  const two = await makeNode(t, network, { knows })
  const sinceMs = steadyMs()
  for (let number = 0; number < 300; number++) {
    if (number % 3 !== 0) one.pool.offer(item(2, number))
    if (number % 3 !== 1) two.pool.offer(item(2, number))
  }
  const three = await makeNode(t, network, {
    knows,
    peers: [one.wire.address()!, two.wire.address()!]
  })
  await until('300 everywhere', () =>
    [one, two, three].every(({ pool }) => pool.items.size === 300)
  )
  await until('settled', () => three.wire.settled(sinceMs))
  t.is(three.wire.settled(steadyMs() + 1), false, 'not from now on')
  t.is(one.wire.settled(sinceMs), false, 'strangers who dialled us settle nothing')
  t.is(three.wire.coverage(new Uint8Array(32).fill(2), 0), 1_000_000)
  t.is(three.wire.clockSkewMs(), null, 'two clocks are no median')
})

test('slots and census go from hand to hand and are judged by the real pool', async (t) => {
  const network = makeNetwork()
  const census = {
    running: alloc(8),
    protoLow: 1,
    protoHigh: 1,
    eraBits: 0,
    migratable: true,
    platform: 1,
    flags: 0
  }
  const nodes: Node<Pool>[] = []
  for (const slot of [0, 1, 2]) {
    const nodePair = pairOf(`node ${slot}`)
    const given = { network, makePool: ({ believed }: Authority) => new Pool(believed) }
    const before = nodes.at(-1)?.wire.address()
    const node = await makeNodeWith(t, given, {
      knows: slot === 0 ? [network.first] : [],
      peers: before ? [before] : [],
      membership: membershipOf(network, slot, nodePair),
      nodePair
    })
    node.authority.onChange((believed) => node.pool.setContext({ believed }))
    nodes.push(node)
  }
  await until('three slots everywhere', () =>
    nodes.every(({ pool }) => pool.sets().some(({ ref, count }) => ref.type === 0 && count === 3))
  )
  nodes.forEach(({ wire }, slot) => {
    const draft = {
      subject: network.id.slice(0, 16),
      stage: 0,
      interval: censusInterval(nowMs),
      seq: 0,
      ttlS: 10_800,
      body: { tag: 'census', census } as const
    }
    const said = signEvidence(network.id, pairOf(`node ${slot}`), draft, nowMs / 1_000)
    t.is(wire.publish(said.wire).answer, 'accepted')
  })
  await until('three in the census everywhere', () =>
    nodes.every(({ pool }) => pool.members(nowMs).length === 3)
  )
  await until('certificates are shown', () =>
    nodes[1]!.wire.peers().every(({ member }) => member !== null)
  )
  t.absent(nodes.some(({ events }) => events.some(({ event }) => event === 'gossip-reject')))
})
