// What a node does with chains, numbers and ways back: one intake, or one whole node in a box whose
// machine, feeds and network are fakes at the ports.
import test, { type TestContext } from 'brittle'
import { isPeerFault } from '../../lib/authority/index.ts'
import { concat, HOUR, isOtaError, MINUTE, SECOND, type Bytes } from '../../lib/base/index.ts'
import {
  encodeCanonical,
  encodeBody,
  encodeTrust,
  type AuthId,
  type Release,
  type Statement
} from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { toName } from '../../lib/trust/index.ts'
import { Box } from '../node/box.ts'
import { nodeOf, told } from '../tools/authority.ts'
import {
  entryOf,
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeEra,
  makeRelease,
  makeTrust,
  signControl,
  signed,
  signRelease,
  signTrust,
  testNowMs,
  unsigned,
  wire
} from '../tools/people.ts'

const network = foundNetwork()

/** Root moves on by one person a version: two of the last trust sign, none can be skipped. */
function chainTo(last: number): readonly Statement[] {
  return Array.from({ length: last - 1 }, (_, i) => {
    const version = i + 2
    const roles = { root: { members: [version, version + 1, version + 2], threshold: 2 } }
    return signTrust(network.id, makeTrust({ version, roles }), [version, version + 1])
  })
}

test('S20 of 1,025 trusts in a feed each is one step, and a restart keeps them', async (t) => {
  const chain = chainTo(1_025)
  const node = await nodeOf(network)
  await node.take(...chain.slice(0, 512))
  t.is(node.authority.believed.trust?.body.version, 513)
  const again = await node.restart()
  t.is(again.authority.believed.trust?.body.version, 513, 'what was walked stays walked')
  t.is(told(await again.take(chain.at(-1)!)), 'refused TRUST_GAP', 'no jump over the rest')
  await again.take(...chain.slice(512, -1))
  t.is(again.authority.believed.trust?.body.version, 1_025, 'the last one was waiting for it')

  const skipping = await nodeOf(network)
  const last = makeTrust({ version: 1_025, roles: { root: { members: [1, 2, 3], threshold: 2 } } })
  t.is(told(await skipping.take(signTrust(network.id, last, [1, 3]))), 'admitted', 'no walk')
})

test('S20 a chain that peers list is asked for newest first and walked all the same', async (t) => {
  const chain = chainTo(200)
  const all = new Map(chain.map((one) => [toName(idOfStatement(one)), one]))
  const ids: readonly AuthId[] = chain.map((one, i) => {
    return { type: 1, id: idOfStatement(one), a: i + 2, b: 0, sigs: one.entries.length }
  })
  let node = await nodeOf(network)
  const versions: number[] = []
  // The peer lists what it has; the node asks for the most urgent 64, frame after frame.
  for (let frame = 0; frame < 100; frame++) {
    const asked = node.authority.wants(ids).slice(0, 64)
    if (asked.length === 0) break
    t.alike(asked[0], newestOf(ids, asked), 'newest first')
    for (const id of asked) await node.take(all.get(toName(id))!)
    versions.push(node.authority.believed.trust!.body.version)
    if (frame === 4) node = await node.restart()
  }
  t.comment(`trust after each frame: ${versions.join(' ')}`)
  t.is(versions.at(-1), 200)
  t.alike(
    versions,
    versions.toSorted((a, b) => a - b),
    'it never falls, not over a restart either'
  )
})

function newestOf(ids: readonly AuthId[], asked: readonly Bytes[]): Bytes | undefined {
  const names = new Set(asked.map(toName))
  return ids.findLast(({ id }) => names.has(toName(id)))?.id
}

test('S24 the version of a trust and each date have 53 bits and no more', async (t) => {
  const node = await nodeOf(network)
  const huge = Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0x20, 0)
  const trust = encodeTrust(makeTrust({ version: 0xfffffff }))
  const era = encodeBody({
    tag: 'era',
    era: makeEra(network.id, { action: 'date', at: 0xfffffff })
  }).bytes
  for (const [type, body] of [
    [1, trust],
    [4, era]
  ] as const) {
    const at = Buffer.from(body).indexOf(Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f]))
    t.ok(at > 0)
    const swollen = concat([body.subarray(0, at), huge, body.subarray(at + 5)])
    const canonical = encodeCanonical(network.id, type, swollen)
    const bare = { network: network.id, type, body: swollen, canonical, entries: [] }
    const bytes = wire(signed(bare, [1, 2]))
    t.is(told(await node.authority.intake(bytes, 'test')), 'refused NOT_CANONICAL')
  }
})

test('S25 who brings the first trust of another network is to blame', async (t) => {
  const node = await nodeOf(network)
  const foreign = await node.take(foundNetwork({ name: 'elsewhere' }).first)
  t.is(told(foreign), 'refused BOOTSTRAP_MISMATCH')
  t.ok(isPeerFault(foreign), 'it counts as a reject')
  const early = await node.take(signRelease(network.id, makeRelease(network.id), [1]))
  t.absent(isPeerFault(early), 'a draft is nobody’s fault')
})

test('S36 signatures unite over hours and restarts, each known once', async (t) => {
  const three = foundNetwork({ roles: { release: { members: [1, 2, 3], threshold: 3 } } })
  const bare = unsigned(three.id, { tag: 'release', release: makeRelease(three.id) })
  let node = await nodeOf(three)
  const words: string[] = []
  for (const n of [3, 1, 1, 2]) {
    node = await node.restart()
    const verdict = await node.take({ ...bare, entries: [entryOf(bare, n)] })
    words.push(verdict.tag === 'pending' ? `${verdict.have}/${verdict.need}` : verdict.tag)
  }
  t.alike(words, ['1/3', '2/3', '2/3', 'admitted'])
  node = await node.restart()
  t.is(node.authority.believed.releases.length, 1)
  t.absent(
    node.events.some(({ event }) => event === 'authority.admitted'),
    'a restart is no news'
  )
})

const open = foundNetwork({ membership: 'open' })
const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 1 })

function release(seq: number, fields: Partial<Release> = {}, signers = [1, 2]): Statement {
  const body = makeRelease(open.id, { seq, label: `${seq}.0.0`, policy, ...fields })
  return signRelease(open.id, body, signers)
}

const nameOf = (statement: Statement): string => toName(idOfStatement(statement))

async function box(t: TestContext, ...statements: readonly Statement[]): Promise<Box> {
  const opened = await Box.open(open)
  t.teardown(() => opened.close())
  await opened.take(open.first, ...statements)
  await opened.node.attach()
  await opened.run(20 * MINUTE)
  return opened
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
  return 'taken'
}

const oldest = release(1)
const middle = release(3)
const newest = release(5)

test('S41 what lies below the installed release is not installed, by nobody’s leave', async (t) => {
  const it = await box(t, middle)
  await it.take(newest)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(newest))
  const { fetched } = it.store
  await it.take(oldest, middle, oldest)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(newest), 'offered late and replayed')
  t.is(it.store.fetched, fetched, 'nor fetched')
  t.is(await codeOf(it.node.apply(nameOf(oldest))), 'ROLLBACK_REFUSED', 'asked for')
  t.is(await codeOf(it.node.apply(nameOf(middle))), 'ROLLBACK_REFUSED', 'it ran here before')
  const { conditions } = await it.node.why(nameOf(oldest))
  t.is(conditions.find(({ id }) => id === 'order')?.ok, false)
})

function control(of: Statement, fields: Parameters<typeof makeControl>[2]): Statement {
  return signControl(open.id, makeControl(open.id, idOfStatement(of), fields))
}

test('S41 an abort of the installed release opens the way back, above its floor', async (t) => {
  const it = await box(t, middle)
  await it.take(newest)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(newest))
  await it.take(control(newest, { action: 'abort' }))
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(middle))
  t.is(await codeOf(it.node.apply(nameOf(newest))), 'QUARANTINED', 'and not forward again')

  const floored = await box(t, oldest)
  await floored.take(middle)
  await floored.run(HOUR)
  t.is(floored.node.runs(), nameOf(middle))
  await floored.take(newest, control(middle, { action: 'abort', floor: { tag: 'self' } }))
  await floored.run(SECOND)
  t.unlike(floored.node.runs(), nameOf(oldest), 'below the floor no abort takes anybody')
})

test('S91 what lost its quorum runs on where it runs, and is installed nowhere anew', async (t) => {
  const roles = { release: { members: [2, 11, 12], threshold: 2 } }
  const second = signTrust(open.id, makeTrust({ version: 2, membership: 'open', roles }), [1, 2])
  const it = await box(t, oldest)
  await it.take(second)
  await it.run(HOUR)
  t.is(it.authority.believed.releases.length, 0)
  t.is(it.node.runs(), nameOf(oldest), 'it runs on')
  const fresh = await box(t, oldest, second)
  await fresh.run(HOUR)
  t.is(fresh.node.runs(), null, 'no fresh install')
  const { conditions } = await fresh.node.why(nameOf(oldest))
  const lack = conditions.find(({ id }) => id === 'signatures')
  t.alike([lack?.ok, lack?.have, lack?.need], [false, 1, 2], lack?.text)
  await fresh.take(signed({ ...oldest, entries: [] }, [11]))
  await fresh.run(HOUR)
  t.is(fresh.node.runs(), nameOf(oldest), 'a new signer signs the same statement')
})

/** Tells the upgrade machine to leave what runs, as a verdict of the fleet or an abort does. */
async function undo(it: Box, running: Statement): Promise<void> {
  const atMs = it.clock.wallMs()
  it.machine.tell({ tag: 'undo', release: nameOf(running), atMs, why: 'aborted' })
  await it.run(HOUR)
}

const alarmsOf = (it: Box): readonly unknown[] => it.told.map(({ facts }) => facts['code'])

/** The slot that serves now. */
const slotOf = (it: Box): 'a' | 'b' => it.machine.routed ?? 'a'

test('S97 a take-back asks nobody who signed the version it goes back to', async (t) => {
  const it = await box(t, release(1, {}, [1, 3]))
  const before = it.node.runs()
  const next = release(2, {}, [2, 3])
  await it.take(next)
  // Into its trial, and not to the end of it.
  for (let i = 0; i < 60 && it.machine.state.op?.state !== 'trial'; i++) await it.run(MINUTE)
  t.is(it.machine.state.op?.state, 'trial')
  const roles = { release: { members: [2, 3, 11], threshold: 2 } }
  const second = signTrust(open.id, makeTrust({ version: 2, membership: 'open', roles }), [1, 2])
  await it.take(second)
  t.alike(
    it.authority.believed.releases.map(({ body }) => body.seq),
    [2],
    'the one before is permitted no more'
  )
  it.machine.tell({ tag: 'unhealthy', slot: slotOf(it) })
  await it.run(MINUTE)
  t.is(it.node.runs(), before)
  t.is(it.machine.state.quarantine.find(({ release: id }) => id === nameOf(next))?.why, 'own')
})

test('S97 below a floor one goes only to survive; where nothing is left one stays', async (t) => {
  const it = await box(t, oldest)
  const fix = release(2, { floor: { tag: 'self' } })
  await it.take(fix)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(fix))
  await it.take(control(fix, { action: 'abort' }))
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(fix), 'an abort undoes no floor')
  t.ok(alarmsOf(it).includes('NOTHING_PERMITTED'), 'and that it leads nowhere is said')
  await undo(it, fix)
  t.is(it.node.runs(), nameOf(fix), 'nor does the machine, if it is told to')
  t.ok(alarmsOf(it).includes('NOTHING_PERMITTED'))

  const crashing = await box(t, oldest)
  crashing.machine.broken.add(nameOf(fix))
  await crashing.take(fix)
  await crashing.run(HOUR)
  t.is(crashing.node.runs(), nameOf(oldest), 'its own crash loop does')
})

test('S97 a first version that fails has nothing behind it, and keeps what is alive', async (t) => {
  const it = await box(t, oldest)
  await it.take(control(oldest, { action: 'abort' }))
  await it.run(HOUR)
  t.ok(alarmsOf(it).includes('NOTHING_PERMITTED'), 'an abort that leads nowhere is said')
  await undo(it, oldest)
  t.is(it.node.runs(), nameOf(oldest))
  t.ok(alarmsOf(it).includes('NOTHING_PERMITTED'))
  t.is(it.machine.routed, slotOf(it), 'its port is open')
})

test('S23 S96 a release under a trust that raised the epoch needs no reset anywhere', async (t) => {
  const it = await box(t, release(2 ** 32 - 1))
  t.ok(it.node.runs()?.length === 52, 'the highest number there is runs')
  const second = signTrust(open.id, makeTrust({ version: 2, epoch: 2, membership: 'open' }), [1, 2])
  const head: Release['head'] = headUnder(2, idOfStatement(second), testNowMs)
  const next = release(5, { head, epoch: 2 })
  await it.take(second, next)
  await it.run(HOUR)
  t.is(it.node.runs(), nameOf(next), 'who installed it goes on')
  const late = await box(t, release(2 ** 32 - 1), second, next)
  t.is(late.node.runs(), nameOf(next), 'who never did, never does')
})
