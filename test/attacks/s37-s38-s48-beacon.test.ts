import test from 'brittle'
import { DAY, HOUR, MINUTE, toHex } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import type { Evidence } from '../../lib/records/index.ts'
import { authorityDigest } from '../../lib/trust/index.ts'
import { beacon, believing, forged, taking } from '../tools/acts.ts'
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
  testNowMs
} from '../tools/people.ts'

// Persons 21, 22, 23 keep beacons.
const beacons = { members: [21, 22, 23] }
const network = foundNetwork({ roles: { beacon: beacons } })
const single = foundNetwork({ name: 'single', roles: { beacon: { members: [21] } } })
const released = signRelease(network.id, makeRelease(network.id))
const older = believing(network)
const believed = taking(older, released)
const alone = believing(single)
const nowMs = testNowMs + HOUR

const by = (n: number, it: Partial<Parameters<typeof beacon>[0]> = {}): Evidence =>
  beacon({ network: network.id, believed, by: n, atMs: nowMs, ttlMs: DAY, ...it })
const sole = (it: Partial<Parameters<typeof beacon>[0]> = {}): Evidence =>
  by(21, { network: single.id, believed: alone, ...it })

/** States at these ages of the newest beacon. */
function states(pool: Pool, ...agesMs: readonly number[]): readonly string[] {
  return agesMs.map((ageMs) => pool.freshness(nowMs + ageMs).state)
}

function ageOf(pool: Pool, atMs: number): number | null {
  const freshness = pool.freshness(atMs)
  return freshness.state === 'none' ? null : freshness.ageMs
}

test('S37 fresh for an hour, stale until a day has gone by, then frozen; a beacon ends it', (t) => {
  const pool = new Pool(alone)
  t.is(pool.offer(sole().wire, nowMs).answer, 'accepted')
  const ages = [0, HOUR - 1, HOUR, DAY - 1, DAY, 400 * DAY]
  t.alike(states(pool, ...ages), ['fresh', 'fresh', 'stale', 'stale', 'frozen', 'frozen'])
  t.alike(pool.freshness(nowMs + HOUR), { state: 'stale', ageMs: HOUR, sinceMs: nowMs })
  const later = nowMs + 2 * DAY
  pool.offer(sole({ seq: 2, atMs: later }).wire, later)
  t.is(pool.freshness(later).state, 'fresh')
})

test('S37 without a beacon role nothing is ever stale, and nobody can be a beacon', (t) => {
  const plain = foundNetwork()
  const pool = new Pool(believing(plain))
  const said = by(21, { network: plain.id })
  t.is(pool.offer(said.wire, nowMs).answer, 'ignored')
  t.alike(pool.freshness(nowMs + 9 * DAY), { state: 'none' })
  t.is(pool.claim(nowMs), null)
})

test('S37 who never heard a beacon is not fresh, and frozen a day after its first look', (t) => {
  const pool = new Pool(alone)
  t.alike(pool.freshness(nowMs), { state: 'stale', ageMs: null, sinceMs: nowMs })
  t.alike(states(pool, DAY - 1, DAY), ['stale', 'frozen'])
  const again = new Pool(alone)
  again.restore(pool.kept(), nowMs + 23 * HOUR)
  t.is(again.freshness(nowMs + DAY).state, 'frozen', 'a restart begins no new day')
})

test('S37 a trust that brings beacons begins to wait when it comes', (t) => {
  const plain = foundNetwork()
  const before = believing(plain)
  const pool = new Pool(before)
  t.is(pool.freshness(nowMs).state, 'none')
  const roles = { beacon: beacons }
  const second = signTrust(plain.id, makeTrust({ version: 2, roles }), [1, 2])
  pool.setContext({ believed: taking(before, second) })
  t.is(pool.freshness(nowMs + 5 * DAY).state, 'stale')
  pool.setContext({ believed: before })
  t.is(pool.freshness(nowMs + 9 * DAY).state, 'none')
})

test('S37 new beacon keys are waited for from when their trust came', (t) => {
  const pool = new Pool(alone)
  pool.offer(sole().wire, nowMs)
  const roles = { beacon: { members: [29] } }
  const second = signTrust(single.id, makeTrust({ name: 'single', version: 2, roles }), [1, 2])
  const rotated = taking(alone, second)
  pool.setContext({ believed: rotated })
  const laterMs = nowMs + 60 * DAY
  t.alike(pool.freshness(laterMs), { state: 'stale', ageMs: null, sinceMs: laterMs })
  t.is(pool.freshness(laterMs + DAY).state, 'frozen')
  const said = sole({ by: 29, believed: rotated, atMs: laterMs + DAY })
  t.is(pool.offer(said.wire, laterMs + DAY).answer, 'accepted')
  t.is(pool.freshness(laterMs + DAY).state, 'fresh')
})

test('S37 where two beacons must be heard, the second newest sets the age', (t) => {
  const two = foundNetwork({ roles: { beacon: { ...beacons, threshold: 2 } } })
  const own = believing(two)
  const pool = new Pool(own)
  const say = (n: number, atMs: number) =>
    pool.offer(by(n, { network: two.id, believed: own, atMs }).wire, nowMs)
  say(21, nowMs)
  t.is(ageOf(pool, nowMs), null, 'one is not enough')
  t.is(pool.freshness(nowMs).state, 'stale')
  say(22, nowMs - 30 * MINUTE)
  t.alike(pool.freshness(nowMs), {
    state: 'fresh',
    ageMs: 30 * MINUTE,
    sinceMs: nowMs - 30 * MINUTE
  })
  say(23, nowMs - 10 * MINUTE)
  t.is(ageOf(pool, nowMs), 10 * MINUTE)
})

test('S38 a replayed beacon moves nothing, the age keeps growing', (t) => {
  const pool = new Pool(alone)
  const old = sole({ seq: 4, atMs: nowMs - HOUR })
  const newest = sole({ seq: 5, atMs: nowMs - 30 * MINUTE })
  t.is(pool.offer(newest.wire, nowMs).answer, 'accepted')
  t.is(pool.offer(old.wire, nowMs).answer, 'ignored')
  t.is(pool.offer(newest.wire, nowMs).answer, 'duplicate')
  const redated = sole({ seq: 3, atMs: nowMs })
  t.is(pool.offer(redated.wire, nowMs).answer, 'ignored', 'a lower number with a newer date')
  t.is(ageOf(pool, nowMs), 30 * MINUTE)
  t.is(pool.sets().length, 1)
  t.is(pool.sets()[0]!.count, 1, 'only the newest is told')
})

test('S38 numbers never fall over a restart', (t) => {
  const pool = new Pool(alone)
  pool.offer(sole({ seq: 7 }).wire, nowMs)
  const again = new Pool(alone)
  again.restore(pool.kept(), nowMs + 40 * HOUR)
  t.is(again.freshness(nowMs + 40 * HOUR).state, 'frozen', 'the old one is known, and its age')
  const replayed = sole({ seq: 6, atMs: nowMs + 39 * HOUR })
  t.is(again.offer(replayed.wire, nowMs + 40 * HOUR).answer, 'ignored')
  t.is(ageOf(again, nowMs + 40 * HOUR), 40 * HOUR)
  t.is(again.sets().length, 0, 'too old to be told')
})

test('S38 a beacon of more than a day, or older than its term, is ignored', (t) => {
  const pool = new Pool(alone)
  t.is(pool.offer(sole({ ttlMs: 2 * DAY }).wire, nowMs).answer, 'ignored')
  t.is(pool.offer(sole({ atMs: nowMs - 2 * DAY }).wire, nowMs).answer, 'ignored')
  t.is(pool.offer(sole({ ttlMs: HOUR, atMs: nowMs - 2 * HOUR }).wire, nowMs).answer, 'ignored')
  t.is(ageOf(pool, nowMs), null)
})

test('S48 a beacon ten years ahead is an event, once, and moves nothing', (t) => {
  const pool = new Pool(alone)
  const ahead = sole({ seq: 900, atMs: nowMs + 3_650 * DAY })
  t.is(pool.offer(forged(ahead), nowMs).answer, 'rejected', 'only a signed one is worth an event')
  const answer = pool.offer(ahead.wire, nowMs)
  t.alike([answer.answer, answer.spread, answer.code], ['ignored', 'none', 'CLOCK_SKEW'])
  t.is(pool.offer(ahead.wire, nowMs).code, undefined)
  t.is(ageOf(pool, nowMs), null)
  t.is(pool.claim(nowMs), null)
  t.is(pool.offer(sole({ seq: 1 }).wire, nowMs).answer, 'accepted', 'its number is not taken')
  t.is(pool.offer(sole({ seq: 2, atMs: nowMs + 4 * MINUTE }).wire, nowMs).answer, 'accepted')
  t.is(ageOf(pool, nowMs), 0, 'within five minutes it is of now')
  const stranger = sole({ by: 66, atMs: nowMs + DAY })
  t.is(pool.offer(stranger.wire, nowMs).code, undefined)
})

test('S48 a trust without the key ends all its words', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(21, { digest: idOf(1) }).wire, nowMs)
  t.is(pool.claim(nowMs)?.by[0], 'p21')
  const roles = { beacon: { members: [22] } }
  const second = signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2])
  pool.setContext({ believed: taking(believed, second) })
  t.is(pool.claim(nowMs), null)
  t.is(ageOf(pool, nowMs), null)
  t.is(pool.offer(by(21, { seq: 2 }).wire, nowMs).answer, 'ignored')
  t.alike(
    pool.kept().filter(({ wire }) => wire.byteLength > 1),
    []
  )
})

test('S38 two beacons of one number: neither moves the state, both are the proof', (t) => {
  const good = sole({ seq: 5, atMs: nowMs - 20 * MINUTE })
  const one = sole({ seq: 6, atMs: nowMs - 10 * MINUTE })
  const two = sole({ seq: 6, atMs: nowMs })
  for (const order of [
    [good, one, two],
    [two, one, good],
    [one, good, two]
  ]) {
    const pool = new Pool(alone)
    for (const said of order) pool.offer(said.wire, nowMs)
    t.is(ageOf(pool, nowMs), 20 * MINUTE, 'the one before counts')
    t.is(pool.sets()[0]!.count, 2)
    pool.offer(sole({ seq: 7 }).wire, nowMs)
    t.is(ageOf(pool, nowMs), 0, 'a higher number ends it')
  }
})

test('S39 a trust that nobody gives: a majority makes wait, a minority does not', (t) => {
  const pool = new Pool(believed)
  const missing = { trustVersion: 2, trustId: idOf(2), digest: idOf(3) }
  pool.offer(by(21, missing).wire, nowMs)
  const minority = pool.claim(nowMs)
  t.is(minority?.code, 'TRUST_WITHHELD')
  t.alike([minority?.by, minority?.majority, minority?.alarm], [['p21'], false, false])
  t.is(toHex(minority!.trustId), toHex(idOf(2)))
  t.is(minority!.trustVersion, 2)
  pool.offer(by(22, missing).wire, nowMs)
  t.ok(pool.claim(nowMs)?.majority, 'two of three')
  t.is(pool.claim(nowMs + HOUR), null, 'who is not fresh claims nothing')
  const second = signTrust(
    network.id,
    makeTrust({ version: 2, roles: { beacon: beacons } }),
    [1, 2]
  )
  const next = taking(believed, second)
  const named = { trustId: idOfStatement(second), digest: authorityDigest(next) }
  pool.offer(by(21, { seq: 2, trustVersion: 2, ...named }).wire, nowMs)
  pool.offer(by(22, { seq: 2, trustVersion: 2, ...named }).wire, nowMs)
  t.ok(pool.claim(nowMs)?.majority)
  pool.setContext({ believed: next })
  t.is(pool.claim(nowMs), null, 'here it is')
})

test('S39 one listed key alone is the majority, and twice in a row is an alarm', (t) => {
  const pool = new Pool(alone)
  pool.offer(sole({ seq: 1, digest: idOf(3) }).wire, nowMs)
  t.alike([pool.claim(nowMs)?.majority, pool.claim(nowMs)?.alarm], [true, false])
  pool.offer(sole({ seq: 2, digest: idOf(4) }).wire, nowMs)
  t.ok(pool.claim(nowMs)?.alarm)
  pool.offer(sole({ seq: 3 }).wire, nowMs)
  t.is(pool.claim(nowMs), null, 'its newest word counts')
})

test('S39 an older trust that was skipped on the way is not missing', (t) => {
  const third = signTrust(network.id, makeTrust({ version: 3, roles: { beacon: beacons } }), [1, 2])
  const pool = new Pool(taking(believed, third))
  pool.setContext({ believed: taking(believed, third), hadDigest: () => true })
  pool.offer(by(21, { trustVersion: 2, trustId: idOf(2) }).wire, nowMs)
  t.is(pool.claim(nowMs), null, 'it is behind')
  pool.offer(by(21, { seq: 2, trustVersion: 3, trustId: idOf(2) }).wire, nowMs)
  t.is(pool.claim(nowMs)?.code, 'TRUST_WITHHELD', 'another of our own version is a fork unseen')
})

test('S40 S44 a digest never had is withheld, one had before is only behind', (t) => {
  const pool = new Pool(older)
  pool.setContext({ believed })
  pool.offer(by(21, { believed: older }).wire, nowMs)
  t.is(pool.claim(nowMs), null, 'this node was there')
  const id = idOfStatement(released)
  const ahead = taking(believed, signControl(network.id, makeControl(network.id, id)))
  pool.offer(by(21, { seq: 2, believed: ahead }).wire, nowMs)
  pool.offer(by(22, { seq: 2, believed: ahead }).wire, nowMs)
  const claim = pool.claim(nowMs)
  t.is(claim?.code, 'WITHHELD', 'a pause that peers hide shows')
  t.ok(claim?.majority)
  t.is(toHex(claim!.digest), toHex(authorityDigest(ahead)))
  pool.setContext({ believed: ahead })
  t.is(pool.claim(nowMs), null)
})

test('S40 what was had before a restart is asked of its owner', (t) => {
  const pool = new Pool(believed)
  const had = toHex(authorityDigest(older))
  pool.offer(by(21, { believed: older }).wire, nowMs)
  t.is(pool.claim(nowMs)?.code, 'WITHHELD')
  pool.setContext({ believed, hadDigest: (digest) => toHex(digest) === had })
  t.is(pool.claim(nowMs), null)
  pool.setContext({ believed: taking(believed, released) })
  t.is(pool.claim(nowMs), null, 'and it stays known how to ask')
})

test('S40 of several claims the one that most beacons make is shown', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(21, { trustVersion: 9, trustId: idOf(2), digest: idOf(3) }).wire, nowMs)
  pool.offer(by(22, { digest: idOf(4) }).wire, nowMs)
  pool.offer(by(23, { digest: idOf(4) }).wire, nowMs)
  const claim = pool.claim(nowMs)
  t.is(claim?.code, 'WITHHELD', 'one thief names no trust for all')
  t.alike(claim?.by, ['p21', 'p22', 'p23'])
})
