// Whether a node sees all there is: what it tells, what it shows, and when it searches.
import test, { type TestContext } from 'brittle'
import { DAY, HOUR, MINUTE, SECOND, type Bytes } from '../../lib/base/index.ts'
import type { Evidence, Statement } from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { attest, beacon, brake } from '../tools/acts.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  makeArtifact,
  makeRelease,
  signRelease
} from '../tools/people.ts'
import { Box } from './box.ts'

const network = foundNetwork({
  membership: 'open',
  roles: { beacon: { members: [21, 22, 23] }, brake: { members: [1] } }
})
const built = foundNetwork({ membership: 'open', roles: { build: { members: [11, 12] } } })
const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 1 })
const artifacts = [makeArtifact(1)]

function release(id: Bytes, seq: number): Statement {
  return signRelease(id, makeRelease(id, { seq, label: `${seq}.0.0`, policy, artifacts }))
}

const first = release(network.id, 1)
const second = release(network.id, 2)
const nameOf = (statement: Statement): string => toName(idOfStatement(statement))

async function node(t: TestContext, before: Box | null = null): Promise<Box> {
  const it = await Box.open(network, { before })
  t.teardown(() => it.close())
  return it
}

/** A node that runs the first release and hears beacon 21. */
async function upgradable(t: TestContext): Promise<Box> {
  const it = await node(t)
  await it.take(network.first, first)
  await it.node.attach()
  hears(it, 21, 1)
  await it.run(20 * MINUTE)
  t.is(it.node.runs(), nameOf(first))
  return it
}

function hears(it: Box, by: number, seq: number, said: object = {}): void {
  const { believed } = it.authority
  const atMs = Math.floor(it.clock.wallMs() / SECOND) * SECOND
  offers(it, beacon({ network: network.id, believed, by, seq, atMs, ...said }))
}

function offers(it: Box, evidence: Evidence): void {
  it.pool.offer(evidence.wire, it.clock.wallMs())
  it.wire.changed('evidence')
}

const alarmsOf = (it: Box): readonly unknown[] =>
  it.told.filter(({ event }) => event === 'alarm').map(({ facts }) => facts['code'])

test('S37 stale, then frozen: alarm, search and status; one beacon ends both', async (t) => {
  const it = await upgradable(t)
  t.alike((await it.node.status()).freshness.state, 'fresh')
  t.absent(it.wire.searching)
  await it.run(50 * MINUTE)
  const stale = await it.node.status()
  t.alike([stale.freshness.state, stale.worst], ['stale', 'STALE'])
  t.alike(stale.alarms, ['STALE'])
  t.ok(it.wire.searching)
  await it.run(DAY)
  const frozen = await it.node.status()
  t.alike([frozen.freshness.state, frozen.worst], ['frozen', 'FROZEN'])
  t.ok((frozen.freshness.ageMs ?? 0) >= DAY)
  t.alike(alarmsOf(it), ['STALE', 'FROZEN'], 'each is told once')
  t.is(it.node.runs(), nameOf(first), 'and the app runs on')
  hears(it, 22, 1)
  await it.run(MINUTE)
  const fresh = await it.node.status()
  t.alike([fresh.freshness.state, fresh.alarms, fresh.worst], ['fresh', [], null])
  t.absent(it.wire.searching)
  t.alike(it.told.findLast(({ event }) => event === 'over')?.facts, { code: 'FROZEN' })
})

test('S37 frozen: nothing new is installed, a hand-over that has begun ends', async (t) => {
  const it = await upgradable(t)
  await it.run(DAY)
  await it.take(second)
  await it.run(2 * HOUR)
  t.is(it.node.runs(), nameOf(first))
  t.is((await it.node.why(null)).sentence.startsWith('waiting: frozen: no beacon for 1 d'), true)
  hears(it, 21, 9)
  const isOnTrial = () => it.machine.state.op?.state === 'trial'
  for (let i = 0; i < 50 && !isOnTrial(); i++) {
    if (i % 20 === 0) hears(it, 21, 10 + i)
    await it.run(2 * MINUTE)
  }
  t.ok(isOnTrial(), 'it goes on with the next beacon')
  await it.run(2 * DAY)
  t.is((await it.node.status()).freshness.state, 'frozen')
  t.is(it.node.runs(), nameOf(second))
  t.is(it.machine.state.op, null, 'its trial has ended well, frozen or not')
})

test('S40 what most beacons name is searched for and waited for; a minority once', async (t) => {
  const it = await upgradable(t)
  const other = { digest: idOf(7) }
  hears(it, 22, 1)
  hears(it, 23, 2, other)
  await it.run(2 * MINUTE)
  t.ok(it.wire.searching, 'one of three: looked for')
  const one = await it.node.status()
  t.alike([one.freshness.claim?.code, one.freshness.claim?.majority], ['WITHHELD', false])
  t.alike([one.worst, one.alarms], [null, []])
  await it.run(29 * MINUTE)
  t.absent(it.wire.searching, 'once')
  hears(it, 23, 3, other)
  hears(it, 22, 3, other)
  await it.run(2 * MINUTE)
  const most = await it.node.status()
  t.alike([most.freshness.claim?.majority, most.worst], [true, 'WITHHELD'])
  t.alike(most.freshness.claim?.by, ['p22', 'p23'])
  t.alike(alarmsOf(it), ['WITHHELD'], 'told after two in a row')
  t.ok(it.wire.searching)
  await it.take(second)
  await it.run(20 * MINUTE)
  t.is((await it.node.why(null)).conditions[0]?.code, 'WITHHELD')
  t.is(it.node.runs(), nameOf(first))
})

test('S104 a brake in a feed acts as any other, is told on, outlives a restart', async (t) => {
  const it = await upgradable(t)
  await it.take(second)
  const evidence = brake({
    network: network.id,
    release: idOfStatement(second),
    by: 1,
    atMs: Math.floor(it.clock.wallMs() / SECOND) * SECOND
  })
  const block = it.store.onBlockOf!
  t.is(await block(idOf(9), 0, evidence.wire), true)
  t.is(await block(idOf(9), 1, evidence.wire), true, 'known is of use too')
  t.is(await block(idOf(9), 2, evidence.wire.subarray(0, 50)), false)
  t.ok(it.wire.published.some((bytes) => toText(bytes) === toText(evidence.wire)))
  for (let i = 0; i < 40; i++) {
    hears(it, 21, 20 + i)
    await it.run(5 * MINUTE)
  }
  const status = await it.node.status()
  t.is(status.worst, 'PAUSED')
  t.is((await it.node.why(null)).first, 'brake')
  t.is(it.node.runs(), nameOf(first))
  await it.close()
  const again = await node(t, it)
  t.ok(again.pool.brakes(toHexOf(second), again.clock.wallMs()).live.length === 1)
})

test('S55 a builder who got another tree is an alarm until a resume names it', async (t) => {
  const it = await Box.open(built)
  t.teardown(() => it.close())
  const one = release(built.id, 1)
  await it.take(built.first, one)
  await it.node.attach()
  const base = { network: built.id, release: idOfStatement(one), atMs: it.clock.wallMs() }
  await it.run(MINUTE)
  t.is((await it.node.why(null)).first, 'attestations')
  offers(it, attest({ ...base, by: 11, treeDigest: artifacts[0]!.treeDigest }))
  offers(it, attest({ ...base, by: 12, treeDigest: idOf(5) }))
  await it.run(20 * MINUTE)
  t.alike((await it.node.status()).alarms, ['ATTEST_CONFLICT'])
  t.is(it.node.runs(), null, 'though the number is reached')
  const alarm = it.told.find(({ event }) => event === 'alarm')
  t.is(alarm?.facts['text'], '1.0.0: p12 of org-12 attests another tree')
})

const toText = (bytes: Bytes): string => bytes.join('.')

function toHexOf(statement: Statement): string {
  return Buffer.from(idOfStatement(statement)).toString('hex')
}
