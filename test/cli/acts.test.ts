// What one key says alone, before any process or network: limits, numbers, and what stands against
// a release. Disk in memory, clock driven by hand.
import test from 'brittle'
import { DAY, HOUR, MINUTE, alloc, equal, toText } from '../../lib/base/index.ts'
import { demandRole, runBeacon } from '../../lib/cli/publish/online/beacon.ts'
import { Pool } from '../../lib/crowd/index.ts'
import {
  checkBrakeTime,
  compareBuild,
  draftControl,
  heldRelease,
  highestSeq,
  inForce,
  parseReason,
  readActed,
  refuseUntrue,
  signAttest,
  signBeacon,
  signBrake
} from '../../lib/publish/index.ts'
import { type Evidence } from '../../lib/records/index.ts'
import { SimClock } from '../../lib/sim/clock.ts'
import { sign, verifyEvidence } from '../../lib/trust/index.ts'
import { believing, brake as brakeOf } from '../tools/acts.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  keyOf,
  makeArtifact,
  makeControl,
  makeRelease,
  person,
  signControl,
  signRelease,
  testNowMs,
  testPolicy
} from '../tools/people.ts'
import { codeOf, deskIn, keyed } from './desks.ts'

const at = (nowMs: number) => ({ key: keyed(1), nowMs })
const beaconRole = { beacon: { members: [5] }, build: { members: [6, 7], threshold: 1 } }

function world() {
  const network = foundNetwork({ roles: beaconRole })
  const r1 = signRelease(network.id, makeRelease(network.id))
  const r2 = signRelease(network.id, makeRelease(network.id, { seq: 2 }))
  const believed = believing(network, r1, r2)
  const [first, second] = [r1, r2].map((one) => heldRelease(believed, idOfStatement(one)))
  return { network, believed, first: first!, second: second! }
}

test('a brake says its kind before a colon; too much or nothing is refused', async (t) => {
  t.alike(parseReason('security: keys leak'), { reason: 'security', note: 'keys leak' })
  t.alike(parseReason('data-loss:x'), { reason: 'data-loss', note: 'x' })
  t.alike(parseReason('it is slow: very'), { reason: 'other', note: 'it is slow: very' })
  for (const text of ['', '  ', 'outage:', 'x'.repeat(97)]) {
    t.is(await codeOf(() => parseReason(text)), 'USAGE')
  }
  for (const forMs of [0, MINUTE - 1, DAY + 1]) {
    t.is(await codeOf(() => checkBrakeTime(forMs)), 'USAGE', `${forMs} ms`)
  }
  for (const forMs of [MINUTE, DAY]) t.is(await codeOf(() => checkBrakeTime(forMs)), null)
})

test('one live brake per key and release, three per epoch, over restarts (S104)', async (t) => {
  const { believed, first, second } = world()
  const disk = new MemoryDisk()
  const desk = deskIn(disk)
  const wish = { reason: 'other', note: 'wait', forMs: HOUR } as const
  const said = [await signBrake(desk, believed, { release: first, wish }, at(testNowMs))]
  t.ok(verifyEvidence(said[0]!))
  const again = () => signBrake(desk, believed, { release: first, wish }, at(testNowMs + MINUTE))
  t.is(await codeOf(again), 'CONTROL_OUT_OF_BOUNDS', 'while the first lives')
  said.push(await signBrake(desk, believed, { release: second, wish }, at(testNowMs + MINUTE)))
  const restarted = deskIn(disk.fork())
  const later = at(testNowMs + 2 * HOUR)
  said.push(await signBrake(restarted, believed, { release: first, wish }, later))
  t.alike(
    said.map(({ seq }) => seq),
    [1, 2, 3],
    'numbers rise'
  )
  const fourth = at(testNowMs + 9 * HOUR)
  const more = () => signBrake(restarted, believed, { release: second, wish }, fourth)
  t.is(await codeOf(more), 'CONTROL_OUT_OF_BOUNDS', 'a fourth in the epoch')
  t.is((await readActed(restarted, 'p1')).length, 3)
  const other = { key: keyed(2), nowMs: fourth.nowMs }
  t.is((await signBrake(restarted, believed, { release: second, wish }, other)).seq, 1)

  const pool = new Pool(believed)
  t.is(pool.offer(said[0]!.wire, testNowMs).answer, 'accepted', 'nodes take what is signed here')
  t.is(pool.brakes(hexOf(first.id), testNowMs).live[0]?.note, 'wait')
  t.alike(pool.brakes(hexOf(first.id), testNowMs + HOUR).live, [], 'it ends by itself')
})

test('what is about to be said is on disk before it is signed', async (t) => {
  const { believed, first } = world()
  const disk = new MemoryDisk()
  const desk = deskIn(disk)
  const wish = { reason: 'other', note: 'wait', forMs: HOUR } as const
  let noted = false
  const key = {
    ...keyed(1),
    sign: async (bytes: Uint8Array) => {
      noted = disk.journal.some((line) => line === 'append /home/keys/p1.acts')
      return sign(bytes, person(1))
    }
  }
  await signBrake(desk, believed, { release: first, wish }, { key, nowMs: testNowMs })
  t.ok(noted)
  await disk.append('/home/keys/p1.acts', new Uint8Array([0x62, 0x72]))
  t.is((await readActed(desk, 'p1')).length, 1, 'a torn end was never followed by a signature')
  await disk.append('/home/keys/p1.acts', new Uint8Array([0x62, 0x0a]))
  t.is(await codeOf(() => readActed(desk, 'p1')), 'JOURNAL_DAMAGED')
})

test('a builder attests the released tree, and says another only to dispute it', async (t) => {
  const { believed, first, network } = world()
  const desk = deskIn(new MemoryDisk())
  const artifact = makeArtifact()
  const equals = { index: 0, artifact, treeDigest: artifact.treeDigest, isEqual: true }
  const other = { ...equals, treeDigest: idOf(77), isEqual: false }
  refuseUntrue(equals, { folder: 'x', dispute: false })
  refuseUntrue(other, { folder: 'x', dispute: true })
  t.is(await codeOf(() => refuseUntrue(other, { folder: 'x', dispute: false })), 'BUILD_MISMATCH')
  t.is(await codeOf(() => refuseUntrue(equals, { folder: 'x', dispute: true })), 'USAGE')
  const windows = { folder: '/b', platform: 'win32-x64', here: 'linux-x64' }
  t.is(await codeOf(() => compareBuild(desk, first, windows)), 'USAGE', 'nothing for it there')

  const who = { key: keyed(6), nowMs: testNowMs }
  const yes = await signAttest(desk, network.id, { release: first, compared: equals }, who)
  const no = await signAttest(desk, network.id, { release: first, compared: other }, who)
  t.alike([yes.seq, no.seq], [1, 2], 'a later word has a higher number')
  const pool = new Pool(believed)
  t.is(pool.offer(yes.wire, testNowMs).answer, 'accepted')
  const hex = hexOf(first.id)
  t.alike(pool.attestations(hex, 0, testNowMs).organisations, ['org-6'])
  const stranger = { key: keyed(9), nowMs: testNowMs }
  const alien = await signAttest(desk, network.id, { release: first, compared: equals }, stranger)
  t.is(pool.offer(alien.wire, testNowMs).answer, 'ignored', 'a key the trust does not name (S56)')
})

test('a beacon speaks every ten minutes, a tenth more or less, until it is stopped', async (t) => {
  const { believed, network } = world()
  const clock = new SimClock(testNowMs)
  const disk = new MemoryDisk()
  const draws = [0, 1, 0.5]
  const desk = {
    ...deskIn(disk, clock),
    dice: { next: () => draws.shift() ?? 0.5, fill: <T>(bytes: T) => bytes }
  }
  const said: { readonly evidence: Evidence; readonly atMs: number }[] = []
  const stop = new AbortController()
  const pool = new Pool(believed)
  const running = runBeacon(
    desk,
    {
      believed: () => believed,
      kept: () => pool.kept(),
      say: async ({ wire }) => pool.offer(wire, clock.wallMs()),
      told: (evidence) => said.push({ evidence, atMs: clock.wallMs() })
    },
    { key: keyed(5), everyMs: 10 * MINUTE, signal: stop.signal }
  )
  await passing(clock, testNowMs + 35 * MINUTE)
  stop.abort('SIGINT')
  await running
  t.alike(
    said.map(({ atMs }) => (atMs - testNowMs) / MINUTE),
    [0, 9, 20, 30]
  )
  t.alike(
    said.map(({ evidence }) => evidence.seq),
    [1, 2, 3, 4]
  )
  t.is(pool.freshness(clock.wallMs()).state, 'fresh')
  t.is(
    toText((await disk.read('/home/keys/p5.beacon'))!)
      .trim()
      .split(' ')[1],
    '4'
  )
  const last = said.at(-1)!.evidence
  t.ok(last.body.tag === 'beacon' && equal(last.body.beacon.trustId, network.id))
  t.is(last.ttlS, DAY / 1_000)
})

test('numbers of a beacon are durable first, and pass what peers remember (S38)', async (t) => {
  const { believed } = world()
  const disk = new MemoryDisk()
  const desk = deskIn(disk)
  const who = { key: keyed(5), nowMs: testNowMs }
  const first = await signBeacon(desk, believed, 0, who)
  const restarted = deskIn(disk.fork())
  t.is((await signBeacon(restarted, believed, 0, who)).seq, first.seq + 1)
  const moved = deskIn(new MemoryDisk())
  const heard = highestSeq([first], who.key.key)
  t.is((await signBeacon(moved, believed, heard + 40, who)).seq, 42, 'carried to a new machine')
  t.is(highestSeq([first], keyOf(1)), 0, 'numbers of others are theirs')
  disk.beforeWrite = () => {
    throw new Error('the plug is pulled')
  }
  let spoke = false
  const key = { ...who.key, sign: async () => ((spoke = true), alloc(64)) }
  await t.exception(async () => await signBeacon(desk, believed, 0, { ...who, key }))
  t.absent(spoke, 'nothing is signed under a number that is not kept')
})

test('a key that the newest trust does not list as a beacon falls silent (S48)', async (t) => {
  const { believed } = world()
  t.is(await codeOf(() => demandRole(believed, keyed(5))), null)
  t.is(await codeOf(() => demandRole(believed, keyed(1))), 'BAD_KEY')
  const without = believing(foundNetwork())
  const stop = new AbortController()
  const ports = { believed: () => without, kept: () => [], say: same, told: same }
  const options = { key: keyed(5), everyMs: MINUTE, signal: stop.signal }
  t.is(await codeOf(() => runBeacon(deskIn(new MemoryDisk()), ports, options)), 'BAD_KEY')
})

test('a resume lists what a quorum refused beside what single keys said', async (t) => {
  const { network, believed, first } = world()
  const pause = signControl(network.id, makeControl(network.id, first.id, { reason: 'looking' }))
  const paused = believing(
    network,
    ...[...believed.held.values()].map(({ any }) => any.known.statement).filter(isNotFirst),
    pause
  )
  const pool = new Pool(paused)
  const brake = brakeOf({ network: network.id, release: first.id, by: 2, atMs: testNowMs })
  t.is(pool.offer(brake.wire, testNowMs).answer, 'accepted')
  const brakes = pool.brakes(hexOf(first.id), testNowMs).live
  const known = inForce(paused, first.id, { brakes, disputes: [] })
  t.alike(
    known.map(({ what, by, reason }) => ({ what, by, reason })),
    [
      { what: 'pause', by: ['p1', 'p2'], reason: 'looking' },
      { what: 'brake', by: ['p2'], reason: 'outage: stop' }
    ]
  )
  const options = {
    action: 'resume',
    reason: '',
    floor: { tag: 'none' },
    stage: 0,
    inForce: known,
    exclude: [],
    nowMs: testNowMs
  } as const
  const lifts = known.map(({ id }) => id)
  const draft = draftControl(paused, first, { ...options, lifts })
  t.ok(draft.body.tag === 'control' && draft.body.control.resume === 1)
  const strange = () => draftControl(paused, first, { ...options, lifts: [idOf(5)] })
  t.is(await codeOf(strange), 'USAGE', 'what is not in force cannot be lifted')
  const done = signControl(
    network.id,
    makeControl(network.id, first.id, {
      action: 'resume',
      resume: 1,
      lifts
    })
  )
  const resumed = believing(
    network,
    ...[...paused.held.values()].map(({ any }) => any.known.statement).filter(isNotFirst),
    done
  )
  pool.setContext({ believed: resumed })
  t.alike(pool.brakes(hexOf(first.id), testNowMs).live, [], 'the brake ends with the resume')
  t.alike(inForce(resumed, first.id, { brakes: [], disputes: [] }), [])
  const next = draftControl(resumed, first, { ...options, inForce: [], lifts: [] })
  t.ok(next.body.tag === 'control' && next.body.control.resume === 2, 'the number only rises (S65)')
})

test('a widen stays within the signed plan (S66)', async (t) => {
  const network = foundNetwork()
  const policy = testPolicy()
  const stage = policy.plan.stages[0]!
  const stages = [100_000, 300_000, 1_000_000].map((sharePpm) => ({ ...stage, sharePpm }))
  const staged = { ...policy, plan: { ...policy.plan, small: false, members: 0, stages } }
  const small = { ...policy, plan: { ...policy.plan, small: true, members: 9, stages: [stage] } }
  const drafted = (plan: typeof policy, to: number) => {
    const one = signRelease(network.id, makeRelease(network.id, { policy: plan }))
    const believed = believing(network, one)
    return draftControl(believed, heldRelease(believed, idOfStatement(one)), {
      action: 'widen',
      reason: '',
      floor: { tag: 'none' },
      stage: to,
      lifts: [],
      inForce: [],
      exclude: [],
      nowMs: testNowMs
    })
  }
  for (const to of [2, 3]) {
    const { body } = drafted(staged, to)
    t.ok(body.tag === 'control' && body.control.stage === to && body.control.resume === 0)
  }
  for (const to of [0, 1, 4, 64]) {
    t.is(await codeOf(() => drafted(staged, to)), 'CONTROL_OUT_OF_BOUNDS', `stage ${to}`)
  }
  t.is(await codeOf(() => drafted(small, 2)), 'CONTROL_OUT_OF_BOUNDS', 'small goes node by node')
})

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Lets timers and promises run up to a moment of the clock. */
async function passing(clock: SimClock, untilMs: number): Promise<void> {
  await settle()
  while (clock.step(untilMs)) await settle()
}

function hexOf(id: Uint8Array): string {
  return Buffer.from(id).toString('hex')
}

function isNotFirst({ network }: { readonly network: Uint8Array }): boolean {
  return network.some((byte) => byte !== 0)
}

async function same<T>(value: T): Promise<T> {
  return value
}
