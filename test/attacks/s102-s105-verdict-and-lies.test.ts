import test from 'brittle'
import { alloc, HOUR, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  armOf,
  placeOf,
  Pool,
  rolloutsOf,
  verdictLine,
  verdictRank,
  type PoolSeat
} from '../../lib/crowd/index.ts'
import { encodeEvidence, sealEvidence, type EvidenceBody } from '../../lib/records/index.ts'
import { judge, thresholds } from '../../lib/rollout/gate/judge.ts'
import { compilePlan } from '../../lib/rollout/index.ts'
import { admit, believeNothing, hash } from '../../lib/trust/index.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeRelease,
  signRelease,
  testNowMs
} from '../tools/people.ts'

// One network with one release in its rollout. What nodes say is put straight into a pool.
const network = foundNetwork()
const nowMs = testNowMs + HOUR
const keyOf = (i: number): Bytes => hash([Uint8Array.of(11, i & 255, (i >> 8) & 255, i >> 16)])

/** A pool of a fleet of `nodes` that gives every key a seat. */
function fleet(nodes: number, operatorOf: (hex: string) => string = () => 'one') {
  const preset = nodes <= 50 ? 'small' : 'standard'
  const policy = compilePlan(preset, { nodes })
  const release = makeRelease(network.id, { head: headUnder(1, network.id, testNowMs), policy })
  const statement = signRelease(network.id, release)
  let believed = believeNothing(network.id)
  for (const one of [network.first, statement]) {
    const verdict = admit(believed, one, nowMs)
    if (verdict.tag === 'admitted') believed = verdict.believed
  }
  const id = idOfStatement(statement)
  const seatOf = (hex: string): PoolSeat => ({ issuedMs: 0, operator: operatorOf(hex), lag: 0 })
  const pool = new Pool(believed, { verify: () => true, seatOf })
  const rollout = rolloutsOf(believed).get(toHex(id))!
  const say = (key: Bytes, body: EvidenceBody, place: { stage: number; seq: number }) => {
    const draft = { subject: id.slice(0, 16), interval: 0, ttlS: 0, body, ...place }
    const bare = encodeEvidence(network.id, key, Math.floor(nowMs / 1_000), draft)
    return pool.add(sealEvidence(bare, alloc(64)), nowMs).answer
  }
  return { pool, rollout, hex: toHex(id), say }
}

type Fleet = ReturnType<typeof fleet>

function vote(it: Fleet, key: Bytes, word: 'widen-to' | 'halted' | 'completed', stage = 1) {
  return it.say(key, { tag: 'verdict', verdict: { word } }, { stage, seq: stage })
}

/** Keys below the line of those who may sign verdicts, best first. */
function voters(it: Fleet, count: number): readonly Bytes[] {
  const { lottery, bands } = it.rollout
  const line = verdictLine(bands.nodes)
  const out: Bytes[] = []
  for (let i = 0; out.length < count; i++) {
    if (verdictRank(lottery, keyOf(i)) < line) out.push(keyOf(i))
  }
  return out
}

test('S105 fifteen slots are too few to follow, sixteen with a majority are enough', (t) => {
  const it = fleet(5_000)
  const drawn = voters(it, 17)
  drawn.slice(0, 15).forEach((key) => vote(it, key, 'halted'))
  t.alike(it.pool.verdicts(it.hex), { tag: 'none', voters: 15 }, 'the node begins at stage 1')
  vote(it, drawn[15]!, 'completed', 18)
  t.alike(it.pool.verdicts(it.hex), { tag: 'halted', stage: 1, voters: 16 })
})

test('S105 a minority that signs "completed" for a halted release changes nothing', (t) => {
  const it = fleet(5_000)
  const drawn = voters(it, 30)
  drawn.slice(0, 14).forEach((key) => vote(it, key, 'completed', 18))
  drawn.slice(14).forEach((key) => vote(it, key, 'halted', 2))
  t.alike(it.pool.verdicts(it.hex), { tag: 'halted', stage: 2, voters: 30 })
})

test('S105 two verdicts of one slot cancel it', (t) => {
  const it = fleet(5_000)
  const drawn = voters(it, 16)
  drawn.forEach((key) => vote(it, key, 'completed', 18))
  t.is(it.pool.verdicts(it.hex).tag, 'completed')
  t.is(vote(it, drawn[0]!, 'halted'), 'accepted', 'the contradiction is told to others')
  t.alike(it.pool.verdicts(it.hex), { tag: 'none', voters: 15 })
})

test('S105 of stages, the largest that more than half name or exceed counts', (t) => {
  const it = fleet(5_000)
  const drawn = voters(it, 20)
  drawn.forEach((key, i) => vote(it, key, 'widen-to', i < 9 ? 7 : i < 15 ? 5 : 3))
  t.alike(it.pool.verdicts(it.hex), { tag: 'stage', stage: 5, voters: 20 })
  drawn.slice(9, 11).forEach((key) => vote(it, key, 'widen-to', 8))
  t.alike(
    it.pool.verdicts(it.hex),
    { tag: 'stage', stage: 7, voters: 20 },
    'a later stage replaces'
  )
})

test('S105 below sixteen nodes absent slots count against', (t) => {
  const it = fleet(10)
  const keys = Array.from({ length: 6 }, (_, i) => keyOf(i))
  keys.slice(0, 5).forEach((key) => vote(it, key, 'completed'))
  t.is(it.pool.verdicts(it.hex).tag, 'none', 'five of ten are not more than half')
  vote(it, keys[5]!, 'completed')
  t.is(it.pool.verdicts(it.hex).tag, 'completed')
})

test('S105 who is not drawn cannot vote', (t) => {
  const it = fleet(100_000)
  const { lottery, bands } = it.rollout
  const loser = Array.from({ length: 50 }, (_, i) => keyOf(i)).find(
    (key) => verdictRank(lottery, key) >= verdictLine(bands.nodes)
  )!
  t.is(vote(it, loser, 'completed', 18), 'ignored')
})

/** Reports of stage 1: treated nodes fail where `fails` says so, controls are well. */
function reportStage(it: Fleet, fails: (hex: string) => boolean): void {
  const { lottery, bands } = it.rollout
  for (let i = 0; i < 1_500; i++) {
    const key = keyOf(i)
    const arm = armOf(bands, 1, { u: placeOf(lottery.seed, key), who: 0, lag: 0 })
    if (arm === null) continue
    const failed = arm === 'treated' && fails(toHex(key))
    it.say(
      key,
      {
        tag: 'outcome',
        outcome: {
          arm,
          stratum: 1,
          dataMask: 0,
          result: failed ? 'fail' : 'ok',
          cause: failed ? 'health' : 'none',
          tries: failed ? 1 : 0,
          metrics: []
        }
      },
      { stage: 1, seq: 1 }
    )
  }
}

const tenth = (hex: string) => `operator-${Number.parseInt(hex.slice(0, 2), 16) % 10}`

test('S102 one operator whose every node lies "failed" does not halt a good release', (t) => {
  const it = fleet(5_000, tenth)
  reportStage(it, (hex) => tenth(hex) === 'operator-3')
  const fold = it.pool.fold(it.hex)
  t.ok(fold.failed > 3, `${fold.failed} of ${fold.n} treated nodes say they failed`)
  t.is(fold.x, 1, 'one per cent of the arm counts, and at least one node')
  t.ok(judge(fold, it.rollout).haltLg < thresholds(it.rollout).halt)
  const blind = fleet(5_000)
  reportStage(blind, (hex) => tenth(hex) === 'operator-3')
  t.ok(
    judge(blind.pool.fold(blind.hex), blind.rollout).haltLg >= thresholds(blind.rollout).halt,
    'without labels the same reports would have halted it'
  )
})

test('S102 a crash that every operator sees halts all the same', (t) => {
  const it = fleet(5_000, tenth)
  reportStage(it, () => true)
  const fold = it.pool.fold(it.hex)
  t.is(fold.x, fold.failed, 'the typical operator sees it: nothing is capped')
  t.ok(judge(fold, it.rollout).haltLg >= thresholds(it.rollout).halt)
})
