import test from 'brittle'
import { equal, toHex } from '../../lib/base/index.ts'
import type { Statement, Trust } from '../../lib/records/index.ts'
import { bareNode, nodeOf, told, type TestNode } from '../tools/authority.ts'
import {
  foundNetwork,
  headUnder,
  idOf,
  idOfStatement,
  makeRelease,
  makeTrust,
  signRelease,
  signTrust
} from '../tools/people.ts'

// Two valid successors of one trust (S17). Roots are any two of three unless a trust says else.
const network = foundNetwork()

function trustOf(version: number, people: readonly number[], feed = 9): Trust {
  const roles = { root: { members: people, threshold: 2 } }
  return makeTrust({ version, feeds: [idOf(feed)], roles })
}

function sign(trust: Trust, people: readonly number[]): Statement {
  return signTrust(network.id, trust, people)
}

// The branches give root to different people, who both still trust person 2.
const left = sign(trustOf(2, [1, 2, 11]), [1, 2, 11])
const right = sign(trustOf(2, [2, 3, 12], 8), [2, 3, 12])
const healing = sign(trustOf(4, [2, 11, 12]), [1, 2, 3, 11, 12])
const leftOnly = sign(trustOf(3, [1, 2, 11]), [1, 11])

function under(one: Statement, seq: number): Statement {
  const head = headUnder(2, idOfStatement(one))
  return signRelease(network.id, makeRelease(network.id, { head, seq }), [1, 2])
}

function versionOf({ authority }: TestNode): number {
  return authority.believed.trust?.body.version ?? 0
}

function alarms({ events }: TestNode): number {
  return events.filter(
    ({ event, facts }) => event === 'authority.alarm' && facts['code'] === 'TRUST_FORK'
  ).length
}

function offers(node: TestNode, ...statements: readonly Statement[]): boolean {
  const listed = new Set(node.authority.list().map(({ id }) => toHex(id)))
  return statements.every(
    (one) =>
      listed.has(toHex(idOfStatement(one))) && node.authority.read(idOfStatement(one)) !== null
  )
}

test('S17 a fork is one alarm; both sides are kept, offered, there after a restart', async (t) => {
  const node = await nodeOf(network)
  await node.take(left)
  t.is(told(await node.take(right)), 'kept TRUST_FORK')
  t.is(alarms(node), 1)
  await node.take(right, left)
  t.is(alarms(node), 1, 'said once')
  t.is(node.authority.believed.fork.length, 2)
  t.ok(equal(node.authority.believed.trust!.id, idOfStatement(left)), 'the adopted one stays')
  t.ok(offers(node, left, right))
  const again = await node.restart()
  t.is(again.authority.believed.fork.length, 2)
  t.ok(equal(again.authority.believed.trust!.id, idOfStatement(left)))
  t.ok(offers(again, left, right))
  const peer = await nodeOf(network)
  const wanted = peer.authority.wants(again.authority.list())
  for (const id of wanted) await peer.authority.intake(again.authority.read(id)!, 'peer')
  t.is(peer.authority.believed.fork.length, 2, 'a peer learns of both')
})

test('S17 whoever stands on neither branch stays below both', async (t) => {
  const node = await bareNode(network)
  await node.take(left, right, network.first)
  await node.take(left, right)
  t.is(versionOf(node) <= 2, true)
  t.is(node.authority.believed.fork.length, 2)
})

test('S17 a fork that comes late, after releases and a restart, is a fork as well', async (t) => {
  let node = await nodeOf(network)
  await node.take(left)
  const head = headUnder(2, idOfStatement(left))
  const release = signRelease(network.id, makeRelease(network.id, { head }), [1, 2])
  t.is(told(await node.take(release)), 'admitted')
  node = await node.restart()
  t.is(told(await node.take(right)), 'kept TRUST_FORK')
  t.is(alarms(node), 1)
  t.is(node.authority.believed.fork.length, 2)
  t.is(node.authority.believed.releases.length, 1, 'what is believed stays, nothing is installed')
})

test('S17 a later trust signed by both branches heals it, restarted or not', async (t) => {
  const orders = [
    [left, right, healing],
    [right, left, healing],
    [left, healing, right],
    [healing, right, left],
    [right, healing]
  ]
  for (const order of orders) {
    const node = await nodeOf(network)
    await node.take(...order)
    t.is(versionOf(node), 4)
    t.is(node.authority.believed.fork.length, 0)
    const again = await node.restart()
    t.is(versionOf(again), 4)
    t.is(again.authority.believed.fork.length, 0)
  }
  const forked = await nodeOf(network)
  await forked.take(left, right)
  const again = await forked.restart()
  t.is(told(await again.take(healing)), 'admitted', 'healed after a restart')
  t.is(again.authority.believed.fork.length, 0)
})

test('S17 a trust of one branch alone heals nothing for those on the other', async (t) => {
  const onRight = await nodeOf(network)
  await onRight.take(right, left, leftOnly)
  t.ok(equal(onRight.authority.believed.trust!.id, idOfStatement(right)))
  t.ok(onRight.authority.believed.fork.length > 0, 'the fork stands')
  t.is(told(await onRight.take(healing)), 'admitted')
  t.is(onRight.authority.believed.fork.length, 0)
})

test('S17 both sides of a healed fork may be named by what was signed meanwhile', async (t) => {
  const words = new Set<string>()
  for (const order of [
    [left, right],
    [right, left]
  ]) {
    const node = await nodeOf(network)
    await node.take(...order, under(left, 1), under(right, 2), healing)
    await node.take(under(left, 1), under(right, 2))
    words.add(node.authority.believed.releases.map(({ body }) => body.seq).join(' '))
  }
  t.alike([...words], ['2 1'], 'whichever side a node stood on')
})

test('S93 a checkpoint decides a fork at its version, and is never left', async (t) => {
  const node = await bareNode(network, {
    checkpoint: { version: 2, id: idOfStatement(right) }
  })
  await node.take(network.first, left)
  t.is(node.authority.believed.trust, null, 'below the checkpoint nothing is stood on')
  await node.take(right)
  t.ok(equal(node.authority.believed.trust!.id, idOfStatement(right)))
  t.is(told(await node.take(left)), 'refused BELOW_CHECKPOINT')
  t.is(node.authority.believed.fork.length, 0)
  t.is(told(await node.take(leftOnly)), 'refused THRESHOLD_NOT_MET')
  t.is(versionOf(node), 2)
  const again = await node.restart()
  t.ok(equal(again.authority.believed.trust!.id, idOfStatement(right)))
})
