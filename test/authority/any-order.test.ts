import test from 'brittle'
import { assert, asyncProperty, shuffledSubarray } from 'fast-check'
import { toHex } from '../../lib/base/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import { authorityDigest, liveIds } from '../../lib/trust/index.ts'
import { bareNode, type TestNode } from '../tools/authority.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeEra,
  makeRelease,
  makeRevoke,
  makeTrust,
  nodePair,
  signControl,
  signEra,
  signRelease,
  signRevoke,
  signTrust
} from '../tools/people.ts'

// A network's life in one hat: rotations, releases, controls and their lifting, eras, a revoke.
// Each signature comes from a carrier of its own, and the carriers come in any order.
const network = foundNetwork()
const id = network.id

function trustOf(
  version: number,
  people: readonly number[],
  signers: readonly number[]
): Statement {
  const role = { members: people, threshold: 2 }
  return signTrust(id, makeTrust({ version, roles: { root: role, release: role } }), signers)
}

const second = trustOf(2, [2, 3, 11], [2, 3])
const third = trustOf(3, [3, 11, 12], [3, 11])
const under = headUnder(3, idOfStatement(third))
const old = signRelease(id, makeRelease(id), [1, 2, 3, 11])
const next = signRelease(id, makeRelease(id, { seq: 2, head: under }), [3, 12])
const twin = signRelease(id, makeRelease(id, { seq: 2, head: under, notes: 'twin' }), [11, 12])
const beta = signRelease(id, makeRelease(id, { channel: 'beta', seq: 7, head: under }), [11, 12])
const abort = signControl(id, makeControl(id, idOfStatement(old), { action: 'abort' }), [1, 3])
const pause = signControl(id, makeControl(id, idOfStatement(next), { head: under }), [3, 11])
const resume = signControl(
  id,
  makeControl(id, idOfStatement(next), {
    head: under,
    action: 'resume',
    resume: 1,
    lifts: [idOfStatement(pause)]
  }),
  [11, 12]
)
const widen = signControl(
  id,
  makeControl(id, idOfStatement(next), { head: under, action: 'widen', resume: 1, stage: 2 }),
  [3, 12]
)
const era = signEra(id, makeEra(id, { head: under }), [3, 11])
const dated = signEra(id, makeEra(id, { head: under, seq: 2, action: 'cancel' }), [3, 11])
const revoke = signRevoke(id, makeRevoke(id, nodePair(5).key), [4])

const everything = [second, third, old, next, twin, beta, abort, pause, resume, widen, era, dated]
const carriers: readonly Statement[] = [
  network.first,
  revoke,
  ...everything.flatMap((one) => one.entries.map((entry) => ({ ...one, entries: [entry] })))
]
const calm = ['authority.admitted', 'authority.pending', 'authority.refused', 'authority.lapsed']

test('any order of carriers ends in the same belief', async (t) => {
  const reference = await filled(carriers)
  const { believed } = reference.authority
  t.is(believed.trust?.body.version, 3)
  t.is(believed.releases.length, 4)
  t.is(liveIds(believed).length, 5, 'abort, resume, widen, the newer era, revoke')
  const digest = toHex(authorityDigest(believed))
  const list = wordsOf(reference)
  let runs = 0
  await assert(
    asyncProperty(shuffledSubarray([...carriers.keys()], fullLength), async (places) => {
      const order = places.map((place) => carriers[place]!)
      // Some arrive twice, as from two peers, and the node restarts half-way.
      const half = order.length >> 1
      const first = await filled(order.slice(0, half))
      const node = await first.restart()
      await node.take(...order.slice(half), ...order)
      runs++
      return toHex(authorityDigest(node.authority.believed)) === digest && same(node, list)
    }),
    { numRuns: 60 }
  )
  t.is(runs, 60)
})

test('a belief read back from its files is the belief that was written', async (t) => {
  const node = await filled(carriers)
  const again = await node.restart()
  t.alike(wordsOf(again), wordsOf(node))
  t.alike(authorityDigest(again.authority.believed), authorityDigest(node.authority.believed))
  t.alike(again.disk.files(), node.disk.files(), 'nothing is rewritten without need')
  t.is(again.events.filter(({ event }) => !calm.includes(event)).length, 0)
})

const fullLength = { minLength: carriers.length, maxLength: carriers.length }

async function filled(order: readonly Statement[]): Promise<TestNode> {
  const node = await bareNode(network)
  await node.take(...order)
  return node
}

function wordsOf({ authority }: TestNode): readonly string[] {
  return authority.list().map(({ id: one, a, b, sigs }) => `${toHex(one)} ${a} ${b} ${sigs}`)
}

function same(node: TestNode, list: readonly string[]): boolean {
  const own = wordsOf(node).map((word) => word.split(' ').slice(0, 3).join(' '))
  return own.join('\n') === list.map((word) => word.split(' ').slice(0, 3).join(' ')).join('\n')
}
