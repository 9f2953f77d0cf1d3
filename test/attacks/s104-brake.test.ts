import test from 'brittle'
import { DAY, HOUR, MINUTE, toHex } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import type { Evidence, Statement } from '../../lib/records/index.ts'
import { believing, brake, forged, taking } from '../tools/acts.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  keyOf,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signRelease,
  signTrust,
  testNowMs
} from '../tools/people.ts'

// Persons 1, 2, 3 brake; one of them suffices.
const network = foundNetwork()
const releases = [1, 2, 3, 4].map((seq) =>
  signRelease(network.id, makeRelease(network.id, { seq, label: `1.0.${seq}` }))
)
const ids = releases.map(idOfStatement)
const release = ids[0]!
const hex = toHex(release)
const believed = believing(network, ...releases)
const nowMs = testNowMs + HOUR

const by = (n: number, it: Partial<Parameters<typeof brake>[0]> = {}): Evidence =>
  brake({ network: network.id, release, by: n, atMs: nowMs, ...it })

test('S104 a brake of a listed key stops the release named, from receipt, for a day', (t) => {
  const pool = new Pool(believed)
  const answer = pool.offer(by(1, { reason: 'security', note: 'hole' }).wire, nowMs + HOUR)
  t.is(answer.answer, 'accepted')
  t.is(answer.spread, 'eager')
  t.alike(answer.ref, { type: 50, subject: release.slice(0, 8), a: 0, b: 0, c: 0 })
  const brakes = pool.brakes(hex, nowMs + 2 * HOUR)
  t.ok(brakes.acts)
  t.is(brakes.untilMs, nowMs + HOUR + DAY, 'a day from receipt, not from its date')
  t.is(brakes.lastEndMs, null)
  const [live] = brakes.live
  t.is(toHex(live!.key), toHex(keyOf(1)))
  t.is(`${live!.label} ${live!.reason} ${live!.note}`, 'p1 security hole')
  t.is(live!.receivedMs, nowMs + HOUR)
  t.is(pool.brakes(toHex(ids[1]!), nowMs + 2 * HOUR).live.length, 0, 'no other release')
  const after = pool.brakes(hex, nowMs + HOUR + DAY)
  t.absent(after.acts)
  t.is(after.lastEndMs, nowMs + HOUR + DAY, 'the stage bakes again from there')
})

test('S104 a shorter term counts, a longer one is a day', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(1, { ttlMs: HOUR }).wire, nowMs)
  t.is(pool.brakes(hex, nowMs).untilMs, nowMs + HOUR)
  const longer = new Pool(believed)
  longer.offer(by(1, { ttlMs: 10 * DAY }).wire, nowMs)
  t.is(longer.brakes(hex, nowMs).untilMs, nowMs + DAY)
})

test('S104 keys without the role, other releases and other networks brake nothing', (t) => {
  const pool = new Pool(believed)
  t.is(pool.offer(by(4).wire, nowMs).answer, 'ignored', 'the enroller')
  t.is(pool.offer(by(77).wire, nowMs).answer, 'ignored', 'a stranger')
  t.is(pool.offer(by(1, { release: idOf(3) }).wire, nowMs).answer, 'ignored')
  t.is(pool.offer(forged(by(1)), nowMs).answer, 'rejected', 'not signed by that key')
  t.is(pool.offer(by(1, { network: idOf(8) }).wire, nowMs).answer, 'rejected')
  t.is(pool.brakes(hex, nowMs).live.length, 0)
  t.is(pool.sets().length, 0)
  t.is(pool.offer(by(1).wire, nowMs).answer, 'accepted', 'a bad copy does not block the good one')
})

test('S104 a brake that is dated ahead or too old is ignored', (t) => {
  const pool = new Pool(believed)
  t.is(pool.offer(by(1, { atMs: nowMs + 6 * MINUTE }).wire, nowMs).answer, 'ignored')
  t.is(pool.offer(by(1, { atMs: nowMs - DAY - 6 * MINUTE }).wire, nowMs).answer, 'ignored')
  t.absent(pool.brakes(hex, nowMs).acts)
  t.is(pool.offer(by(1, { atMs: nowMs + 4 * MINUTE }).wire, nowMs).answer, 'accepted')
})

test('S104 heard again after it lapsed, a brake does not start anew, nor after a restart', (t) => {
  const pool = new Pool(believed)
  const first = by(1, { ttlMs: HOUR })
  pool.offer(first.wire, nowMs)
  const lapsedMs = nowMs + HOUR + MINUTE
  t.is(pool.offer(first.wire, lapsedMs).answer, 'duplicate')
  t.absent(pool.brakes(hex, lapsedMs).acts)
  const again = new Pool(believed)
  again.restore(pool.kept(), lapsedMs)
  t.is(again.offer(first.wire, lapsedMs).answer, 'duplicate')
  t.absent(again.brakes(hex, lapsedMs).acts)
  t.is(again.brakes(hex, lapsedMs).lastEndMs, nowMs + HOUR, 'and its end is remembered')
})

test('S104 a restart neither prolongs nor forgets a brake', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(1).wire, nowMs)
  const again = new Pool(believed)
  again.restore(pool.kept(), nowMs + 5 * HOUR)
  t.alike(again.brakes(hex, nowMs + 5 * HOUR), pool.brakes(hex, nowMs + 5 * HOUR))
  const back = new Pool(believed)
  back.restore(pool.kept(), nowMs - 5 * HOUR)
  t.is(back.brakes(hex, nowMs).untilMs, nowMs - 5 * HOUR + DAY, 'a clock set back gains nothing')
})

test('S104 a key brakes three times in an epoch, a fourth is ignored', (t) => {
  const pool = new Pool(believed)
  for (const [index, id] of ids.entries()) {
    const answer = pool.offer(by(1, { release: id, seq: index + 1 }).wire, nowMs + index)
    t.is(answer.answer, index < 3 ? 'accepted' : 'ignored')
  }
  t.absent(pool.brakes(toHex(ids[3]!), nowMs + HOUR).acts)
  t.is(pool.offer(by(2, { release: ids[3]! }).wire, nowMs).answer, 'accepted', 'another key may')
})

test('S104 who renews a brake daily is at its end after three days', (t) => {
  const pool = new Pool(believed)
  const days = [0, 1, 2, 3, 4].map((day) => {
    const atMs = nowMs + day * DAY
    pool.offer(by(1, { seq: day + 1, atMs }).wire, atMs)
    return pool.brakes(hex, atMs + HOUR).acts
  })
  t.alike(days, [true, true, true, false, false])
  t.is(pool.brakes(hex, nowMs + 10 * DAY).lastEndMs, nowMs + 3 * DAY)
})

test('S104 lower numbers that come later do not push out the three that were heard', (t) => {
  const pool = new Pool(believed)
  for (const seq of [10, 9, 8, 7, 6]) pool.offer(by(1, { seq }).wire, nowMs + (10 - seq) * MINUTE)
  const [view] = pool.sets()
  t.is(view!.count, 3)
  t.is(pool.brakes(hex, nowMs + HOUR).untilMs, nowMs + DAY, 'an older number moves no end')
})

test('S104 one live brake per key: a newer one takes its place', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(1, { seq: 1 }).wire, nowMs)
  pool.offer(by(1, { seq: 2, ttlMs: HOUR }).wire, nowMs + HOUR)
  const brakes = pool.brakes(hex, nowMs + 90 * MINUTE)
  t.is(brakes.live.length, 1)
  t.is(brakes.untilMs, nowMs + 2 * HOUR)
  t.is(pool.brakes(hex, nowMs + 3 * HOUR).lastEndMs, nowMs + 2 * HOUR)
})

test('S104 two wordings of one brake are one brake, both are kept as the proof', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(1, { note: 'one' }).wire, nowMs)
  t.is(pool.offer(by(1, { note: 'two' }).wire, nowMs + 20 * HOUR).answer, 'accepted')
  const brakes = pool.brakes(hex, nowMs + 21 * HOUR)
  t.is(brakes.live.length, 1)
  t.is(brakes.untilMs, nowMs + DAY, 'it runs from the first')
  t.is(pool.sets()[0]!.count, 2)
  for (const seq of [2, 3]) pool.offer(by(1, { seq }).wire, nowMs)
  t.is(pool.offer(by(1, { seq: 4 }).wire, nowMs).answer, 'ignored', 'it counted once of three')
})

test('S104 a quorum resume ends the brake that it names by id, for good', (t) => {
  const pool = new Pool(believed)
  const first = by(1)
  pool.offer(first.wire, nowMs)
  pool.offer(by(2).wire, nowMs)
  const [own] = pool.brakes(hex, nowMs).live
  const resume = resuming([own!.id])
  const resumed = taking(believed, resume)
  pool.setContext({ believed: resumed })
  const brakes = pool.brakes(hex, nowMs + HOUR)
  t.alike(
    brakes.live.map(({ label }) => label),
    ['p2'],
    'the other is not named'
  )
  t.is(pool.sets()[0]!.count, 1, 'what is lifted is not told')
  t.is(pool.offer(first.wire, nowMs + HOUR).answer, 'duplicate')
  const late = new Pool(resumed)
  t.is(late.offer(first.wire, nowMs + HOUR).answer, 'ignored', 'heard after its resume')
  t.is(late.offer(by(1, { note: 'other words' }).wire, nowMs + HOUR).answer, 'ignored')
  t.is(late.brakes(hex, nowMs + HOUR).live.length, 0)
})

test('S104 a trust without the key ends its brake; other keys keep theirs', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(1).wire, nowMs)
  pool.offer(by(2).wire, nowMs)
  const roles = { brake: { members: [2, 3] } }
  const second = signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2])
  pool.setContext({ believed: taking(believed, second) })
  t.alike(
    pool.brakes(hex, nowMs).live.map(({ label }) => label),
    ['p2']
  )
  t.is(pool.offer(by(1).wire, nowMs).answer, 'ignored')
})

test('S104 where the role asks for two keys, two must brake', (t) => {
  const two = foundNetwork({ roles: { brake: { members: [1, 2, 3], threshold: 2 } } })
  const it = signRelease(two.id, makeRelease(two.id))
  const id = idOfStatement(it)
  const pool = new Pool(believing(two, it))
  const say = (n: number, atMs: number) =>
    pool.offer(brake({ network: two.id, release: id, by: n, atMs: nowMs }).wire, atMs)
  say(1, nowMs)
  t.is(pool.brakes(toHex(id), nowMs).live.length, 1, 'it is shown')
  t.absent(pool.brakes(toHex(id), nowMs).acts)
  say(2, nowMs + 2 * HOUR)
  const brakes = pool.brakes(toHex(id), nowMs + 3 * HOUR)
  t.ok(brakes.acts)
  t.is(brakes.untilMs, nowMs + DAY, 'until the first of the two ends')
  const after = pool.brakes(toHex(id), nowMs + DAY + HOUR)
  t.is(after.live.length, 1)
  t.absent(after.acts)
  t.is(after.lastEndMs, nowMs + DAY)
})

function resuming(lifts: readonly Uint8Array[]): Statement {
  return signControl(
    network.id,
    makeControl(network.id, release, { action: 'resume', resume: 1, lifts })
  )
}
