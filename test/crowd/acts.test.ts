import test from 'brittle'
import * as fc from 'fast-check'
import { DAY, HOUR, MINUTE, toHex, type Bytes } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import type { Evidence, Trust } from '../../lib/records/index.ts'
import { attest, beacon, believing, brake, forged, taking } from '../tools/acts.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  makeArtifact,
  makeRelease,
  makeTrust,
  signRelease,
  signTrust,
  testNowMs,
  type TrustSpec
} from '../tools/people.ts'

// Persons 1 to 3 brake, 11 to 13 build, 21 to 23 keep beacons.
const network = foundNetwork({
  roles: { build: { members: [11, 12, 13] }, beacon: { members: [21, 22, 23] } }
})
const artifacts = [makeArtifact(1), makeArtifact(2, 'linux-arm64')]
const releases = [1, 2].map((seq) =>
  signRelease(network.id, makeRelease(network.id, { seq, artifacts }))
)
const ids = releases.map(idOfStatement)
const believed = believing(network, ...releases)
const nowMs = testNowMs + HOUR
const base = { network: network.id, atMs: nowMs }

function product<A, B>(as: readonly A[], bs: readonly B[]): readonly (readonly [A, B])[] {
  return as.flatMap((a) => bs.map((b) => [a, b] as const))
}

/** Everything that nine keys could say, contradictions included. */
const brakes = product(product([1, 2, 3], ids), product([1, 2, 3], ['a', 'b', 'c'])).map(
  ([[by, release], [seq, note]]) => brake({ ...base, by, release, seq, note, ttlMs: seq * HOUR })
)
const attests = product(product([11, 12, 13], [0, 1]), product([1, 2, 3], [1, 2, 3, 4])).map(
  ([[by, index], [seq, recipe]]) => {
    const treeDigest = recipe > 2 ? idOf(recipe) : artifacts[index]!.treeDigest
    const ttlMs = recipe % 2 === 0 ? DAY : 0
    return attest({ ...base, by, release: ids[0]!, index, seq, recipe, treeDigest, ttlMs })
  }
)
const beacons = product(product([21, 22, 23], [1, 2, 3, 4, 5, 6]), [1, 2, 3]).map(
  ([[by, seq], form]) => {
    const digest = form > 1 ? { digest: idOf(seq) } : {}
    const atMs = nowMs - (60 - 9 * seq - form) * MINUTE
    return beacon({ ...base, believed, by, seq, atMs, ...digest })
  }
)
const all: readonly Evidence[] = [...brakes, ...attests, ...beacons]

const open = (options: ConstructorParameters<typeof Pool>[1] = { verify: () => true }) =>
  new Pool(believed, options)

function taken(list: readonly Evidence[]): Pool {
  const pool = open()
  for (const one of list) pool.add(one, nowMs)
  return pool
}

/** All answers, at several times. */
function answersOf(pool: Pool): string {
  const times = [nowMs, nowMs + 90 * MINUTE, nowMs + 2 * DAY]
  const answers = times.map((atMs) => ({
    brakes: ids.map((id) => pool.brakes(toHex(id), atMs)),
    attestations: [0, 1].map((index) => pool.attestations(toHex(ids[0]!), index, atMs)),
    freshness: pool.freshness(atMs),
    claim: pool.claim(atMs)
  }))
  pool.freshness(nowMs)
  return JSON.stringify([answers, idsOf(pool)], (_, value: unknown) =>
    value instanceof Uint8Array ? toHex(value) : value
  )
}

function idsOf(pool: Pool): readonly string[] {
  return pool
    .sets()
    .flatMap(({ ref, members }) => members.map(({ id }) => `${ref.type} ${toHex(id)}`))
    .toSorted()
}

const wiresOf = (pool: Pool): readonly Bytes[] =>
  pool.kept().flatMap(({ wire }) => (wire.byteLength > 1 ? [wire] : []))

const some = fc.shuffledSubarray(all as Evidence[], { minLength: 1, maxLength: 90 })

test('acts in any order, repeated, split and merged, give the same answers', (t) => {
  fc.assert(
    fc.property(some, fc.infiniteStream(fc.nat()), (list, dice) => {
      const straight = answersOf(taken(list))
      const keyed = list.map((one) => ({ one, at: dice.next().value as number }))
      const shuffled = keyed.toSorted((a, b) => a.at - b.at).map(({ one }) => one)
      if (answersOf(taken([...shuffled, ...list.slice(0, 9)])) !== straight) return false
      const left = taken(list.filter((_, i) => i % 2 === 0))
      const right = taken(list.filter((_, i) => i % 2 === 1))
      for (const wire of wiresOf(right)) left.offer(wire, nowMs)
      return answersOf(left) === straight
    }),
    { numRuns: 150 }
  )
  t.pass('150 crowds')
})

test('acts that are kept and restored give the same answers, and are kept the same', (t) => {
  fc.assert(
    fc.property(some, (list) => {
      const before = taken(list)
      const after = open()
      after.restore(before.kept(), nowMs)
      const twice = open()
      twice.restore([...before.kept(), ...before.kept()], nowMs)
      return answersOf(after) === answersOf(before) && answersOf(twice) === answersOf(before)
    }),
    { numRuns: 60 }
  )
  t.pass('60 restarts')
})

test('what is told of acts is bounded, whatever is said', (t) => {
  const pool = taken(all)
  const count = (type: number) =>
    pool
      .sets()
      .filter(({ ref }) => ref.type === type)
      .reduce((sum, view) => sum + view.count, 0)
  t.is(count(50), 3 * 3 * 2, 'three brakes of a key and epoch, two wordings each')
  t.ok(count(48) <= 3 * 2 * 3, 'three statements of a builder and artifact')
  t.is(count(51), 3 * 2, 'the newest of a key, and its contradiction')
  t.ok(wiresOf(pool).length <= 18 + 18 + 3 * 4 * 2)
})

test('acts appear in the sets of their kind and are given out by id', (t) => {
  const pool = open({})
  const said = [brakes[0]!, attests[0]!, beacons[0]!]
  for (const one of said) t.is(pool.offer(one.wire, nowMs).answer, 'accepted')
  for (const one of said) {
    const { id, ref } = pool.offer(one.wire, nowMs)
    const view = pool.sets().find((set) => set.ref.type === ref!.type)
    t.is(toHex(view!.members[0]!.id), toHex(id!))
    t.is(toHex(view!.kthRank), 'ffffffffffffffff', 'there are no ranks')
    t.is(toHex(pool.get(id!)!), toHex(one.wire))
    t.is(toHex(view!.ref.subject), toHex(one.subject.subarray(0, 8)))
  }
})

test('a set of acts in which nothing changed is the same view', (t) => {
  const pool = taken([brakes[0]!, attests[0]!])
  const [brake50] = pool.sets().filter(({ ref }) => ref.type === 50)
  pool.add(beacons[0]!, nowMs)
  pool.add(attests[6]!, nowMs)
  t.is(
    pool.sets().find(({ ref }) => ref.type === 50),
    brake50
  )
  pool.add(brakes[5]!, nowMs)
  t.not(
    pool.sets().find(({ ref }) => ref.type === 50),
    brake50
  )
})

test('the signature is checked last, and once', (t) => {
  let verified = 0
  const pool = open({ verify: () => ++verified > 0 })
  const [first] = attests
  pool.offer(first!.wire, nowMs)
  pool.offer(first!.wire, nowMs)
  t.is(verified, 1, 'a duplicate costs none')
  const stranger = brake({ ...base, by: 50, release: ids[0]! })
  const stale = beacon({ ...base, believed, by: 21, atMs: nowMs - 3 * DAY })
  const old = attest({ ...base, by: 11, release: ids[0]!, treeDigest: idOf(1), ttlMs: MINUTE })
  for (const one of [stranger, stale]) pool.offer(one.wire, nowMs)
  pool.offer(old.wire, nowMs + HOUR)
  t.is(verified, 1, 'nor does what nobody may say, or not any more')
})

test('what is forged is rejected, kept or not', (t) => {
  const pool = open({})
  for (const one of [brakes[0]!, attests[0]!, beacons[0]!]) {
    t.is(pool.offer(forged(one), nowMs).answer, 'rejected')
  }
  const kept = [brakes[0]!, attests[0]!, beacons[0]!].map((one) => {
    return { wire: forged(one), receivedMs: nowMs }
  })
  const torn = { wire: brakes[0]!.wire.subarray(0, 99), receivedMs: nowMs }
  pool.restore([...kept, torn, { wire: new Uint8Array(0), receivedMs: nowMs }], nowMs)
  t.alike(wiresOf(pool), [], 'a damaged file says nothing')
})

test('since when beacons are waited for is news to be kept, from the first look on', (t) => {
  const pool = open()
  pool.restore([], nowMs)
  const kept = pool.kept()
  t.is(kept.length, 0)
  pool.freshness(nowMs)
  t.not(pool.kept(), kept)
  t.is(pool.kept().length, 1)
  const again = open()
  again.restore(pool.kept(), nowMs + HOUR)
  t.alike(again.freshness(nowMs + HOUR), { state: 'stale', ageMs: null, sinceMs: nowMs })
})

test('acts of a release that waits for a new trust are kept, those of a draft are none', (t) => {
  const pool = open()
  pool.add(brakes[0]!, nowMs)
  const roles = { release: { members: [2, 3, 31], threshold: 3 } }
  const second = signTrust(network.id, trustWith(roles), [1, 2])
  const waiting = taking(believed, second)
  t.is(waiting.releases.length, 0, 'it has two of three signatures')
  pool.setContext({ believed: waiting })
  t.ok(pool.brakes(toHex(ids[0]!), nowMs).acts)
  const draft = signRelease(network.id, makeRelease(network.id, { seq: 9 }), [1])
  const drafting = open()
  drafting.setContext({ believed: taking(believed, draft) })
  const early = brake({ ...base, by: 1, release: idOfStatement(draft) })
  t.is(drafting.offer(early.wire, nowMs).answer, 'ignored')
})

test('what is kept is the same list until something changes', (t) => {
  const pool = open()
  pool.add(brakes[0]!, nowMs)
  const kept = pool.kept()
  pool.add(brakes[0]!, nowMs)
  pool.brakes(toHex(ids[0]!), nowMs + HOUR)
  t.is(pool.kept(), kept)
  pool.add(attests[0]!, nowMs)
  t.not(pool.kept(), kept)
})

function trustWith(roles: TrustSpec['roles']): Trust {
  return makeTrust({
    version: 2,
    roles: { build: { members: [11, 12, 13] }, beacon: { members: [21, 22, 23] }, ...roles }
  })
}
