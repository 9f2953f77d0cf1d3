// A whole node, and whole fleets, under what a quorum says while a release is on its way: a signer
// goes, a release is stopped in its trial, old refusals come again, a widen asks for too much.
import test, { type TestContext } from 'brittle'
import { HOUR, MINUTE, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Control, Policy, Release, Statement } from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { Box } from '../node/box.ts'
import { World } from '../rollout/world.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signed,
  signRelease,
  signTrust,
  testNowMs
} from '../tools/people.ts'

const network = foundNetwork({ membership: 'open' })
const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 1 })

function release(seq: number, fields: Partial<Release> = {}): Statement {
  const body = makeRelease(network.id, { seq, label: `${seq}.0.0`, policy, ...fields })
  return signRelease(network.id, body)
}

const first = release(1)
const second = release(2)
const secondId = idOfStatement(second)
const nameOf = (statement: Statement): string => toName(idOfStatement(statement))

/** A trust that person 2, who signed both releases, is not in any more. */
const without2 = signTrust(
  network.id,
  makeTrust({
    version: 2,
    membership: 'open',
    roles: { release: { members: [1, 3], threshold: 2 } }
  }),
  [1, 2]
)

function control(fields: Partial<Control>, minutes = 1): Statement {
  const head = headUnder(1, network.id, testNowMs + minutes * MINUTE)
  return signControl(network.id, makeControl(network.id, secondId, { head, ...fields }))
}

/** A node that runs the first release. */
async function upgradable(t: TestContext): Promise<Box> {
  const it = await Box.open(network)
  t.teardown(() => it.close())
  await it.take(network.first, first)
  await it.node.attach()
  await it.run(20 * MINUTE)
  t.is(it.node.runs(), nameOf(first))
  it.deeds.length = 0
  it.store.fetched = 0
  return it
}

test('S19 counted at the decision: a release short of a signer is not even fetched', async (t) => {
  const it = await upgradable(t)
  await it.take(second, without2)
  await it.run(HOUR)
  t.is(it.store.fetched, 0)
  const why = await it.node.why(nameOf(second))
  t.alike([why.state, why.first], ['waiting', 'signatures'])
  t.is(why.conditions.find(({ id }) => id === 'signatures')?.code, 'THRESHOLD_NOT_MET')
  t.is(why.sentence, 'waiting: 1 of 2 signatures (p1) under trust 2')
})

test('S19 counted before the bytes are unpacked, and back when a new signer signs', async (t) => {
  const it = await upgradable(t)
  let isTold = false
  it.machine.beforeAppend = async (lines) => {
    const isWanted = lines.some((line) => line.tag === 'edge' && line.edge === 1)
    if (isWanted && !isTold) {
      isTold = true
      await it.take(without2)
    }
  }
  await it.take(second)
  await it.run(HOUR)
  t.ok(isTold, 'it was wanted while it had its quorum')
  t.is(it.store.fetched, 0, 'and nothing of it was unpacked')
  t.is(it.machine.state.op, null)
  t.alike((await it.node.status()).quarantine, [], 'it is no fault of the release')
  await it.take(signed(second, [3]))
  await it.run(2 * HOUR)
  t.is(it.node.runs(), nameOf(second), 'two of the current signers: it goes on')
})

test('S19 counted again after a long fetch: what lost its quorum is placed nowhere', async (t) => {
  const it = await upgradable(t)
  it.store.whileFetching = async () => await it.take(without2)
  await it.take(second)
  await it.run(HOUR)
  t.is(it.store.fetched, 1)
  t.absent(it.deeds.some((deed) => deed === 'do verify' || deed === 'do place'))
  t.is(it.machine.state.op, null)
})

test('S19 counted just before the cut-over; what is committed stays, and says so', async (t) => {
  const it = await upgradable(t)
  it.machine.beforeAppend = async (lines) => {
    const isTurn = lines.some((line) => line.tag === 'edge' && line.edge === 7)
    if (isTurn) await it.take(without2)
  }
  await it.take(second)
  await it.run(HOUR)
  t.ok(it.deeds.includes('do confirm'), 'its turn had come')
  t.absent(it.deeds.includes('do start'))
  t.is(it.node.runs(), nameOf(first), 'which has lost its quorum as well')
  const why = await it.node.why(nameOf(first))
  t.is(why.state, 'running')
  t.ok(why.sentence.startsWith('running: 1.0.0, which stays; '), why.sentence)
  t.ok(why.sentence.endsWith('1 of 2 signatures (p1) under trust 2'), why.sentence)
})

test('S64 an abort in the trial takes back; a pause lets the trial end', async (t) => {
  for (const [action, runs] of [
    ['abort', first],
    ['pause', second]
  ] as const) {
    const it = await upgradable(t)
    await it.take(second)
    const isOnTrial = () => it.machine.state.op?.state === 'trial'
    for (let guard = 0; guard < 100 && !isOnTrial(); guard++) await it.run(2 * MINUTE)
    t.ok(isOnTrial())
    await it.take(control({ action }))
    await it.run(HOUR)
    t.is(it.node.runs(), nameOf(runs), action)
    t.alike(it.failures, [])
    await it.close()
  }
})

test('S65 a pause and an abort that a resume has lifted do not come back', async (t) => {
  for (const action of ['pause', 'abort'] as const) {
    const it = await upgradable(t)
    const refusal = control({ action })
    await it.take(second, refusal)
    await it.run(HOUR)
    t.is(it.store.fetched, 0, action)
    const lifts = [idOfStatement(refusal)]
    await it.take(control({ action: 'resume', resume: 1, lifts }, 2))
    const again = await it.take(refusal)
    t.is(again?.tag, 'known', 'the same bytes, from another carrier')
    await it.take(control({ action: 'resume', resume: 1, lifts: [] }, 3))
    await it.run(4 * HOUR)
    t.is(it.node.runs(), nameOf(second))
    await it.close()
  }
})

test('S66 a widen beyond the signed list is refused where it comes in', async (t) => {
  const it = await upgradable(t)
  await it.take(second)
  for (const stage of [2, 64]) {
    const verdict = await it.take(control({ action: 'widen', stage }))
    t.is(verdict !== null && 'code' in verdict ? verdict.code : null, 'CONTROL_OUT_OF_BOUNDS')
  }
})

/** Three stages; a bake of ten minutes each. */
function stages(nodes: number, more: object = {}): Policy {
  return readPolicyFile(
    {
      plan: 'custom',
      stages: [25, 50, 100].map((share) => ({ share, bake: '10m' })),
      prefetch: '1m',
      shadow: { policy: 'off' },
      gate: { settle: '5s', checkpoints: ['1m', '3m', '10m', '30m', '60m'] },
      deadlines: { migrate: '10s', start: '10s', shadow: '10s' },
      ...more
    },
    { nodes }
  ).policy
}

function fleet(more: object = {}): { world: World; next: Bytes } {
  const world = new World({ nodes: 100, latencyMs: 5_000 })
  world.installed(world.release(1, stages(100)))
  world.run(MINUTE)
  const next = world.release(2, stages(100, more))
  const isBaking = () => world.nodes.every(({ decision }) => decision?.view.phase === 'baking')
  // The bake begins with the quota; the others of the stage have their turns a little later.
  world.run(2 * HOUR, () => isBaking() && world.running(next) >= 6)
  return { world, next }
}

test('S64 a halt takes back who is well too while few are exposed, and leaves them else', (t) => {
  const few = [9, 50, 100].map((share) => ({ share, bake: '10m' }))
  for (const [more, undone] of [
    [{ stages: few, undoSpread: '1m' }, true],
    [{ stages: few, onHalt: 'stop' }, false],
    [{}, false]
  ] as const) {
    const { world, next } = fleet(more)
    const hex = toHex(next)
    const treated = world.nodes.filter(({ running }) => toHex(running!) === hex)
    for (const node of treated.slice(1)) {
      node.failsAtMs = world.nowMs
      node.nextMs = world.nowMs
    }
    world.run(5 * MINUTE)
    t.alike(world.nodes[0]?.decision?.halted, [next])
    t.is(toHex(treated[0]!.running!) !== hex, undone, 'the one that is well')
    t.is(world.running(next) > 0, !undone)
  }
})

const stageOf = (world: World) => world.nodes[0]?.decision?.view.stage

test('S66 a widen skips waiting, never the first bake', (t) => {
  const { world, next } = fleet()
  const run = world.nodes[0]!.memory.runs[toHex(next)]!
  world.control(next, { action: 'widen', stage: 3 })
  world.run(run.bakeMs! + 10 * MINUTE - 1 - world.nowMs)
  t.is(stageOf(world), 1)
  world.run(MINUTE)
  t.is(stageOf(world), 3, 'stage 2 is skipped, bake and all')
})

test('S66 a widen skips no brake: the first bake is one from zero after it', (t) => {
  const { world, next } = fleet()
  world.brake(next, HOUR)
  world.control(next, { action: 'widen', stage: 2 })
  world.run(HOUR + 9 * MINUTE)
  t.is(stageOf(world), 1)
  world.run(2 * MINUTE)
  t.is(stageOf(world), 2)
})

test('S66 a widen skips no halt, not even one that nobody can confirm', (t) => {
  const { world, next } = fleet()
  world.coverage = 800_000
  for (const node of world.nodes) {
    if (toHex(node.running!) !== toHex(next)) continue
    node.failsAtMs = world.nowMs
    node.nextMs = world.nowMs
  }
  world.run(HOUR)
  t.is(world.nodes[0]?.decision?.view.phase, 'stalled', 'crossed, and not covered')
  world.control(next, { action: 'widen', stage: 3 })
  world.run(HOUR)
  t.is(stageOf(world), 1)
  t.is(world.nodes[0]?.decision?.view.phase, 'stalled')
})
