import test from 'brittle'
import * as fc from 'fast-check'
import { alloc, DAY, HOUR, toHex, type Bytes } from '../../lib/base/index.ts'
import { armOf, placeOf, Pool, rolloutsOf, type PoolSeat } from '../../lib/crowd/index.ts'
import {
  encodeEvidence,
  sealEvidence,
  type Evidence,
  type Policy
} from '../../lib/records/index.ts'
import { judge } from '../../lib/rollout/gate/judge.ts'
import { compilePlan } from '../../lib/rollout/index.ts'
import { admit, believeNothing, hash, signEvidence, type Believed } from '../../lib/trust/index.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeMembership,
  makeRelease,
  makeRevoke,
  nodePair,
  signRelease,
  signRevoke,
  testNowMs
} from '../tools/people.ts'

const network = foundNetwork()
const nowMs = testNowMs + HOUR

/** What is believed with one release of this policy. */
function believing(policy: Policy): { believed: Believed; release: Bytes } {
  const head = headUnder(1, network.id, testNowMs)
  const statement = signRelease(network.id, makeRelease(network.id, { head, policy }))
  let believed = believeNothing(network.id)
  for (const one of [network.first, statement]) {
    const verdict = admit(believed, one, nowMs)
    if (verdict.tag === 'admitted') believed = verdict.believed
  }
  return { believed, release: idOfStatement(statement) }
}

const { believed, release } = believing(compilePlan('standard', { nodes: 3_000 }))
const hex = toHex(release)
const rollout = rolloutsOf(believed).get(hex)!
const keys = Array.from({ length: 400 }, (_, i) => hash([Uint8Array.of(9, i & 255, i >> 8)]))
const armIn = (key: Bytes, stage: number) =>
  armOf(rollout.bands, stage, { u: placeOf(rollout.lottery.seed, key), who: 0, lag: 0 })

interface Say {
  readonly key: Bytes
  readonly stage: number
  /** −1 enrols, else the checkpoint. */
  readonly checkpoint: number
  readonly fails?: boolean
  readonly mask?: number
  readonly stratum?: number
  readonly tsS?: number
  readonly arm?: 'treated' | 'control'
}

function say(it: Say): Evidence {
  const arm = it.arm ?? armIn(it.key, it.stage) ?? 'control'
  const base = { arm, stratum: it.stratum ?? 1, dataMask: it.mask ?? 0 }
  const seq = it.checkpoint + 1
  const outcome = {
    ...base,
    result: it.fails ? ('fail' as const) : ('ok' as const),
    cause: it.fails ? ('health' as const) : ('none' as const),
    tries: it.fails ? 1 : 0,
    metrics: []
  }
  const body =
    seq === 0 ? { tag: 'enrol' as const, enrol: base } : { tag: 'outcome' as const, outcome }
  const draft = { subject: release.slice(0, 16), stage: it.stage, interval: 0, seq, ttlS: 0, body }
  const bare = encodeEvidence(network.id, it.key, it.tsS ?? Math.floor(nowMs / 1_000), draft)
  return sealEvidence(bare, alloc(64))
}

const seat: PoolSeat = { issuedMs: 0, operator: 'one', lag: 0 }
const open = () => new Pool(believed, { verify: () => true, seatOf: () => seat })

/** The sums and the bits that follow from a pool. */
function bitsOf(pool: Pool): string {
  const fold = pool.fold(hex)
  const { blocks, x, n, failed, done, controlsEnrolled, stages } = fold
  const { crashLg } = judge(fold, rollout)
  return JSON.stringify({
    blocks,
    x,
    n,
    failed,
    done,
    controlsEnrolled,
    stages,
    lg: String(crashLg)
  })
}

/** Ids held, as the sets are advertised. */
function idsOf(pool: Pool): string {
  const ids = pool.sets().flatMap(({ members }) => members.map(({ id }) => toHex(id)))
  return ids.toSorted().join()
}

/** Reports of a fleet: honest ones, and some that contradict themselves. */
const reports = fc.array(
  fc.record({
    node: fc.integer({ min: 0, max: keys.length - 1 }),
    stage: fc.integer({ min: 1, max: 3 }),
    checkpoint: fc.integer({ min: -1, max: 4 }),
    fails: fc.boolean(),
    mask: fc.constantFrom(0, 0, 0, 0, 1),
    late: fc.constantFrom(0, 0, 0, 7)
  }),
  { minLength: 1, maxLength: 120 }
)

test('any order, repetition and split-and-merge of records gives the same bits', (t) => {
  fc.assert(
    fc.property(reports, fc.integer(), (list, seed) => {
      const all = list
        .filter(({ node, stage }) => armIn(keys[node]!, stage) !== null)
        .map(({ node, late, ...it }) =>
          say({ key: keys[node]!, ...it, tsS: Math.floor(nowMs / 1_000) - late })
        )
      const straight = open()
      for (const one of all) straight.add(one, nowMs)
      const shuffled = open()
      for (const one of [...shuffle(all, seed), ...all.slice(0, 5)]) shuffled.add(one, nowMs)
      const left = open()
      const right = open()
      all.forEach((one, i) => (i % 2 === 0 ? left : right).add(one, nowMs))
      const ids = new Map(all.map((one) => [toHex(one.wire), one]))
      for (const view of right.sets()) {
        for (const { wire } of view.members) left.add(ids.get(toHex(wire))!, nowMs)
      }
      return (
        bitsOf(straight) === bitsOf(shuffled) &&
        idsOf(straight) === idsOf(shuffled) &&
        bitsOf(left) === bitsOf(straight)
      )
    }),
    { numRuns: 150 }
  )
  t.pass('150 fleets')
})

test('equivocation leaves x and n of every block, and its proof is kept and forwarded', (t) => {
  const pool = open()
  const treated = keys.filter((key) => armIn(key, 1) === 'treated')
  for (const key of treated) pool.add(say({ key, stage: 1, checkpoint: 0, fails: true }), nowMs)
  const before = pool.fold(hex)
  t.alike([before.failed, before.n], [treated.length, treated.length])
  const [liar] = treated
  const other = say({ key: liar!, stage: 1, checkpoint: 0, fails: true, mask: 1 })
  t.is(pool.add(other, nowMs).answer, 'accepted', 'the second statement is news: it is the proof')
  const after = pool.fold(hex)
  t.alike([after.failed, after.n], [treated.length - 1, treated.length - 1])
  const held = pool.sets().flatMap(({ members }) => members)
  t.is(held.length, treated.length + 1, 'both statements are told to others')
  t.is(pool.add(other, nowMs).answer, 'duplicate')
})

test('an ok above a failure is a contradiction, in either order of arrival', (t) => {
  const key = keys.find((one) => armIn(one, 1) === 'treated')!
  const fail = say({ key, stage: 1, checkpoint: 0, fails: true })
  const ok = say({ key, stage: 1, checkpoint: 2 })
  for (const order of [
    [fail, ok],
    [ok, fail]
  ]) {
    const pool = open()
    for (const one of order) pool.add(one, nowMs)
    t.is(pool.fold(hex).n, 0)
    t.is(pool.sets().flatMap(({ members }) => members).length, 2)
  }
})

test('contradicting oneself as a control of one stage leaves the treated block of another', (t) => {
  const pool = open()
  const key = keys.find((one) => armIn(one, 1) === 'control' && armIn(one, 2) === 'treated')!
  pool.add(say({ key, stage: 2, checkpoint: 0, fails: true }), nowMs)
  t.is(pool.fold(hex).n, 1)
  pool.add(say({ key, stage: 1, checkpoint: -1 }), nowMs)
  pool.add(say({ key, stage: 1, checkpoint: -1, mask: 1 }), nowMs)
  t.is(pool.fold(hex).n, 0)
})

test('a set keeps the k smallest ranks and ignores the rest before verifying', (t) => {
  const tight = compilePlan('standard', { nodes: 3_000 })
  const stages = tight.plan.stages.map((stage) => ({ ...stage, kC: 25, qC: 5 }))
  const it = believing({ ...tight, plan: { ...tight.plan, stages } })
  let verified = 0
  const pool = new Pool(it.believed, { verify: () => ++verified > 0, seatOf: () => seat })
  const controls = keys.filter((key) => armIn(key, 1) === 'control')
  const said = controls.map((key) => {
    const draft = say({ key, stage: 1, checkpoint: -1 })
    const bare = encodeEvidence(network.id, key, draft.tsS, {
      ...draft,
      subject: it.release.slice(0, 16)
    })
    return sealEvidence(bare, alloc(64))
  })
  const answers = said.map((one) => pool.add(one, nowMs).answer)
  t.ok(answers.includes('ignored'))
  const fold = pool.fold(toHex(it.release))
  t.ok(fold.controlsEnrolled <= 50, 'the k that were signed, and as many called up')
  t.is(verified, answers.filter((answer) => answer === 'accepted').length)
  const [view] = pool.sets()
  t.unlike(toHex(view!.kthRank), 'ffffffffffffffff', 'a full set says where it ends')
})

test('what cannot be read or is not signed is rejected, another release ignored', (t) => {
  const pool = new Pool(believed, { seatOf: () => seat })
  const key = keys.find((one) => armIn(one, 1) === 'treated')!
  const unsigned = say({ key, stage: 1, checkpoint: -1 })
  t.is(pool.offer(unsigned.wire, nowMs).answer, 'rejected', 'a signature of zeros')
  t.is(pool.offer(unsigned.wire.slice(0, 50), nowMs).answer, 'rejected', 'cut off')
  const ahead = say({ key, stage: 1, checkpoint: -1, tsS: Math.floor(nowMs / 1_000) + 400 })
  t.is(pool.offer(ahead.wire, nowMs).answer, 'ignored', 'dated ahead of the clock')
  const bare = encodeEvidence(network.id, key, unsigned.tsS, {
    ...unsigned,
    subject: alloc(16).fill(5)
  })
  t.is(pool.offer(sealEvidence(bare, alloc(64)).wire, nowMs).answer, 'ignored')
  const resumed = encodeEvidence(network.id, key, unsigned.tsS, { ...unsigned, interval: 1 })
  t.is(pool.offer(sealEvidence(resumed, alloc(64)).wire, nowMs).answer, 'ignored', 'no such resume')
})

test('S60 only keys with a slot report; a report before its membership waits for it', (t) => {
  const policy = compilePlan('small', { nodes: 20 })
  const it = believing(policy)
  const pool = new Pool(it.believed)
  const pair = nodePair(1)
  const report = signEvidence(
    network.id,
    pair,
    {
      subject: it.release.slice(0, 16),
      stage: 1,
      interval: 0,
      seq: 0,
      ttlS: 0,
      body: { tag: 'enrol', enrol: { arm: 'treated', stratum: 1, dataMask: 0 } }
    },
    Math.floor(nowMs / 1_000)
  )
  t.is(pool.offer(report.wire, nowMs).answer, 'ignored', 'ten thousand such keys change nothing')
  t.is(pool.fold(toHex(it.release)).n, 0)
  const membership = makeMembership({ network: network.id, slot: 3, node: 1 })
  t.is(pool.offer(membership.wire, nowMs).answer, 'accepted')
  t.is(pool.fold(toHex(it.release)).n, 1)
  const twin = makeMembership({ network: network.id, slot: 3, node: 2 })
  t.is(pool.offer(twin.wire, nowMs).answer, 'accepted', 'the clash is news: it is the proof')
  t.is(pool.fold(toHex(it.release)).n, 0, 'two keys in one slot are absent')
  t.is(pool.doubledSlots(), 1)
})

test('a revoked slot leaves the evidence', (t) => {
  const it = believing(compilePlan('small', { nodes: 20 }))
  const pool = new Pool(it.believed)
  const pair = nodePair(1)
  const membership = makeMembership({ network: network.id, slot: 3, node: 1 })
  pool.offer(membership.wire, nowMs)
  t.not(pool.seatOf(pair.key), null)
  const revoke = signRevoke(network.id, makeRevoke(network.id, membership.invite.invite))
  const verdict = admit(it.believed, revoke, nowMs)
  if (verdict.tag === 'admitted') pool.setContext({ believed: verdict.believed })
  t.is(pool.seatOf(pair.key), null)
})

test('only keys older than the release report, but for small plans and young networks', (t) => {
  t.is(answer(compilePlan('standard', { nodes: 3_000 }), testNowMs - DAY), 'ignored', 'a day old')
  t.is(answer(compilePlan('standard', { nodes: 3_000 }), testNowMs - 8 * DAY), 'accepted')
  t.is(answer(compilePlan('small', { nodes: 20 }), testNowMs), 'accepted', 'waived in small')
})

test('a planted asymmetric exclusion is caught: hiding failed controls shows', (t) => {
  const both = open()
  const planted = open()
  for (const key of keys) {
    for (const stage of [1, 2, 3]) {
      const arm = armIn(key, stage)
      if (arm === null) continue
      const fails = bad(key)
      const report = say({ key, stage, checkpoint: 0, fails })
      both.add(report, nowMs)
      // whoever hides failing controls makes treated ones look worse: the evidence moves
      if (!(arm === 'control' && fails)) planted.add(report, nowMs)
    }
  }
  const honest = judge(both.fold(hex), rollout).crashLg
  const hidden = judge(planted.fold(hex), rollout).crashLg
  t.ok(hidden > honest, 'the exclusion shows in the bits')
  t.ok(honest < 0n, 'and the honest set says nothing against the release')
  t.ok(
    planted.fold(hex).controlsEnrolled < both.fold(hex).controlsEnrolled,
    'coverage shows it too'
  )
})

/** The answer to an enrolment in stage 1 under a certificate of this date. */
const answer = (policy: Policy, issuedMs: number) => {
  const it = believing(policy)
  const pool = new Pool(it.believed, {
    verify: () => true,
    seatOf: () => ({ ...seat, issuedMs })
  })
  const small = policy.plan.small
  const key = keys.find((one) => small || armIn(one, 1) === 'treated')!
  const enrol = { arm: 'treated' as const, stratum: 1, dataMask: 0 }
  const draft = {
    subject: it.release.slice(0, 16),
    stage: 1,
    interval: 0,
    seq: 0,
    ttlS: 0,
    body: { tag: 'enrol' as const, enrol }
  }
  const bare = encodeEvidence(network.id, key, Math.floor(nowMs / 1_000), draft)
  const arm = armOf(rolloutsOf(it.believed).get(toHex(it.release))!.bands, 1, {
    u: placeOf(rolloutsOf(it.believed).get(toHex(it.release))!.lottery.seed, key),
    who: 0,
    lag: 0
  })
  return arm === 'treated' ? pool.add(sealEvidence(bare, alloc(64)), nowMs).answer : 'other arm'
}

/** 3 % of nodes are bad whatever they run: both arms see them, so nothing is worse. */
const bad = (key: Bytes) => (key[0] ?? 0) < 8

function shuffle<T>(list: readonly T[], seed: number): readonly T[] {
  return list
    .map((value, i) => ({
      value,
      at: toHex(hash([Uint8Array.of(seed & 255, (seed >> 8) & 255, i)]))
    }))
    .toSorted((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ value }) => value)
}

test('S91 what was heard of a release stays while a new trust waits for its signatures', (t) => {
  const pool = open()
  const key = keys.find((one) => armIn(one, 1) === 'treated')!
  t.is(pool.add(say({ key, stage: 1, checkpoint: -1 }), nowMs).answer, 'accepted')
  const before = pool.fold(hex)
  // The trust is here, the signatures of its keys are not yet: the release is held, and no more.
  pool.setContext({ believed: { ...believed, releases: [] } })
  pool.setContext({ believed: { ...believed } })
  t.alike(pool.fold(hex), before)
  pool.setContext({ believed: { ...believed, releases: [], held: new Map() } })
  t.is(pool.rollout(hex), null, 'who is held no more is forgotten')
})
