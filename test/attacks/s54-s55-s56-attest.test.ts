import test from 'brittle'
import { DAY, HOUR, toHex } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import type { Evidence } from '../../lib/records/index.ts'
import { attest, believing, forged, taking } from '../tools/acts.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  makeArtifact,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signRelease,
  signTrust,
  testNowMs
} from '../tools/people.ts'

// Persons 11 to 15 build for one organisation, 16 and 17 for one each.
const organisations = { 11: 'acme', 12: 'acme', 13: 'acme', 14: 'acme', 15: 'acme', 16: 'bolt' }
const build = { members: [11, 12, 13, 14, 15, 16, 17], threshold: 2, organisations }
const network = foundNetwork({ roles: { build } })
const artifacts = [makeArtifact(1), makeArtifact(2, 'linux-arm64')]
const released = signRelease(network.id, makeRelease(network.id, { artifacts }))
const release = idOfStatement(released)
const hex = toHex(release)
const believed = believing(network, released)
const nowMs = testNowMs + HOUR
const { treeDigest } = artifacts[0]!

const by = (n: number, it: Partial<Parameters<typeof attest>[0]> = {}): Evidence =>
  attest({ network: network.id, release, treeDigest, by: n, atMs: nowMs, ...it })
const other = (n: number, it: Partial<Parameters<typeof attest>[0]> = {}): Evidence =>
  by(n, { treeDigest: idOf(5), ...it })
const read = (pool: Pool, index = 0, atMs = nowMs) => pool.attestations(hex, index, atMs)

test('S54 five keys of one organisation count once, two organisations count two', (t) => {
  const pool = new Pool(believed)
  t.alike(read(pool), { organisations: [], builders: [], conflicts: [] })
  for (const n of [11, 12, 13, 14, 15]) {
    const answer = pool.offer(by(n).wire, nowMs)
    t.alike([answer.answer, answer.spread], ['accepted', 'eager'])
    t.alike(answer.ref, { type: 48, subject: release.slice(0, 8), a: 0, b: 0, c: 0 })
  }
  t.alike(read(pool).organisations, ['acme'])
  t.alike(read(pool).builders, ['p11', 'p12', 'p13', 'p14', 'p15'])
  pool.offer(by(16).wire, nowMs)
  t.alike(read(pool).organisations, ['acme', 'bolt'])
  t.is(pool.sets()[0]!.count, 6)
})

test('S55 another tree is a conflict, though the number is reached', (t) => {
  const pool = new Pool(believed)
  for (const n of [11, 16]) pool.offer(by(n).wire, nowMs)
  t.is(pool.offer(other(17).wire, nowMs).answer, 'accepted')
  const { organisations: agree, conflicts } = read(pool)
  t.alike(agree, ['acme', 'bolt'])
  t.is(conflicts.length, 1)
  const [dispute] = conflicts
  t.alike([dispute!.label, dispute!.organisation], ['p17', 'org-17'])
  t.is(toHex(dispute!.treeDigest), toHex(idOf(5)))
  t.is(read(pool, 1).conflicts.length, 0, 'of this artifact alone')
})

test('S55 only a resume that names it ends a dispute, no later word of its builder does', (t) => {
  const pool = new Pool(believed)
  const dispute = other(17)
  for (const said of [dispute, by(17, { seq: 2 })]) pool.offer(said.wire, nowMs)
  t.is(read(pool).conflicts.length, 1)
  t.alike(read(pool).builders, [], 'who disputes does not count beside it')
  const { id } = read(pool).conflicts[0]!
  pool.setContext({ believed: taking(believed, resuming([idOf(77)])) })
  t.is(read(pool).conflicts.length, 1, 'a resume that names something else')
  pool.setContext({ believed: taking(believed, resuming([id])) })
  t.alike(read(pool).conflicts, [])
  t.alike(read(pool).builders, ['p17'], 'its newer word counts again')
  t.is(pool.offer(dispute.wire, nowMs).answer, 'duplicate')
  pool.offer(other(17, { seq: 3 }).wire, nowMs)
  t.is(read(pool).conflicts.length, 1, 'a new dispute is a new one')
})

test('S55 a dispute heard late stands, and a replay of a lifted one does not', (t) => {
  const pool = new Pool(believed)
  const first = other(17, { seq: 1 })
  const second = other(17, { seq: 2 })
  pool.offer(by(17, { seq: 9 }).wire, nowMs)
  pool.offer(second.wire, nowMs)
  t.is(read(pool).conflicts.length, 1, 'although a higher number agrees')
  const { id } = read(pool).conflicts[0]!
  pool.setContext({ believed: taking(believed, resuming([id])) })
  t.is(pool.offer(first.wire, nowMs).answer, 'ignored', 'an older one of the same builder')
  t.alike(read(pool).conflicts, [])
})

test('S55 a short dispute does not end a lasting one', (t) => {
  const pool = new Pool(believed)
  pool.offer(other(17, { seq: 1 }).wire, nowMs)
  pool.offer(other(17, { seq: 2, ttlMs: HOUR }).wire, nowMs)
  t.is(read(pool).conflicts.length, 2)
  t.is(read(pool, 0, nowMs + 2 * HOUR).conflicts.length, 1)
})

test('S55 one number for two trees stays a conflict, in either order', (t) => {
  for (const order of [
    [by(17), other(17)],
    [other(17), by(17)]
  ]) {
    const pool = new Pool(believed)
    for (const said of order) pool.offer(said.wire, nowMs)
    t.is(read(pool).conflicts.length, 1)
    t.alike(read(pool).builders, [])
    t.is(pool.sets()[0]!.count, 2, 'both are the proof')
    pool.setContext({ believed: taking(believed, resuming([read(pool).conflicts[0]!.id])) })
    t.alike(read(pool).builders, [], 'it still says both')
  }
})

test('S56 unknown builders, other releases, places and networks are ignored', (t) => {
  const pool = new Pool(believed)
  t.is(pool.offer(by(18).wire, nowMs).answer, 'ignored', 'not listed')
  t.is(pool.offer(by(1).wire, nowMs).answer, 'ignored', 'a signer is no builder')
  t.is(pool.offer(by(11, { release: idOf(4) }).wire, nowMs).answer, 'ignored')
  t.is(pool.offer(by(11, { index: 2 }).wire, nowMs).answer, 'ignored', 'no such artifact')
  t.is(pool.offer(forged(by(11)), nowMs).answer, 'rejected')
  t.is(pool.offer(by(11, { network: idOf(8) }).wire, nowMs).answer, 'rejected')
  t.is(pool.kept().length, 0)
  t.is(pool.sets().length, 0)
})

test('S56 an attestation of another platform counts for that one alone', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(11, { index: 1, treeDigest: artifacts[1]!.treeDigest }).wire, nowMs)
  t.alike(read(pool, 0).organisations, [])
  t.alike(read(pool, 1).organisations, ['acme'])
})

test('S56 expired and post-dated attestations are ignored', (t) => {
  const pool = new Pool(believed)
  t.is(pool.offer(by(11, { ttlMs: DAY, atMs: nowMs - 2 * DAY }).wire, nowMs).answer, 'ignored')
  t.is(pool.offer(by(11, { atMs: nowMs + HOUR }).wire, nowMs).answer, 'ignored')
  t.is(pool.offer(by(11, { ttlMs: 91 * DAY }).wire, nowMs).answer, 'ignored', 'too long a term')
  pool.offer(by(11, { ttlMs: DAY }).wire, nowMs)
  pool.offer(by(16).wire, nowMs)
  t.alike(read(pool).organisations, ['acme', 'bolt'])
  t.alike(read(pool, 0, nowMs + DAY).organisations, ['bolt'], 'it ends by itself')
  read(pool, 0, nowMs + DAY + HOUR)
  t.is(pool.sets()[0]!.count, 1, 'and is not told any more')
})

test('S56 a builder that a new trust drops takes its words along, also its dispute', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(11).wire, nowMs)
  pool.offer(other(17).wire, nowMs)
  const roles = { build: { ...build, members: [11, 16] } }
  const second = signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2])
  pool.setContext({ believed: taking(believed, second) })
  t.alike(read(pool).organisations, ['acme'])
  t.alike(read(pool).conflicts, [])
  t.is(pool.offer(other(17).wire, nowMs).answer, 'ignored')
})

test('S55 attestations are kept over a restart and go with their release', (t) => {
  const pool = new Pool(believed)
  pool.offer(by(11).wire, nowMs)
  pool.offer(other(17).wire, nowMs)
  const again = new Pool(believed)
  again.restore(pool.kept(), nowMs + DAY)
  t.alike(read(again), read(pool))
  again.setContext({ believed: { ...believed, releases: [], held: new Map() } })
  t.alike(read(again), { organisations: [], builders: [], conflicts: [] })
  t.is(again.kept().length, 0)
})

function resuming(lifts: readonly Uint8Array[]) {
  return signControl(
    network.id,
    makeControl(network.id, release, { action: 'resume', resume: 1, lifts })
  )
}
