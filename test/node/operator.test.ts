// An operator says no, and it stays no: over restarts, until it is taken back, and no further.
import test, { type TestContext } from 'brittle'
import { DAY, HOUR, isOtaError, MINUTE } from '../../lib/base/index.ts'
import { zoneOffset } from '../../lib/cli/node/config/zone.ts'
import type { NodeOptions } from '../../lib/node/index.ts'
import type { Release, Statement, Window } from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { toName } from '../../lib/trust/index.ts'
import {
  foundNetwork,
  idOfStatement,
  makeRelease,
  signRelease,
  testNowMs
} from '../tools/people.ts'
import { Box, type BoxOptions } from './box.ts'

const network = foundNetwork({ membership: 'open' })
const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 1 })

function release(seq: number, fields: Partial<Release> = {}): Statement {
  const body = makeRelease(network.id, { seq, label: `${seq}.0.0`, policy, ...fields })
  return signRelease(network.id, body)
}

const [first, second] = [release(1), release(2)]
/** It ends the one before, so that it need not wait for it. */
const third = release(3, { supersedes: idOfStatement(second) })
const nameOf = (statement: Statement): string => toName(idOfStatement(statement))

async function box(t: TestContext, options: BoxOptions = {}): Promise<Box> {
  const opened = await Box.open(network, options)
  t.teardown(() => opened.close())
  return opened
}

/** A node that runs the first release, with an operator who wants this. */
async function running(t: TestContext, wants: Partial<NodeOptions> = {}): Promise<Box> {
  const it = await box(t, { wants })
  await it.take(network.first, first)
  await it.node.attach()
  await it.run(20 * MINUTE)
  t.is(it.node.runs(), nameOf(first))
  it.deeds.length = 0
  return it
}

async function again(t: TestContext, it: Box, wants: Partial<NodeOptions> = {}): Promise<Box> {
  await it.close()
  it.machine.recover(true)
  const after = await box(t, { before: it, wants })
  await after.node.attach()
  return after
}

async function refused(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
  return 'accepted'
}

async function unmet(it: Box): Promise<string | undefined> {
  const { conditions, first: id } = await it.node.why(null)
  return conditions.find((one) => one.id === id)?.text
}

test('a hold with an end is over by itself, and its reason is shown until then', async (t) => {
  const it = await running(t)
  const untilMs = testNowMs + 20 * MINUTE + 5 * HOUR
  t.is(await refused(it.node.hold({ untilMs: testNowMs })), 'USAGE', 'an end that is over')
  t.ok(await it.node.hold({ untilMs, reason: 'fair' }))
  t.absent(await it.node.hold({ untilMs, reason: 'fair' }), 'said twice is said once')
  t.alike((await it.node.status()).hold, { untilMs, reason: 'fair' })
  await it.take(second)
  await it.run(4 * HOUR)
  t.is(it.node.runs(), nameOf(first))
  t.is(await unmet(it), 'held here fair')
  await it.run(2 * HOUR)
  t.is(it.node.runs(), nameOf(second))
  t.is((await it.node.status()).hold, null)
})

test('a hold that ended while the daemon was off ends at its next start', async (t) => {
  const it = await running(t)
  await it.node.hold({ untilMs: testNowMs + 30 * MINUTE, reason: 'x' })
  await it.take(second)
  const after = await again(t, it)
  t.ok((await after.node.status()).held, 'the clock of the box begins anew')
  await after.run(2 * HOUR)
  t.is(after.node.runs(), nameOf(second))
})

test('a pin keeps every other release off, also after a restart', async (t) => {
  const it = await running(t)
  t.alike(await it.node.pin(nameOf(first).slice(0, 8)), { release: nameOf(first), changed: true })
  await it.take(second)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(first))
  t.is(await refused(it.node.apply('')), 'HELD')
  const after = await again(t, it)
  await after.run(HOUR)
  t.is(after.node.runs(), nameOf(first))
  t.is((await after.node.status()).pinned, nameOf(first))
  t.ok((await unmet(after))?.startsWith('pinned to '))
  t.ok((await after.node.pin(null)).changed)
  await after.run(HOUR)
  t.is(after.node.runs(), nameOf(second))
})

test('a skip passes one release over and takes the next', async (t) => {
  const it = await running(t)
  await it.take(second)
  await it.node.skip(nameOf(second), true)
  await it.run(DAY)
  t.is(it.node.runs(), nameOf(first))
  t.is(await unmet(it), 'skipped')
  await it.take(third)
  await it.run(DAY)
  t.is(it.node.runs(), nameOf(third))
  t.is(await refused(it.node.skip('nothing', true)), 'USAGE')
})

test('a skip that is taken back is as if it had not been', async (t) => {
  const it = await running(t)
  await it.take(second)
  await it.node.skip(nameOf(second), true)
  await it.run(HOUR)
  t.alike(await it.node.skip(nameOf(second), false), { release: nameOf(second), changed: true })
  t.absent((await it.node.skip(nameOf(second), false)).changed)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
})

// The clock of a box begins on Thursday, 9 October 2025, 8:53 UTC; Berlin is two hours ahead.
const night: Window = { days: 127, startMinute: 120, lengthMs: 3 * HOUR, tz: 'Europe/Berlin' }
const windowed = { windows: [night], zone: zoneOffset }

test('outside of its window a node fetches and waits; inside it goes on', async (t) => {
  const it = await running(t, windowed)
  await it.take(second)
  await it.run(10 * HOUR)
  t.is(it.node.runs(), nameOf(first))
  t.is(it.machine.state.op?.state, 'waiting', 'it is fetched and lies ready')
  t.ok(/^window closed, opens in 4 h 4\d min$/.test((await unmet(it)) ?? ''))
  await it.run(4 * HOUR)
  t.is(it.node.runs(), nameOf(first))
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
})

test('a first install waits for no window: nothing runs that it would protect', async (t) => {
  const it = await running(t, windowed)
  t.is(it.node.runs(), nameOf(first))
})

test('with --skip-window a release comes outside of the window, and only that one', async (t) => {
  const it = await running(t, windowed)
  await it.take(second)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(first))
  const plain = await it.node.apply('')
  t.ok(plain.waits?.startsWith('window closed'), 'a yes alone opens no window')
  const how = { now: false, skipWindow: true }
  t.alike(await it.node.apply('', how), { release: nameOf(second), waits: null })
  await it.run(20 * MINUTE)
  t.is(it.node.runs(), nameOf(second))
  await it.take(third)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
})

test('a window in a zone that nobody knows stays shut, and says so', async (t) => {
  const windows = [{ ...night, tz: 'Europe/Atlantis' }]
  const it = await running(t, { windows, zone: zoneOffset })
  await it.take(second)
  await it.run(2 * DAY)
  t.is(it.node.runs(), nameOf(first))
  t.is(await unmet(it), 'window in the time zone "Europe/Atlantis", unknown here')
})

test('who asks first is asked once, also when the release does not ask', async (t) => {
  const it = await again(t, await running(t), { consent: 'ask' })
  await it.take(second)
  await it.run(DAY)
  t.is(it.node.runs(), nameOf(first))
  t.is(await unmet(it), 'asks first: waits for `ota-node apply`')
  await it.node.apply('')
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
})

test('a delay of one’s own is drawn once: a restart neither shortens nor renews it', async (t) => {
  const wants = { jitterMs: 10 * DAY }
  const taken = async (restart: boolean): Promise<number> => {
    let it = await running(t, wants)
    await it.take(second)
    await it.run(10 * MINUTE)
    t.is(await unmet(it), 'own drawn delay')
    const { nextAtMs } = await it.node.why(null)
    if (restart) it = await again(t, it, wants)
    t.is((await it.node.why(null)).nextAtMs ?? nextAtMs, nextAtMs)
    await it.run(6 * HOUR)
    t.is(it.node.runs(), nameOf(second))
    return nextAtMs ?? 0
  }
  t.is(await taken(true), await taken(false))
})

test('--now passes the own delay', async (t) => {
  const it = await running(t, { jitterMs: 10 * DAY })
  await it.take(second)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(first))
  const { waits } = await it.node.apply('', { now: true, skipWindow: false })
  t.is(waits, null)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
})

test('S50 a release that asks for what is not here is refused once; why says what', async (t) => {
  const it = await running(t)
  it.machine.unfit.add(nameOf(second))
  await it.take(second)
  await it.run(DAY)
  t.is(it.node.runs(), nameOf(first))
  t.is(it.deeds.filter((deed) => deed === 'do preflight').length, 1, 'fetched once')
  t.is(await unmet(it), 'its ota.json asks for what this machine does not have')
  t.is(await refused(it.node.apply('')), 'NOT_ELIGIBLE')
  await it.take(third)
  await it.run(DAY)
  t.is(it.node.runs(), nameOf(third), 'another one is no worse for it')
})

test('labels are kept, one goes with an empty value, what is no label is refused', async (t) => {
  const it = await running(t)
  t.alike(await it.node.label({ site: 'berlin', ring: 'a' }), { site: 'berlin', ring: 'a' })
  t.alike(await it.node.label({ ring: '' }), { site: 'berlin' })
  t.is(await refused(it.node.label({ 'no good': 'x' })), 'USAGE')
  t.is(await refused(it.node.label({ site: 'a\nb' })), 'USAGE')
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`l${n}`, 'x']))
  t.is(await refused(it.node.label(many)), 'USAGE')
  const after = await again(t, it)
  t.alike((await after.node.status()).labels, { site: 'berlin' })
})

test('what cannot be gone back to, kept or cleared is refused by code', async (t) => {
  const it = await running(t)
  t.is(await refused(it.node.rollback()), 'ROLLBACK_REFUSED')
  t.is(await refused(it.node.keep()), 'NOTHING_TO_DO')
  t.is(await refused(it.node.clear(nameOf(first))), 'NOTHING_TO_DO')
  await it.take(second)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second))
  t.is(await refused(it.node.rollback({ to: nameOf(third) })), 'ROLLBACK_REFUSED')
  t.is(await refused(it.node.rollback({ to: nameOf(first).slice(0, 3) })), 'ROLLBACK_REFUSED')
  const { from, to } = await it.node.rollback({ to: nameOf(first).slice(0, 8) })
  t.alike([from, to], [nameOf(second), nameOf(first)])
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(first))
  t.is(await it.node.clear(nameOf(second)), nameOf(second))
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(second), 'out of quarantine it is taken again')
})

test('a release is named by its label where only one bears it, else by its id', async (t) => {
  const it = await running(t)
  const twin = release(4, { label: '2.0.0', supersedes: idOfStatement(second) })
  await it.take(second)
  t.alike(await it.node.skip('2.0.0', true), { release: nameOf(second), changed: true })
  t.is((await it.node.why('1.0.0')).release, nameOf(first))
  await it.take(twin)
  t.is(await refused(it.node.skip('2.0.0', true)), 'USAGE', 'two of them bear it')
  t.is((await it.node.skip(nameOf(twin).slice(0, 8), true)).release, nameOf(twin))
  for (const text of ['', '9.9.9', nameOf(first).slice(0, 5)]) {
    t.is(await refused(it.node.skip(text, true)), 'USAGE', `"${text}"`)
  }
})

test('nothing stands against what runs, for being what runs', async (t) => {
  const it = await running(t)
  const why = await it.node.why(nameOf(first))
  t.alike([why.state, why.sentence], ['running', 'running: 1.0.0'])
  const of = (id: string) => why.conditions.find((one) => one.id === id)
  t.is(of('order')?.ok, true)
  t.is(of('ready')?.ok ?? true, true)
})
