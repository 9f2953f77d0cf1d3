import test from 'brittle'
import { HOUR } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import { formatPeer } from '../../lib/gossip/index.ts'
import { makeNetwork, makeNode, nowMs, pairOf, sameBelief, until, type Node } from '../net/world.ts'

/** The clocks of a fleet that lost its batteries: right, at 1970, in 2099. */
const wrongClocks = [() => nowMs, () => 0, () => Date.UTC(2099, 0)]

const clockOf = (number: number) => wrongClocks[number % wrongClocks.length]!

test('S107 with static peers alone a clock at 1970 or 2099 misses nobody', async (t) => {
  const network = makeNetwork()
  const { first, second, era } = network
  const source = await makeNode(t, network, { knows: [first, era] })
  const nodes: Node[] = [source]
  for (const wallMs of wrongClocks.slice(1)) {
    // A chain: what reaches the last has passed through the hands of all.
    nodes.push(await makeNode(t, network, { wallMs, peers: [nodes.at(-1)!.wire.address()!] }))
  }
  const last = nodes.at(-1)!
  await until('trust and era at the far end', () => sameBelief(source, last))
  await source.authority.intake(second, 'test')
  await until('the second trust as well', () => nodes.every((node) => sameBelief(node, source)))
  t.is(last.authority.believed.trust?.body.version, 2)
  t.is(last.authority.believed.eras.length, 1)
  const pool = new Pool(last.authority.believed)
  t.alike(pool.freshness(nowMs), { state: 'none' }, 'nobody waits for a beacon that nobody is')
  t.is(pool.claim(nowMs), null)
})

test('S107 four rendezvous nodes are a DHT, and all meet on one topic by any clock', async (t) => {
  const network = makeNetwork()
  const ports = [47_321, 47_322, 47_323, 47_324]
  const bootstrap = ports.map((port) => ({ host: '127.0.0.1', port }))
  const rendezvous: Node[] = []
  for (const [number, port] of ports.entries()) {
    const others = bootstrap.filter((one) => one.port !== port)
    const keyPair = pairOf(`rendezvous ${number}`)
    const options = { rendezvous: true, port, keyPair, bootstrap: others, wallMs: clockOf(number) }
    rendezvous.push(await makeNode(t, network, options))
  }
  const publisher = await makeNode(t, network, { bootstrap, knows: [network.first] })
  const nodes = [...rendezvous]
  for (const number of [0, 1, 2]) {
    nodes.push(await makeNode(t, network, { bootstrap, wallMs: clockOf(number) }))
  }
  await until('trust everywhere', () => nodes.every((node) => sameBelief(node, publisher)), 20_000)
  t.absent(nodes.some(({ authority }) => authority.believed.trust === null))
  const { key } = pairOf('rendezvous 0')
  const listed = formatPeer({ host: '127.0.0.1', port: ports[0]!, key })
  t.is(rendezvous[0]!.wire.address(), listed, 'an address to write down')
})

test('S107 a clock far off is seen against five peers and holds nothing up', async (t) => {
  const network = makeNetwork()
  const peers: string[] = []
  for (let number = 0; number < 5; number++) {
    const { wire } = await makeNode(t, network, { knows: [network.first] })
    peers.push(wire.address()!)
  }
  const late = await makeNode(t, network, { peers, wallMs: () => nowMs - 3 * HOUR })
  await until('a median', () => late.wire.clockSkewMs() !== null)
  t.is(late.wire.clockSkewMs(), 3 * HOUR)
  await until('trust', () => late.authority.believed.trust !== null)
})
