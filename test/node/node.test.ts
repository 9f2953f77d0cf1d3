// One whole node in a box: real conductor, intake, evidence and upgrade machine; machine, feeds and
// network are fakes at the ports. Events come in, and what is done is read off in its order.
import test, { type TestContext } from 'brittle'
import { HOUR, isOtaError, MINUTE, OtaError, SECOND } from '../../lib/base/index.ts'
import type { Release, Statement } from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { toName } from '../../lib/trust/index.ts'
import {
  foundNetwork,
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
import { Box, settle } from './box.ts'

const network = foundNetwork({ membership: 'open' })
const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 1 })

function release(seq: number, fields: Partial<Release> = {}): Statement {
  const body = makeRelease(network.id, { seq, label: `${seq}.0.0`, policy, ...fields })
  return signRelease(network.id, body)
}

const first = release(1)
const second = release(2)
const nameOf = (statement: Statement): string => toName(idOfStatement(statement))

async function box(t: TestContext, options: Parameters<typeof Box.open>[1] = {}): Promise<Box> {
  const opened = await Box.open(network, options)
  t.teardown(() => opened.close())
  return opened
}

/** A node that runs the first release. */
async function running(t: TestContext): Promise<Box> {
  const it = await box(t)
  await it.take(network.first, first)
  await it.node.attach()
  await it.run(20 * MINUTE)
  t.is(it.node.runs(), nameOf(first))
  it.deeds.length = 0
  return it
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
  return 'accepted'
}

test('a first install goes through, each deed behind its line in the journal', async (t) => {
  const it = await box(t)
  await it.take(network.first, first)
  await it.node.attach()
  await it.run(SECOND)
  const steps = it.deeds.filter((deed) => /^journal \d|^do (?!route|keep|report)/.test(deed))
  t.alike(steps.slice(0, 12), [
    'journal 1',
    'do preflight',
    'do fetch',
    'journal 2',
    'do verify',
    'journal 3',
    'do place',
    'journal 4',
    'do prepare',
    'journal 6',
    'journal 7',
    'do confirm'
  ])
  t.alike(steps.slice(12, 16), ['journal 13 exec attempts', 'do start', 'journal 14', 'do flip'])
  t.is(it.node.runs(), nameOf(first))
  t.is((await it.node.status()).state, 'trial')
  await it.run(20 * MINUTE)
  const status = await it.node.status()
  t.alike([status.state, status.running?.label, status.held], ['idle', '1.0.0', false])
  t.alike(status.attempts, [{ release: nameOf(first), count: 1 }])
  t.alike(it.failures, [])
})

test('a journal that cannot be written: nothing is performed, and nothing follows', async (t) => {
  const it = await box(t)
  await it.take(network.first, first)
  it.machine.beforeAppend = () => {
    throw new OtaError('NO_SPACE', 'the journal cannot be written')
  }
  await it.node.attach()
  await it.run(HOUR)
  t.alike(it.deeds, [], 'no command without its line')
  t.is(it.failures.length, 1)
  t.ok(isOtaError(it.failures[0], 'NO_SPACE'))
})

test('a journal that breaks half-way stops the upgrade there; the app goes on', async (t) => {
  for (const edge of [1, 2, 3, 4, 6, 7, 13, 14, 15]) {
    const it = await running(t)
    it.machine.beforeAppend = (lines) => {
      const isIt = lines.some((line) => line.tag === 'edge' && line.edge === edge)
      if (isIt) throw new OtaError('NO_PERMISSION', 'read-only')
    }
    await it.take(second)
    await it.run(20 * MINUTE)
    const edges = it.machine.lines.filter((line) => line.tag === 'edge').map((line) => line.edge)
    if (it.failures.length !== 1) t.fail(`${it.failures.length} failures at edge ${edge}`)
    if (edges.lastIndexOf(edge) > edges.lastIndexOf(18)) t.fail(`edge ${edge} was passed`)
    if (it.machine.slots.a?.release !== nameOf(first)) t.fail(`the app ended at edge ${edge}`)
    const flips = it.deeds.filter((deed) => deed === 'do flip').length
    if (flips !== (edge === 15 ? 1 : 0)) t.fail(`${flips} flips at edge ${edge}`)
    await it.close()
  }
  t.pass('nine edges')
})

test('after a crash at any of these edges the next start ends the upgrade', async (t) => {
  for (const edge of [1, 4, 7, 13, 14, 15]) {
    const before = await running(t)
    before.machine.beforeAppend = (lines) => {
      const isIt = lines.some((line) => line.tag === 'edge' && line.edge === edge)
      if (isIt) throw new OtaError('NO_SPACE', 'full')
    }
    await before.take(second)
    await before.run(MINUTE)
    await before.close()
    before.machine.beforeAppend = () => {}
    before.machine.recover(true)
    const after = await box(t, { before })
    await after.node.attach()
    await after.run(HOUR)
    t.is(after.node.runs(), nameOf(second), `edge ${edge}`)
    t.alike(after.failures, [])
    await after.close()
  }
})

test('nothing is published that is not durable, and a restart says the same again', async (t) => {
  const it = await running(t)
  const { published } = it.wire
  t.ok(published.length > 0, 'a member tells what it runs')
  await it.take(second)
  await it.run(HOUR)
  const saying = it.deeds.filter((deed) => deed === 'publish' || deed === 'append said')
  t.is(saying[0], 'append said')
  const before = published.map((bytes) => bytes.join())
  const words = new Set(before)
  await it.close()
  it.machine.recover(true)
  const again = await box(t, { before: it })
  await again.node.attach()
  const told = again.wire.published.map((bytes) => bytes.join())
  t.ok(told.length > 0 && told.every((bytes) => words.has(bytes)), 'byte for byte')
})

test('a statement that cannot be kept is not said', async (t) => {
  const it = await running(t)
  const count = it.wire.published.length
  it.disk.beforeWrite = (_, path) => {
    if (path === 'home/said') throw new OtaError('NO_SPACE', 'full')
  }
  await it.take(second)
  await it.run(4 * HOUR)
  t.is(it.wire.published.length, count)
  t.is(it.failures.length, 1)
})

test('S19 a signer removed between the turn and the cut-over: nothing is started', async (t) => {
  const it = await running(t)
  const without = makeTrust({
    version: 2,
    membership: 'open',
    roles: { release: { members: [1, 3], threshold: 2 } }
  })
  it.machine.beforeAppend = async (lines) => {
    const isTurn = lines.some((line) => line.tag === 'edge' && line.edge === 7)
    if (isTurn) await it.take(signTrust(network.id, without, [1, 2]))
  }
  await it.take(second)
  await it.run(HOUR)
  t.ok(it.deeds.includes('do confirm'), 'it had its turn')
  const guards = it.told.findLast(({ event }) => event === 'guards')
  t.is(guards?.facts['why'], '1 of 2 signatures (p1) under trust 2')
  t.absent(it.deeds.includes('do start'))
  t.is(it.node.runs(), nameOf(first), 'what is installed stays, although it lost its quorum too')
  t.is(it.machine.state.op?.state ?? 'idle', 'waiting')
  t.is((await it.node.why(nameOf(second))).first, 'signatures')
})

test('an abort that comes between the turn and the cut-over is in time', async (t) => {
  const it = await running(t)
  const abort = makeControl(network.id, idOfStatement(second), { action: 'abort' })
  it.machine.beforeAppend = async (lines) => {
    const isTurn = lines.some((line) => line.tag === 'edge' && line.edge === 7)
    if (isTurn) await it.take(signControl(network.id, abort))
  }
  await it.take(second)
  await it.run(HOUR)
  t.absent(it.deeds.includes('do start'))
  t.is(it.machine.state.op, null)
  const status = await it.node.status()
  t.alike(status.quarantine, [
    { release: nameOf(second), why: 'fleet', code: 'HALTED', retryMs: null }
  ])
})

test('S47 a clock that is off holds, and is an alarm; set right, the node goes on', async (t) => {
  const it = await running(t)
  it.wire.skewMs = 2 * HOUR
  await it.take(second)
  await it.run(10 * MINUTE)
  t.is(it.node.runs(), nameOf(first))
  t.ok((await it.node.status()).alarms.includes('CLOCK_SKEW'))
  it.wire.skewMs = null
  it.wire.changed('peers')
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
})

test('a version that does not stay up is taken back, told and kept from starting', async (t) => {
  const it = await running(t)
  it.machine.broken.add(nameOf(second))
  await it.take(second)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(first))
  const report = it.told.findLast(({ event }) => event === 'report')
  t.alike([report?.facts['result'], report?.facts['why']], ['failed', 'own'])
  t.ok((await it.node.status()).quarantine.some(({ why }) => why === 'own'))
})

test('an operator’s hold is journaled, kept over a restart, and lifted', async (t) => {
  const it = await running(t)
  t.is(await it.node.hold(), true)
  t.is(await it.node.hold(), false, 'it holds already')
  await it.take(second)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(first))
  t.is(await codeOf(it.node.apply(nameOf(second))), 'HELD')
  await it.close()
  it.machine.recover(false)
  const after = await box(t, { before: it })
  t.is((await after.node.status()).held, true)
  await after.node.attach()
  await after.node.unhold()
  await after.run(HOUR)
  t.is(after.node.runs(), nameOf(second))
})

test('an operator’s words that cannot be done are refused by code', async (t) => {
  const it = await running(t)
  t.is(await codeOf(it.node.rollback()), 'ROLLBACK_REFUSED')
  t.is(await codeOf(it.node.apply(nameOf(first))), 'NOTHING_TO_DO')
  t.is(await codeOf(it.node.apply('abcdef')), 'USAGE')
  t.is(await codeOf(it.node.apply(nameOf(first).slice(0, 5))), 'USAGE', 'five are too few')
  t.is(await codeOf(it.node.why('abcdef')), 'USAGE')
  t.is((await it.node.why(nameOf(first).slice(0, 6))).state, 'running')
  const told: string[] = []
  const end = it.node.onEvent((event) => told.push(event))
  await it.take(second)
  await it.run(HOUR)
  t.ok(told.includes('edge') && told.includes('rollout'))
  end()
  told.length = 0
  const back = await it.node.rollback()
  t.alike(back, { from: nameOf(second), to: nameOf(first), leaves: null })
  await settle()
  t.is(it.node.runs(), nameOf(first))
  t.alike(told, [], 'who has left hears nothing')
})

test('at level stage an operator’s yes is what a release waits for', async (t) => {
  const before = await running(t)
  await before.close()
  before.machine.recover(true)
  const it = await box(t, { before, level: 'stage' })
  await it.node.attach()
  await it.take(second)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(first))
  t.is(it.machine.state.op?.state, 'waiting', 'it is fetched and lies ready')
  t.alike(await it.node.apply(''), { release: nameOf(second), waits: null })
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
})

test('a block of a feed is judged like any statement, and junk is told apart', async (t) => {
  const it = await running(t)
  const onBlock = it.store.onBlockOf!
  t.is(await onBlock(idOf(9), 0, wire(second)), true)
  t.is(await onBlock(idOf(9), 1, Uint8Array.of(1, 2, 3)), false)
  it.store.onAlarmOf!({ code: 'FEED_FORK', text: 'one index, two blocks', feed: idOf(9) } as never)
  t.ok((await it.node.status()).alarms.includes('FEED_FORK'))
})

test('closed, a node does nothing more, whatever comes', async (t) => {
  const it = await running(t)
  await it.close()
  await it.close()
  await it.take(second)
  it.machine.tell({ tag: 'exited', slot: 'a', restarting: false })
  await it.run(HOUR)
  t.alike(it.deeds, [])
  t.is(it.clock.step(Infinity), false, 'no timer is left')
})
