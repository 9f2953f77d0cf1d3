import Protomux from 'protomux'
import test from 'brittle'
import { alloc, toHex, type Bytes } from '../../lib/base/index.ts'
import { BYE, encodeHello, encodePush, FRAME } from '../../lib/records/index.ts'
import type { KeyPair } from '../../lib/trust/index.ts'
import { byes, dialAsRogue, handlerFaults, hello, rejects } from '../net/rogue.ts'
import {
  item,
  makeNetwork,
  makeNode,
  membershipOf,
  pairOf,
  sameBelief,
  until
} from '../net/world.ts'

test('S79 no common version ends the gossip channel and leaves the bytes alone', async (t) => {
  const network = makeNetwork()
  const old = await makeNode(t, network, { knows: [network.first] })
  const peers = [old.wire.address()!]
  const streams: object[] = []
  const newer = await makeNode(t, network, { peers, versions: { low: 2, high: 3 } })
  newer.wire.onStream((stream) => streams.push(stream))
  await until('both know', () =>
    [old, newer].every(({ events }) => events.some(({ event }) => event === 'gossip-version'))
  )
  const said = old.events.find(({ event }) => event === 'gossip-version')?.facts
  t.alike(said && 'code' in said && said.code, 'PROTOCOL_RANGE')
  const [seen] = old.wire.peers()
  t.alike([seen?.protoLow, seen?.protoHigh, seen?.ready], [2, 3, false], 'both ranges are shown')
  t.is(streams.length, 1, 'the stream still replicates')
  t.is(newer.authority.believed.held.size, 0, 'nothing passed on the channel')
})

test('S79 a range the wrong way round, or no HELLO at all, costs the connection', async (t) => {
  const network = makeNetwork()
  const node = await makeNode(t, network, { knows: [network.first] })
  const address = node.wire.address()!
  const bad = [encodeHello({ ...hello, low: 3, high: 2 }), alloc(3), alloc(70_000), alloc(0)]
  for (const greeting of bad) {
    const rogue = await dialAsRogue(t, network, { address, greeting })
    await until('cut', () => rogue.gone)
  }
  t.is(node.wire.peers().length, 0)
  t.is(node.events.filter(({ event }) => event === 'gossip-cut').length, bad.length)
})

test('S86 strangers beyond the cap are named others and sent away', async (t) => {
  const network = makeNetwork()
  const node = await makeNode(t, network, { knows: [network.first], inboundMax: 2 })
  const address = node.wire.address()!
  const guests = await Promise.all([
    makeNode(t, network, { peers: [address] }),
    makeNode(t, network, { peers: [address] })
  ])
  await until('the places are taken', () => guests.every((guest) => sameBelief(guest, node)))
  const rogue = await dialAsRogue(t, network, { address })
  await until('sent away', () => rogue.gone)
  t.alike(byes(rogue), [BYE.full])
  t.ok(
    rogue.frames.some(({ number }) => number === FRAME.exchange),
    'others are named'
  )
  t.is(node.wire.peers().filter(({ outbound }) => !outbound).length, 2)
  const other = await makeNode(t, network)
  const dialler = await makeNode(t, network, { inboundMax: 0, peers: [other.wire.address()!] })
  await until('a full node still dials', () => dialler.wire.peers().some(({ ready }) => ready))
})

test('S114 three rejects ban for an hour; the same things reach us through others', async (t) => {
  const network = makeNetwork()
  const node = await makeNode(t, network, { knows: [network.first] })
  const address = node.wire.address()!
  const rogue = await dialAsRogue(t, network, { address })
  await until('greeted', () => rogue.hellos === 1)
  rogue.channel.send(FRAME.auth, network.second)
  rogue.channel.send(FRAME.push, encodePush([Uint8Array.of(0xff, 1)]))
  await until('two rejects', () => rejects(node.events) === 2)
  t.is(node.authority.believed.trust?.body.version, 1, 'unasked AUTH is a reject, not a statement')
  rogue.channel.send(FRAME.want, alloc(1_000).fill(0xfd))
  await until('banned', () => rogue.gone)
  t.alike(byes(rogue), [BYE.banned])
  const honest = await makeNode(t, network, { knows: [network.first, network.second] })
  const both = await makeNode(t, network, { peers: [address, honest.wire.address()!] })
  await until('second trust', () => sameBelief(node, honest) && sameBelief(both, honest))
  t.pass('the ban reaches the connection only')
})

test('S114 a flood costs its frames and nothing else', async (t) => {
  const network = makeNetwork()
  const node = await makeNode(t, network, { knows: [network.first] })
  const rogue = await dialAsRogue(t, network, { address: node.wire.address()! })
  await until('greeted', () => rogue.hellos === 1)
  for (let frame = 0; frame < 100; frame++) {
    const items = Array.from({ length: 60 }, (_, index) => item(1, frame * 60 + index))
    rogue.channel.send(FRAME.push, encodePush(items))
  }
  const honest = await makeNode(t, network, { peers: [node.wire.address()!] })
  await until('an honest peer is served meanwhile', () => sameBelief(node, honest))
  t.ok(node.pool.items.size <= 300, `${node.pool.items.size} of 6000 looked at`)
  t.is(rejects(node.events), 0)
  t.is(rogue.gone, false)
})

test('S114 channels opened without end cut the connection', async (t) => {
  const network = makeNetwork()
  const node = await makeNode(t, network, { knows: [network.first] })
  const rogue = await dialAsRogue(t, network, { address: node.wire.address()! })
  await until('greeted', () => rogue.hellos === 1)
  const mux = Protomux.from(rogue.stream)
  const encoding = { preencode: noop, encode: noop, decode: () => alloc(0) }
  const open = (name: number): void => {
    const options = { onopen: noop, onclose: noop, ondrain: noop }
    const id = alloc(4).fill(name & 255)
    mux.createChannel({ protocol: `x${name}`, id, handshake: encoding, ...options })?.open(alloc(0))
  }
  let opened = 0
  const flood = setInterval(() => {
    for (let count = 0; count < 400 && !rogue.gone; count++) open(opened++)
  }, 5)
  t.teardown(() => clearInterval(flood))
  await until('cut', () => rogue.gone)
  t.ok(node.events.some(({ event }) => event === 'gossip-cut'))
  t.comment(`cut after ${opened} channels`)
})

test('no frame, whatever is in it, throws out of a handler', async (t) => {
  const network = makeNetwork()
  const node = await makeNode(t, network, { knows: [network.first] })
  for (const number of Object.values(FRAME)) {
    const rogue = await dialAsRogue(t, network, { address: node.wire.address()! })
    await until('greeted', () => rogue.hellos === 1)
    for (const byte of [0, 1, 0x7f, 0xfd, 0xff]) rogue.channel.send(number, alloc(99).fill(byte))
    await until('judged', () => rogue.gone)
  }
  t.is(node.wire.peers().length, 0, 'each was sent away after three')
  const honest = await makeNode(t, network, { peers: [node.wire.address()!] })
  await until('the node lives', () => sameBelief(node, honest))
  t.is(handlerFaults(node.events), 0)
})

test('S113 among members a stranger gets HELLO and BYE, no stream, no certificate', async (t) => {
  const network = makeNetwork('members')
  const knows = [network.first]
  const certified = (name: string, slot: number): { membership: Bytes; nodePair: KeyPair } => {
    const nodePair = pairOf(name)
    return { membership: membershipOf(network, slot, nodePair), nodePair }
  }
  const node = await makeNode(t, network, { knows, ...certified('n0', 0) })
  const streams: string[] = []
  node.wire.onStream((_, { key }) => streams.push(toHex(key)))
  const address = node.wire.address()!
  const rogue = await dialAsRogue(t, network, { address })
  const member = await makeNode(t, network, { knows, peers: [address], ...certified('n1', 1) })
  // A newcomer with an invite has no trust yet and shows its certificate all the same.
  const newcomer = await makeNode(t, network, { peers: [address], ...certified('n2', 2) })
  await until('members are in', () => node.wire.peers().filter(({ ready }) => ready).length === 2)
  await until('trust', () => sameBelief(newcomer, node))
  const proven = node.wire.peers().flatMap(({ member: key }) => (key === null ? [] : [toHex(key)]))
  const [n1, n2] = [pairOf('n1').key, pairOf('n2').key]
  t.alike(new Set(proven), new Set([toHex(n1), toHex(n2)]))
  await until('sent away', () => rogue.gone)
  t.alike(byes(rogue), [BYE.members])
  t.alike(
    rogue.frames.map(({ number }) => number),
    [FRAME.bye],
    'nothing but BYE'
  )
  t.alike(streams.toSorted(), [member, newcomer].map(({ wire }) => toHex(wire.key)).toSorted())
})

function noop(): void {
  // Nothing is sent, nothing is awaited.
}
