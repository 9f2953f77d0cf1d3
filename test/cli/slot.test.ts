// A node asks whether it counts in its slot: held, doubled, revoked, or not heard of yet.
import test from 'brittle'
import { Pool } from '../../lib/crowd/index.ts'
import { slotOf } from '../../lib/cli/node/slot.ts'
import { admit, believeNothing, toName, type Believed } from '../../lib/trust/index.ts'
import {
  foundNetwork,
  makeMembership,
  makeRevoke,
  nodePair,
  signRevoke,
  testNowMs
} from '../tools/people.ts'

const network = foundNetwork()
const membership = makeMembership({ network: network.id, slot: 3, node: 1 })
const identity = { pair: nodePair(1), membership: membership.wire }

function believing(...more: readonly Parameters<typeof admit>[1][]): Believed {
  let believed = believeNothing(network.id)
  for (const one of [network.first, ...more]) {
    const verdict = admit(believed, one, testNowMs)
    if (!('believed' in verdict) || verdict.believed === null) throw new Error(verdict.tag)
    believed = verdict.believed
  }
  return believed
}

function stateOf(believed: Believed, pool: Pool): string | undefined {
  return slotOf(identity, { believed, pool }, testNowMs)?.state
}

test('a slot is held once the node itself was heard of', (t) => {
  const believed = believing()
  const pool = new Pool(believed)
  t.is(stateOf(believed, pool), 'waiting')
  pool.offer(membership.wire, testNowMs)
  t.is(stateOf(believed, pool), 'held')
  const view = slotOf(identity, { believed, pool }, testNowMs)
  t.alike([view?.slot, view?.invite], [3, toName(membership.invite.invite)])
})

test('S103 a second node in it makes the slot doubled, for both', (t) => {
  const believed = believing()
  const pool = new Pool(believed)
  pool.offer(membership.wire, testNowMs)
  pool.offer(makeMembership({ network: network.id, slot: 3, node: 2 }).wire, testNowMs)
  t.is(stateOf(believed, pool), 'doubled')
  pool.offer(makeMembership({ network: network.id, slot: 4, node: 2 }).wire, testNowMs)
  t.is(stateOf(believed, pool), 'doubled', 'until it is revoked')
})

test('a revoked slot says so, and a node without trust or slot has nothing to say', (t) => {
  const revoke = makeRevoke(network.id, membership.invite.invite, { slots: [3] })
  const believed = believing(signRevoke(network.id, revoke))
  t.is(stateOf(believed, new Pool(believed)), 'refused')
  const nothing = believeNothing(network.id)
  t.is(stateOf(nothing, new Pool(nothing)), 'waiting')
  const alone = { ...identity, membership: null }
  t.is(slotOf(alone, { believed, pool: new Pool(believed) }, testNowMs), null)
})
