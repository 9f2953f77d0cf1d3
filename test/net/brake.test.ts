import test from 'brittle'
import { toHex, type Bytes } from '../../lib/base/index.ts'
import { BYE, encodePush, FRAME } from '../../lib/records/index.ts'
import { pairOf, sameBelief, until } from './world.ts'
import {
  actNetwork,
  actNode,
  attestBy,
  beaconBy,
  brakeBy,
  liveBrakes,
  namedBy,
  type ActNode
} from './acts.ts'
import { byes, dialAsRogue, greeted, rejects } from './rogue.ts'
import { nodePair, person, testNowMs } from '../tools/people.ts'

const { performance } = globalThis

test('S104 one brake reaches all of eight nodes in a chain, and a late one', async (t) => {
  const network = actNetwork()
  const { first, release } = network.statements
  const nodes: ActNode[] = []
  for (let number = 0; number < 8; number++) {
    const before = nodes.at(-1)?.wire.address()
    const peers = before ? [before] : []
    nodes.push(await actNode(t, network, { knows: [first, release], peers }))
  }
  const [head] = nodes
  const joined = (): boolean => nodes.every(({ wire }) => wire.peers().some(({ ready }) => ready))
  await until('everybody has a peer', joined)
  const sinceMs = performance.now()
  t.is(head!.wire.publish(brakeBy(network, person(1))).answer, 'accepted')
  await until('braked everywhere', () => nodes.every((node) => liveBrakes(node, network) === 1))
  t.comment(`seven hops in ${Math.round(performance.now() - sinceMs)} ms`)
  const acting = nodes.map(({ pool }) => pool.brakes(toHex(network.release), testNowMs))
  t.ok(acting.every(({ acts, live }) => acts && live[0]?.label === 'p1'))
  const late = await actNode(t, network, { peers: [nodes.at(-1)!.wire.address()!] })
  await until('the walk brings it', () => liveBrakes(late, network) === 1)
})

test('brakes, beacons and an attestation of several keys cross a mesh of eight', async (t) => {
  const network = actNetwork()
  const { first, release } = network.statements
  const nodes: ActNode[] = []
  for (let number = 0; number < 8; number++) {
    const peers = nodes.slice(-3).map(({ wire }) => wire.address()!)
    nodes.push(await actNode(t, network, { knows: [first, release], peers }))
  }
  const last = (): boolean => nodes.every(({ wire }) => wire.peers().length >= 3)
  await until('a mesh', last)
  for (const n of [1, 2, 3]) nodes[n]!.wire.publish(brakeBy(network, person(n)))
  const named = namedBy(nodes[0]!.authority)
  for (const n of [5, 6, 7]) nodes[n]!.wire.publish(beaconBy(network, n, named))
  nodes[4]!.wire.publish(attestBy(network, person(8)))
  await until('three brakes, three beacons and one attestation everywhere', () =>
    nodes.every((node) => liveBrakes(node, network) === 3 && beacons(node) === 3)
  )
  await until('built by one organisation, seen everywhere', () =>
    nodes.every(({ pool }) => {
      const seen = pool.attestations(toHex(network.release), 0, testNowMs)
      return seen.organisations.join() === 'org-8'
    })
  )
  t.ok(
    nodes.every(({ pool }) => pool.claim(testNowMs) === null),
    'they name what all have'
  )
  t.absent(nodes.some(({ events }) => rejects(events) > 0))
})

const beacons = ({ pool }: ActNode): number =>
  pool.sets().find(({ ref }) => ref.type === 51)?.count ?? 0

test('S104 acts that were spread while a node was away come by the walk', async (t) => {
  const network = actNetwork()
  const { first, release } = network.statements
  const knows = [first, release]
  const one = await actNode(t, network, { knows })
  one.wire.publish(brakeBy(network, person(1)))
  const two = await actNode(t, network, { knows })
  two.wire.publish(brakeBy(network, person(2)))
  two.wire.publish(beaconBy(network, 5, namedBy(two.authority)))
  const peers = [one, two].map(({ wire }) => wire.address()!)
  const three = await actNode(t, network, { knows, peers })
  await until('both brakes and the beacon on all sides', () =>
    [one, two, three].every((node) => liveBrakes(node, network) === 2 && beacons(node) === 1)
  )
  t.pass()
})

/** An honest node with an honest neighbour behind it, and a rogue before it. */
async function besieged(t: Parameters<typeof actNode>[0]) {
  const network = actNetwork()
  const { first, release } = network.statements
  const node = await actNode(t, network, { knows: [first, release] })
  const address = node.wire.address()!
  const behind = await actNode(t, network, { knows: [first, release], peers: [address] })
  await until('a neighbour', () => behind.wire.peers().some(({ ready }) => ready))
  const rogue = await dialAsRogue(t, network, { address })
  await greeted(rogue)
  const push = (items: readonly Bytes[]): void => rogue.channel.send(FRAME.push, encodePush(items))
  return { network, node, behind, rogue, push, address }
}

test('an act of a key that no trust names is ignored and goes no further', async (t) => {
  const { network, node, behind, rogue, push } = await besieged(t)
  push([
    brakeBy(network, pairOf('nobody')),
    brakeBy(network, person(4)),
    brakeBy(network, person(5))
  ])
  // Frames of one connection are taken in order: behind this one the others have been judged.
  push([brakeBy(network, person(1))])
  await until('the good one has arrived', () => liveBrakes(behind, network) === 1)
  t.is(rejects(node.events), 0)
  t.is(node.pool.offers, 4)
  t.is(node.pool.verified.count, 1, 'who may not speak costs no check of a signature')
  t.is(behind.pool.offers, 1, 'only the good one was handed on')
  t.is(rogue.gone, false)
})

test('S114 a false signature, another network, a broken act: banned for an hour', async (t) => {
  const { network, node, behind, rogue, push } = await besieged(t)
  const good = brakeBy(network, person(1))
  const forged = Uint8Array.from(good)
  forged[forged.length - 1]! ^= 1
  const foreign = brakeBy({ ...actNetwork([5]), release: network.release }, person(1))
  push([forged])
  await until('the first', () => rejects(node.events) === 1)
  push([foreign])
  await until('the second', () => rejects(node.events) === 2)
  t.is(rogue.gone, false)
  push([good.slice(0, -1)])
  await until('banned', () => rogue.gone)
  t.alike(byes(rogue), [BYE.banned])
  t.is(behind.pool.offers, 0, 'none of it was handed on')
  t.is(liveBrakes(node, network), 0)
  behind.wire.publish(good)
  await until('the good copy comes after the bad one', () => liveBrakes(node, network) === 1)
})

test('S48 a post-dated beacon is an event, once, and no fault of who brings it', async (t) => {
  const { network, node, behind, push } = await besieged(t)
  const ahead = testNowMs / 1_000 + 10 * 365 * 86_400
  const named = namedBy(node.authority)
  push([beaconBy(network, 5, named, { tsS: ahead }), brakeBy(network, person(1))])
  await until('behind it', () => liveBrakes(behind, network) === 1)
  const skewed = node.events.filter(
    ({ event, facts }) =>
      event === 'gossip-evidence' && 'code' in facts && facts.code === 'CLOCK_SKEW'
  )
  t.is(skewed.length, 1)
  t.is(rejects(node.events), 0)
  t.is(beacons(node) + beacons(behind), 0)
})

test('S79 S114 ten thousand acts of strangers stay cheap; others get in', async (t) => {
  const { network, node, behind, rogue, push, address } = await besieged(t)
  const frames = 200
  for (let frame = 0; frame < frames; frame++) {
    const stranger = nodePair(5_000 + frame)
    push(Array.from({ length: 50 }, (_, seq) => brakeBy(network, stranger, { seq })))
  }
  const fresh = await actNode(t, network, { peers: [address] })
  await until('a newcomer is greeted and served', () => sameBelief(fresh, node))
  behind.wire.publish(brakeBy(network, person(1)))
  await until('a brake gets through', () => liveBrakes(fresh, network) === 1)
  t.is(node.pool.verified.count, 1, 'one signature was checked: that of the brake')
  t.ok(node.pool.offers <= 500, `${node.pool.offers} of 10,000 were looked at`)
  t.is(behind.pool.offers - behind.pool.verified.count, 0, 'none went further')
  t.is(rejects(node.events), 0)
  t.is(rogue.gone, false, 'a flood costs its frames and nothing else')
})

test('ten thousand acts offered at once check no signature and keep nothing', async (t) => {
  const network = actNetwork()
  const { first, release } = network.statements
  const node = await actNode(t, network, { knows: [first, release] })
  const item = brakeBy(network, pairOf('nobody'))
  const before = node.pool.sets().length
  for (let count = 0; count < 10_000; count++) {
    // Another signer each time, and so another statement.
    item[10] = count & 255
    item[11] = count >> 8
    node.pool.offer(item, testNowMs)
  }
  t.is(node.pool.verified.count, 0)
  t.is(node.pool.sets().length, before)
})
