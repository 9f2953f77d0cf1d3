import test from 'brittle'
import { isOtaError, OtaError, pendingPerKeyMax } from '../../lib/base/index.ts'
import { bareNode, nodeOf, told } from '../tools/authority.ts'
import {
  foundNetwork,
  headUnder,
  idOf,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signRelease,
  signTrust,
  wire
} from '../tools/people.ts'

// Any two of persons 1, 2, 3 release.
const network = foundNetwork()
const second = signTrust(network.id, makeTrust({ version: 2 }), [1, 2])
const head = headUnder(2, idOfStatement(second))
const releases = [1, 2, 3].map((seq) =>
  signRelease(network.id, makeRelease(network.id, { head, seq }), [1, 2])
)

test('what arrives at one moment is one round, each judged after those before', async (t) => {
  const node = await bareNode(network)
  let heard = 0
  node.authority.onChange(() => heard++)
  const all = [releases[2]!, network.first, releases[0]!, second, releases[1]!]
  const verdicts = await Promise.all(all.map((one) => node.authority.intake(wire(one), 'feed')))
  t.alike(verdicts.map(told), [
    'refused TRUST_GAP',
    'admitted',
    'pending TRUST_GAP',
    'admitted',
    'admitted'
  ])
  t.is(heard, 1, 'and told once, when all of it lies on disk')
  t.is(node.authority.believed.releases.length, 3, 'what came early was waiting')
  const admitted = node.events.filter(({ event }) => event === 'authority.admitted')
  t.is(admitted.length, 5, 'one event for each')
  t.ok(admitted.every(({ facts }) => facts['from'] === 'feed'))
})

test('a disk that fails fails the whole round, and nothing of it is believed', async (t) => {
  const node = await nodeOf(network)
  const before = node.authority.believed
  const all = [second, ...releases]
  let writes = 0
  node.disk.beforeWrite = () => {
    if (++writes === 3) throw new OtaError('NO_SPACE', 'the disk is full')
  }
  const tries = await Promise.allSettled(all.map((one) => node.authority.intake(wire(one), 'test')))
  t.ok(tries.every((one) => one.status === 'rejected' && isOtaError(one.reason, 'NO_SPACE')))
  t.is(node.authority.believed, before)
  const ids = all.map((one, index) => ({
    type: index === 0 ? 1 : 2,
    id: idOfStatement(one),
    a: 2,
    b: 0,
    sigs: 2
  }))
  t.is(node.authority.wants(ids).length, all.length, 'all of it is asked for again')
  node.disk.beforeWrite = () => {}
  for (const one of all) t.is(told(await node.authority.intake(wire(one), 'test')), 'admitted')
})

test('bad bytes in a round are told to their carrier alone', async (t) => {
  const node = await nodeOf(network)
  const verdicts = await Promise.all([
    node.authority.intake(Uint8Array.of(1, 2, 3), 'a'),
    node.authority.intake(wire(second), 'b'),
    node.authority.intake(wire(second), 'c')
  ])
  t.alike(verdicts.map(told), ['refused NOT_CANONICAL', 'admitted', 'known'])
})

test('S99 drafts of trusts without end are sixteen in the end, and the round ends', async (t) => {
  const node = await nodeOf(network)
  const drafts = Array.from({ length: 60 }, (_, index) =>
    signTrust(network.id, makeTrust({ version: 2 + index, feeds: [idOf(index)] }), [1])
  )
  await Promise.all(drafts.map((one) => node.authority.intake(wire(one), 'test')))
  t.is(node.authority.believed.held.size, 1 + pendingPerKeyMax)
  await node.take(second)
  t.is(node.authority.believed.trust?.body.version, 2)
  t.ok(node.authority.believed.held.size <= 2 + pendingPerKeyMax)
})

test('S99 a flood of early statements pushes out its own, not those of others', async (t) => {
  const node = await nodeOf(network)
  const roles = { release: { members: [11, 12], threshold: 2 } }
  const next = signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2])
  const early = signRelease(network.id, makeRelease(network.id, { seq: 7 }), [11, 12])
  t.is(told(await node.authority.intake(wire(early), 'honest')), 'refused THRESHOLD_NOT_MET')
  for (let index = 0; index < 200; index++) {
    const junk = signControl(network.id, makeControl(network.id, idOf(index)), [66])
    await node.authority.intake(wire(junk), 'flood')
  }
  await node.take(next)
  t.is(node.authority.believed.releases.length, 1, 'it waited for its signers')
})
