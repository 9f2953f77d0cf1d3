import test from 'brittle'
import { alloc, equal, HOUR, MINUTE, SECOND, toHex } from '../../lib/base/index.ts'
import { byes, dialAsRogue, greeted, type Rogue } from './rogue.ts'
import { DrivenClock, impatient } from './clocks.ts'
import { makeNetwork, makeNode, pairOf, sameBelief, until, type Node } from './world.ts'
import { BYE } from '../../lib/records/index.ts'

/** A rung each three tenths of a second. */
const hurried = () => impatient(5 * MINUTE)

const rungs = ({ events }: Pick<Node, 'events'>): unknown[] =>
  events.flatMap(({ event, facts }) => (event === 'search' && 'rung' in facts ? [facts.rung] : []))

const said = ({ events }: Pick<Node, 'events'>, name: string): boolean =>
  events.some(({ event }) => event === name)

test('S40 a search climbs to the top; a new key on its way reaches the same peers', async (t) => {
  const network = makeNetwork()
  const knows = [network.first]
  const fixed = await makeNode(t, network, { knows })
  const node = await makeNode(t, network, {
    knows,
    peers: [fixed.wire.address()!],
    timers: hurried()
  })
  await until('a peer', () => node.wire.peers().some(({ ready }) => ready))
  const { key } = node.wire
  node.wire.search(true)
  node.wire.search(true)
  await until('a new key', () => said(node, 'search-renewed'))
  t.absent(equal(node.wire.key, key))
  await until('the static peer again', () => node.wire.peers().some(({ ready }) => ready))
  await until('it is known by the new key alone', () => {
    const [one, ...more] = fixed.wire.peers()
    return more.length === 0 && one !== undefined && equal(one.key, node.wire.key)
  })
  await until('the top', () => said(node, 'out-of-band'))
  t.alike(rungs(node).slice(0, 6), [1, 2, 3, 4, 5, 6], 'each once, in order')
  node.wire.search(false)
  t.is(node.wire.rung, 0)
  await until('statements pass as before', () => sameBelief(node, fixed))
  await fixed.authority.intake(network.second, 'test')
  await until('second trust', () => sameBelief(node, fixed))
})

test('S37 half of those who dialled us are sent away, a key people know is kept', async (t) => {
  const network = makeNetwork()
  const keyPair = pairOf('kept')
  const node = await makeNode(t, network, { knows: [network.first], keyPair, timers: hurried() })
  const address = node.wire.address()!
  const rogues: Rogue[] = []
  for (let number = 0; number < 4; number++) {
    const rogue = await dialAsRogue(t, network, { address })
    await greeted(rogue)
    rogues.push(rogue)
  }
  await until('four inbound', () => node.wire.peers().length === 4)
  node.wire.search(true)
  await until('two are sent away', () => rogues.filter(({ gone }) => gone).length === 2)
  t.alike(
    rogues.flatMap((rogue) => byes(rogue)),
    [BYE.full, BYE.full]
  )
  t.is(toHex(node.wire.key), toHex(keyPair.key))
  t.is(node.wire.address(), address)
  t.absent(said(node, 'search-renewed'))
  node.wire.search(false)
})

/** An app's swarm that writes down what is asked of it. */
function fakeSwarm(calls: string[]): object {
  const discovery = {
    refresh: async () => void calls.push('refresh'),
    destroy: async () => void calls.push('leave')
  }
  return {
    keyPair: { publicKey: alloc(32).fill(1), secretKey: alloc(64) },
    connections: [],
    on: () => undefined,
    off: () => undefined,
    join: () => (calls.push('join'), discovery),
    joinPeer: () => undefined,
    leavePeer: () => undefined
  }
}

test('S40 a rung each five minutes of the clock handed in, none when it is over', async (t) => {
  const network = makeNetwork()
  const calls: string[] = []
  const clock = new DrivenClock()
  const node = await makeNode(t, network, { swarm: fakeSwarm(calls), timers: clock })
  await clock.drive(MINUTE)
  calls.length = 0
  node.wire.search(true)
  t.alike([rungs(node), calls], [[1], ['refresh']], 'the first at once: the topic is looked up')
  await clock.drive(5 * MINUTE - 1)
  t.is(node.wire.rung, 1)
  // Half a minute at most is left to chance, or a whole fleet would search in step.
  await clock.drive(30 * SECOND + 1)
  t.is(node.wire.rung, 2)
  await clock.drive(11 * MINUTE)
  t.alike(rungs(node), [1, 2, 3, 4])
  // Who is alone looks again by itself, search or not.
  const moves = calls.filter((call) => call !== 'refresh')
  t.alike(moves, ['leave', 'join'], 'joined anew')
  node.wire.search(false)
  await clock.drive(3 * HOUR)
  t.alike(rungs(node), [1, 2, 3, 4])
  node.wire.search(true)
  await clock.drive(HOUR)
  t.alike(rungs(node).slice(4), [1, 2, 3, 4, 5, 6], 'the next one starts at the bottom')
  t.ok(said(node, 'out-of-band'))
  await clock.drive(HOUR)
  t.is(rungs(node).at(10), 1, 'and begins anew after an hour of rest')
})
