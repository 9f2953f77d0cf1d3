import test from 'brittle'
import { assert, constantFrom, property, shuffledSubarray, tuple } from 'fast-check'
import { equal, toHex } from '../../lib/base/index.ts'
import { encodeCanonical, type Control, type Statement } from '../../lib/records/index.ts'
import {
  admit,
  Admission,
  authorityDigest,
  believeNothing,
  type Believed
} from '../../lib/trust/index.ts'
import { baseOf, settle } from '../../lib/trust/belief/settle.ts'
import {
  drawEntry,
  foundNetwork,
  headUnder,
  idOfStatement,
  makeAnchor,
  makeControl,
  makeEra,
  makeRelease,
  makeRevoke,
  makeTrust,
  nodePair,
  signControl,
  signed,
  signEra,
  signRelease,
  signRevoke,
  signTrust,
  testNowMs,
  testPolicy,
  unsigned,
  type TrustSpec
} from '../tools/people.ts'

// Everything a network can say, in one hat: rotations, a fork and what heals it, a raised epoch,
// releases of one number and of one draw number, controls and what lifts them, drafts.
const anchors = [makeAnchor(3)]
const draw = { draw: { members: [3] } }
const network = foundNetwork({ roles: draw, anchors })
const { id } = network

function trustOf(version: number, people: readonly number[], spec: TrustSpec = {}): Statement {
  const role = { members: people, threshold: 2 }
  const roles = { root: role, release: role, ...draw }
  const trust = makeTrust({ version, anchors, ...spec, roles })
  return signTrust(id, trust, [1, 2, 3, 11, 12])
}

const second = trustOf(2, [2, 3, 11])
const rival = trustOf(2, [1, 2, 12])
const third = trustOf(3, [2, 3, 12])
const raised = trustOf(4, [3, 11, 12], { epoch: 2 })
const old = signRelease(id, makeRelease(id), [1, 2, 3, 11])
const oldId = idOfStatement(old)
const under = headUnder(2, idOfStatement(second))
const late = headUnder(4, idOfStatement(raised))
const next = signRelease(id, makeRelease(id, { seq: 2, floor: { tag: 'self' } }), [1, 2, 3, 12])
const nextId = idOfStatement(next)
const twin = signRelease(id, makeRelease(id, { seq: 2, notes: 'twin' }), [2, 3, 11])
const beta = signRelease(id, makeRelease(id, { channel: 'beta', seq: 7, head: under }), [2, 3])
const after = signRelease(id, makeRelease(id, { epoch: 2, head: late }), [11, 12])

/** Two releases over one draw number; person 3 gave her value to both. */
const drawn = [5, 6].map((seq) => {
  const fields = { seq, drawers: [anchors[0]!.key], drawNumber: 9 }
  const bare = unsigned(id, { tag: 'release', release: makeRelease(id, fields) })
  const entries = [
    drawEntry(bare, 3, anchors[0]!, 9),
    ...signRelease(id, makeRelease(id), []).entries
  ]
  return signRelease(id, makeRelease(id, fields), [1, 2]).entries.reduce(
    (all, entry) => ({ ...all, entries: [...all.entries, entry] }),
    { ...bare, entries }
  )
})

const control = (release: Uint8Array, fields: Partial<Control>): Statement =>
  signControl(id, makeControl(id, release, fields), [1, 2, 3])
const pause = control(nextId, {})
const abort = control(oldId, { action: 'abort', floor: { tag: 'release', id: nextId } })
const resume = control(nextId, { action: 'resume', resume: 1, lifts: [idOfStatement(pause)] })
const widen = control(nextId, { action: 'widen', resume: 1, stage: 2 })
const beyond = control(nextId, { action: 'widen', resume: 1, stage: 9 })
const small = testPolicy().plan
const strict = signRelease(
  id,
  makeRelease(id, { seq: 3, policy: testPolicy({ plan: { stages: small.stages.slice(0, 2) } }) }),
  [1, 2, 3]
)
const tooFar = control(idOfStatement(strict), { action: 'widen', stage: 3 })
const era = signEra(id, makeEra(id), [2, 3])
const cancelled = signEra(id, makeEra(id, { seq: 2, action: 'cancel' }), [2, 3])
const revoke = signRevoke(id, makeRevoke(id, nodePair(5).key), [4])
/** What a newer node could read: ignorable from 128 on, critical below. */
const unknown = (type: number): Statement => {
  const { body } = unsigned(id, { tag: 'release', release: makeRelease(id) })
  const canonical = encodeCanonical(id, type, body)
  return signed({ network: id, type, body, canonical, entries: [] }, [2, 3])
}
const later = [unknown(200), unknown(9)]

const statements = [
  second,
  rival,
  third,
  raised,
  old,
  next,
  twin,
  beta,
  after,
  ...drawn,
  strict,
  pause,
  abort,
  resume,
  widen,
  beyond,
  tooFar,
  era,
  cancelled,
  revoke,
  ...later
]
/** Each whole, and each signature by itself, as from a carrier of its own. */
const carriers = [
  ...statements,
  ...statements.flatMap((one) => one.entries.map((entry) => ({ ...one, entries: [entry] })))
]
const places = [...carriers.keys()]

function ids(list: readonly { readonly id: Uint8Array }[]): string {
  return list.map((one) => toHex(one.id).slice(0, 12)).join(' ')
}

/** All that a belief says, in words; the order of `held` is nobody's business. */
function words(believed: Believed): string {
  const { trust, trusts, fork, adopted, releases, controls, eras, revokes, lifted } = believed
  const held = [...believed.held]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([hex, one]) => {
      const { signers } = one.any.known
      return `${hex} ${one.settled} ${signers.length} ${JSON.stringify(one.standing)}`
    })
  return [
    `${trust === null ? '-' : ids([trust])} ${adopted === null ? '-' : ids([adopted])}`,
    ...[trusts, fork, releases, controls, eras, revokes].map(ids),
    [...lifted].toSorted().join(' '),
    toHex(authorityDigest(believed)),
    ...held
  ].join('\n')
}

function start(): Believed {
  const verdict = admit(believeNothing(id), network.first, testNowMs)
  if (verdict.tag !== 'admitted') throw new Error(verdict.tag)
  return verdict.believed
}

test('every step ends in what a settlement of everything held says', (t) => {
  let steps = 0
  const tags = new Set<string>()
  assert(
    property(shuffledSubarray(places), (order) => {
      let believed = start()
      for (const place of order) {
        const verdict = admit(believed, carriers[place]!, testNowMs)
        tags.add('code' in verdict ? `${verdict.tag} ${verdict.code}` : verdict.tag)
        if (!('believed' in verdict) || verdict.believed === null) continue
        believed = verdict.believed
        steps++
        const whole = words(settle(baseOf(believed)))
        if (words(believed) !== whole) {
          throw new Error(`after ${place}:\n${words(believed)}\n---\n${whole}`)
        }
      }
    }),
    { numRuns: 120 }
  )
  t.ok(steps > 500, `${steps} steps`)
  for (const tag of [
    'admitted',
    'improved',
    'kept TRUST_FORK',
    'kept DRAW_REUSED',
    'kept UNSUPPORTED',
    'pending THRESHOLD_NOT_MET',
    'refused CONTROL_OUT_OF_BOUNDS',
    'refused WRONG_EPOCH'
  ]) {
    t.ok(tags.has(tag), tag)
  }
})

test('a round of many statements ends where they end one by one', (t) => {
  const cut = constantFrom(3, 8, 400)
  assert(
    property(tuple(shuffledSubarray(places), cut), ([order, size]) => {
      const single = inRounds(order, 1)
      const rounds = inRounds(order, size)
      if (words(single) !== words(rounds)) {
        throw new Error(`${words(single)}\n---\n${words(rounds)}`)
      }
    }),
    { numRuns: 120 }
  )
  t.pass('rounds of 1, 3, 8 and all')
})

function inRounds(order: readonly number[], size: number): Believed {
  let believed = start()
  for (let at = 0; at < order.length; at += size) {
    const admission = new Admission(believed)
    for (const place of order.slice(at, at + size)) admission.take(carriers[place]!, testNowMs)
    believed = admission.believed()
  }
  return believed
}

test('what a round is made from stays as it was', (t) => {
  const before = start()
  const was = words(before)
  const admission = new Admission(before)
  t.is(admission.believed(), before, 'nothing taken, nothing new')
  admission.take(carriers[0]!, testNowMs)
  const between = admission.believed()
  const text = words(between)
  for (const one of carriers) admission.take(one, testNowMs)
  t.is(words(before), was)
  t.is(words(between), text)
  t.ok(equal(between.network, id))
})
