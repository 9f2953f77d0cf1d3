// Attestations and first installs: what builders say, and what a node with nothing installed takes.
import test from 'brittle'
import { DAY, HOUR, MINUTE, SECOND, toHex, type Bytes } from '../../lib/base/index.ts'
import { readPolicyFile, type Decision } from '../../lib/rollout/index.ts'
import { attest } from '../tools/acts.ts'
import { idOf, makeArtifact } from '../tools/people.ts'
import { World, type WorldNode, type WorldOptions } from './world.ts'

const build = { build: { members: [11, 12, 13], threshold: 2 } }
const artifacts = [makeArtifact(1, 'linux-x64'), makeArtifact(2, 'linux-arm64')]

function policy(more: object = {}) {
  return readPolicyFile({ plan: 'small', ...more }, { nodes: 3 }).policy
}

interface Fleet {
  readonly world: World
  readonly node: WorldNode
  readonly first: Bytes
  readonly next: Bytes
}

/** Three nodes on the first of two releases; the second is not attested yet. */
function fleet(options: Partial<WorldOptions> = { roles: build }, more: object = {}): Fleet {
  const world = new World({ nodes: 3, ...options })
  const first = world.release(1, policy(), { artifacts })
  world.installed(first)
  world.run(5 * SECOND)
  const next = world.release(2, policy(more), { artifacts })
  return { world, first, next, node: world.nodes[0]! }
}

/** Builder `by` says what the artifact at `index` came out as: 0 is this machine's. */
function says(
  world: World,
  release: Bytes,
  by: number,
  { index = 0, tree }: { readonly index?: number; readonly tree?: Bytes } = {}
): Bytes {
  const evidence = attest({
    network: world.network.id,
    release,
    by,
    index,
    atMs: world.nowMs,
    treeDigest: tree ?? artifacts[index]!.treeDigest
  })
  world.hear(evidence)
  return evidenceIdOf(world, release, index)
}

/** Id of the dispute about an artifact, if there is one. */
function evidenceIdOf(world: World, release: Bytes, index: number): Bytes {
  const { conflicts } = world.pool.attestations(toHex(release), index, world.nowMs)
  return conflicts[0]?.id ?? idOf(0)
}

function attested(decision: Decision | null): Decision['conditions'][number] {
  return decision!.conditions.find(({ id }) => id === 'attestations')!
}

test('S54 nobody moves until as many organisations attest as the trust asks for', (t) => {
  const { world, node, next } = fleet()
  world.run(HOUR)
  t.is(world.running(next), 0)
  const none = attested(node.decision)
  t.alike([none.ok, none.code], [false, 'ATTEST_QUORUM_NOT_MET'])
  t.is(none.text, '0 of 2 organisations attest')
  says(world, next, 11)
  says(world, next, 12, { index: 1 })
  world.run(HOUR)
  t.is(world.running(next), 0, 'one, and another one for a platform that is not this one')
  t.alike([attested(node.decision).have, attested(node.decision).need], [1, 2])
  says(world, next, 12)
  world.run(3 * HOUR)
  t.is(world.running(next), 3)
})

test('S55 a builder who got another tree blocks, until a resume names the dispute', (t) => {
  const { world, node, next } = fleet()
  for (const by of [11, 12]) says(world, next, by)
  const dispute = says(world, next, 13, { tree: idOf(99) })
  world.run(HOUR)
  t.is(world.running(next), 0, 'although the number is reached')
  t.is(attested(node.decision).code, 'ATTEST_CONFLICT')
  t.is(attested(node.decision).text, 'p13 of org-13 attests another tree')
  world.control(next, { action: 'resume', resume: 1, lifts: [dispute] })
  world.run(3 * HOUR)
  t.is(world.running(next), 3)
})

test('S55 a dispute in mid-rollout: who switched stays, nobody else switches', (t) => {
  const { world, next } = fleet()
  for (const by of [11, 12]) says(world, next, by)
  world.run(3 * HOUR, () => world.running(next) === 1)
  says(world, next, 13, { tree: idOf(99) })
  world.run(3 * HOUR)
  t.is(world.running(next), 1)
  const waits = world.nodes.filter(({ decision }) => decision?.act.tag === 'undo')
  t.is(waits.length, 0, 'a dispute takes nothing back')
})

test('the number is the largest of what trust, policy and this operator ask for', (t) => {
  const { world, node, next } = fleet({ roles: build }, { attest: 3 })
  const needOf = (own: number) => {
    const input = world.inputOf(node)
    return attested(world.decide({ ...input, self: { ...input.self, attest: own } })).need
  }
  t.is(needOf(0), 3, 'the policy asks for more than the trust')
  t.is(needOf(5), 5, 'the operator for more than both')
  for (const by of [11, 12, 13]) says(world, next, by)
  world.run(5 * MINUTE)
  t.is(attested(node.decision).text, '3 of 3 organisations attest (org-11, org-12, org-13)')
  const { world: plain, node: one } = fleet({})
  plain.run(MINUTE)
  t.is(attested(one.decision).text, 'no attestation asked for')
  const input = plain.inputOf(one)
  const strict = plain.decide({ ...input, self: { ...input.self, attest: 1 } })
  t.is(attested(strict).code, 'ATTEST_QUORUM_NOT_MET', 'nobody builds in this network')
})

/** What a node with nothing installed would fetch. */
function firstOf(world: World, node: WorldNode): string | null {
  const decision = world.decide({ ...world.inputOf(node), memory: world.nodes[0]!.memory })
  return decision.act.tag === 'fetch' ? toHex(decision.act.release) : null
}

test('S46 S104 a first install passes over a braked release, while there is another', (t) => {
  const { world, first, next } = fleet({})
  world.run(4 * HOUR, () => world.nodes.every(({ decision }) => decision?.completed.length === 2))
  const fresh = world.addNode()
  t.is(firstOf(world, fresh), toHex(next), 'the newest completed')
  world.brake(next, DAY)
  t.is(firstOf(world, fresh), toHex(first), 'the one before it')
  world.brake(first, DAY)
  t.is(firstOf(world, fresh), null, 'both are braked: it waits')
  const decision = world.decide({ ...world.inputOf(fresh), memory: world.nodes[0]!.memory })
  t.alike(decision.about, next)
  t.is(decision.conditions.find(({ ok }) => ok === false)?.id, 'brake')
  world.nowMs += DAY
  t.is(firstOf(world, fresh), toHex(next), 'a day later it goes on')
})

test('S46 a first install passes over a paused release too, and an aborted one for good', (t) => {
  const { world, first, next } = fleet({})
  world.run(4 * HOUR, () => world.nodes.every(({ decision }) => decision?.completed.length === 2))
  const fresh = world.addNode()
  world.control(next, { action: 'pause' })
  t.is(firstOf(world, fresh), toHex(first))
  world.control(next, { action: 'abort' })
  t.is(firstOf(world, fresh), toHex(first))
})
