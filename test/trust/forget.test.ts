import test from 'brittle'
import {
  authoritySetMax,
  channelsMax,
  lastingMax,
  releasesKeptMax,
  rivalsMax,
  toHex,
  type Bytes
} from '../../lib/base/index.ts'
import type { Control, Release, Statement } from '../../lib/records/index.ts'
import {
  admit,
  Admission,
  admittedReleases,
  authorityDigest,
  believeNothing,
  isLifted,
  refusals,
  resumeNumber,
  type Believed,
  type Ruling
} from '../../lib/trust/index.ts'
import { baseOf, settle } from '../../lib/trust/belief/settle.ts'
import {
  foundNetwork,
  headUnder,
  idOf,
  idOfStatement,
  makeControl,
  makeEra,
  makeRelease,
  makeRevoke,
  makeTrust,
  nodePair,
  signControl,
  signEra,
  signRelease,
  signRevoke,
  signTrust,
  testNowMs
} from '../tools/people.ts'

// One signature is a quorum here: these tests sign thousands of statements.
const alone = { members: [1, 2, 3], threshold: 1 }
const network = foundNetwork({ roles: { root: alone, release: alone } })
const { id } = network
const start = taken(believeNothing(id), [network.first])

function releaseOf(seq: number, fields: Partial<Release> = {}): Statement {
  const head = headUnder(1, id, testNowMs + seq)
  return signRelease(id, makeRelease(id, { seq, head, ...fields }), [1])
}

function controlOf(release: Bytes, fields: Partial<Control> = {}): Statement {
  return signControl(id, makeControl(id, release, fields), [1])
}

function releases(count: number, from = 1, fields: Partial<Release> = {}): readonly Statement[] {
  return Array.from({ length: count }, (_, index) => releaseOf(from + index, fields))
}

interface Taken {
  readonly believed: Believed
  readonly rulings: readonly Ruling[]
}

function round(before: Believed, all: readonly Statement[], inUse: readonly Bytes[] = []): Taken {
  const admission = new Admission(before, { inUse })
  const rulings = all.map((one) => admission.take(one, testNowMs))
  return { believed: admission.believed(), rulings }
}

function taken(before: Believed, all: readonly Statement[]): Believed {
  return round(before, all).believed
}

function holds({ held }: Believed, statement: Statement): boolean {
  return held.has(toHex(idOfStatement(statement)))
}

/** What somebody believes who never forgets: everything, settled at once. */
function remembering(before: Believed, all: readonly Statement[]): Believed {
  let items = new Map(baseOf(before).items)
  for (const one of all) {
    const verdict = admit(start, one, testNowMs)
    if (!('believed' in verdict) || verdict.believed === null) continue
    const hex = toHex(idOfStatement(one))
    items = new Map([...items, [hex, verdict.believed.held.get(hex)!]])
  }
  return settle({ ...baseOf(before), items })
}

test('the newest releases stay, older ones go, and the digest is what it would be', (t) => {
  const all = releases(400)
  const believed = taken(start, all)
  t.is(believed.held.size, authoritySetMax)
  t.ok(all.slice(-releasesKeptMax).every((one) => holds(believed, one)))
  t.absent(holds(believed, all[0]!))
  t.alike(authorityDigest(believed), authorityDigest(remembering(start, all)))
  const again = admit(believed, all[0]!, testNowMs)
  t.is(again.tag === 'refused' && again.code, 'OVER_LIMIT', 'what is older than all has no place')
  t.is(taken(start, all.slice(0, 255)).held.size, 256, 'below the bound nothing is forgotten')
})

test('no flood of whatever kind makes a node forget a refusal, a floor or a trust', (t) => {
  const [first, second, third] = releases(3)
  const abort = controlOf(idOfStatement(first!), {
    action: 'abort',
    floor: { tag: 'release', id: idOfStatement(second!) }
  })
  const pause = controlOf(idOfStatement(second!))
  const standing = releaseOf(4, { floor: { tag: 'self' } })
  const next = signTrust(id, makeTrust({ version: 2, roles: { root: alone, release: alone } }), [1])
  const early = [first!, second!, third!, abort, pause, standing, next]
  const before = taken(start, early)
  const ids = [first!, second!, third!].map(idOfStatement)
  const was = ids.map((one) => stops(before, one))
  const target = idOfStatement(releaseOf(10))
  const flood = [
    ...releases(300, 10),
    ...Array.from({ length: 300 }, (_, index) => twinOf(index)),
    ...Array.from({ length: 300 }, (_, index) => wideningOf(target, index)),
    ...Array.from({ length: 200 }, (_, index) => eraOf(index + 1))
  ]
  const { believed } = round(before, flood)
  for (const one of [abort, pause, standing, second!, next, network.first]) {
    t.ok(holds(believed, one))
  }
  t.alike(
    ids.map((one) => stops(believed, one)),
    was,
    'the same refusals, by the same statements'
  )
  // Replayed, what was forgotten meets its floor again: nobody installs it.
  const lower = releaseOf(3, { channel: 'stable', notes: 'late' })
  const back = round(before, [...flood, lower], [idOfStatement(lower)]).believed
  t.alike(refusals(back, idOfStatement(lower)).floor?.by, idOfStatement(standing))
  t.ok(believed.held.size <= authoritySetMax)
  t.alike(
    authorityDigest(believed),
    authorityDigest(remembering(before, flood)),
    'and the digest does not tell who forgot'
  )
})

function stops(believed: Believed, release: Bytes): readonly string[] {
  const { paused, aborted } = refusals(believed, release)
  return [...paused, ...aborted].map(toHex)
}

const twinOf = (index: number): Statement => releaseOf(400, { notes: `twin ${index}` })
const wideningOf = (release: Bytes, index: number): Statement =>
  controlOf(release, { action: 'widen', stage: 2, reason: `${index}` })
const eraOf = (seq: number): Statement =>
  signEra(id, makeEra(id, { seq, action: seq % 2 === 0 ? 'cancel' : 'announce' }), [1])

test('S65 a lifted pause may be forgotten, and its replay still changes nothing', (t) => {
  const target = releaseOf(1)
  const release = idOfStatement(target)
  const pauses = Array.from({ length: 64 }, (_, n) => controlOf(release, { reason: `${n}` }))
  const lifts = pauses.map(idOfStatement).toSorted((a, b) => (toHex(a) < toHex(b) ? -1 : 1))
  const resume = controlOf(release, { action: 'resume', resume: 1, lifts })
  const before = taken(start, [target, ...pauses, resume])
  const believed = taken(before, releases(400, 10))
  t.ok(
    pauses.every((one) => !holds(believed, one)),
    'they made place'
  )
  t.ok(
    holds(believed, resume) && holds(believed, target),
    'what lifted them stays, and its release'
  )
  const replayed = taken(believed, pauses)
  t.is(refusals(replayed, release).paused.length, 0)
  t.ok(isLifted(replayed, idOfStatement(pauses[0]!)))
  t.is(resumeNumber(replayed, release), 1)
  t.alike(authorityDigest(replayed), authorityDigest(believed))
})

test('a release that the node runs is never forgotten, whatever its age', (t) => {
  const [running] = releases(1)
  const runningId = idOfStatement(running!)
  const before = taken(start, [running!])
  t.absent(holds(taken(before, releases(400, 10)), running!))
  const kept = round(before, releases(400, 10), [runningId]).believed
  t.ok(holds(kept, running!))
  t.is(kept.held.size, authoritySetMax)
})

test('two of one number stay as the proof, and both of one draw number', (t) => {
  const twins = Array.from({ length: 400 }, (_, index) => twinOf(index))
  const believed = taken(start, twins)
  t.is(believed.held.size, authoritySetMax)
  t.ok(admittedReleases(believed, 'stable').length >= 2)
  t.alike(authorityDigest(believed), authorityDigest(remembering(start, twins)))
})

test('refusals have a share per trust: a thief of old keys fills that of their trust only', (t) => {
  const roles = { root: alone, release: { members: [5, 6], threshold: 1 } }
  const next = signTrust(id, makeTrust({ version: 2, roles }), [1])
  const target = releaseOf(1, { head: headUnder(2, idOfStatement(next)) })
  const genuine = controlOf(idOfStatement(releaseOf(2)), { action: 'abort' })
  const before = taken(start, [next, genuine])
  const junk = Array.from({ length: lastingMax + 40 }, (_, index) =>
    controlOf(idOf(index), { action: 'abort' })
  )
  const { believed, rulings } = round(before, junk)
  t.is(rulings.filter(({ tag }) => tag === 'admitted').length, lastingMax - 1)
  const last = rulings.at(-1)!
  t.is(last.tag === 'refused' && last.code, 'OVER_LIMIT')
  t.ok(holds(believed, genuine), 'first come stays')
  const head = headUnder(2, idOfStatement(next))
  const honest = signControl(
    id,
    makeControl(id, idOfStatement(target), { action: 'abort', head }),
    [5]
  )
  const { rulings: after, believed: stopped } = round(believed, [honest])
  t.is(after[0]!.tag, 'admitted', 'whoever has office today has a share of their own')
  t.is(refusals(stopped, idOfStatement(target)).aborted.length, 1)
  const stolen = Array.from({ length: lastingMax + 5 }, (_, index) =>
    signRevoke(id, makeRevoke(id, nodePair(index).key), [4])
  )
  const { believed: crowded, rulings: revoked } = round(before, stolen)
  t.is(revoked.filter(({ tag }) => tag === 'admitted').length, lastingMax)
  t.is(round(crowded, [genuine, honest]).rulings[1]!.tag, 'admitted', 'an enrol key fills its own')
})

test('a ninth channel gets no place, and an eighth is not pushed out', (t) => {
  const names = Array.from({ length: channelsMax + 1 }, (_, index) => `c${index}`)
  const all = names.map((channel) => releaseOf(1, { channel }))
  const { believed, rulings } = round(start, all)
  t.is(rulings.filter(({ tag }) => tag === 'admitted').length, channelsMax)
  const last = rulings.at(-1)!
  t.is(last.tag === 'refused' && last.code, 'OVER_LIMIT')
  t.is(round(believed, [releaseOf(2, { channel: 'c0' })]).rulings[0]!.tag, 'admitted')
  const flood = names.slice(0, 8).flatMap((channel) => releases(60, 2, { channel }))
  const full = taken(believed, flood)
  t.is(full.held.size, authoritySetMax)
  for (const channel of names.slice(0, 8)) {
    t.ok(admittedReleases(full, channel).length >= releasesKeptMax, channel)
  }
})

test('S17 of a forked trust a few rivals are kept, the rest are refused', (t) => {
  const rivals = Array.from({ length: rivalsMax + 4 }, (_, index) =>
    signTrust(
      id,
      makeTrust({ version: 2, feeds: [idOf(index)], roles: { root: alone, release: alone } }),
      [1]
    )
  )
  const { believed, rulings } = round(start, rivals)
  t.is(believed.fork.length, rivalsMax)
  t.is(rulings.filter(({ tag }) => tag === 'refused').length, 4)
})
