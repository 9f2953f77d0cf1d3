import test from 'brittle'
import { DAY, equal, toHex } from '../../lib/base/index.ts'
import type { Release, Statement } from '../../lib/records/index.ts'
import {
  authorityDigest,
  buildAnchor,
  compareOrder,
  equalNumbers,
  excludedKeys,
  isLifted,
  refusals,
  releaseSeed,
  resumeNumber,
  signedDateMs,
  Slots,
  verifyMembership,
  widenedTo
} from '../../lib/trust/index.ts'
import { nodeOf, told, type TestNode } from '../tools/authority.ts'
import {
  drawEntry,
  foundNetwork,
  headUnder,
  idOf,
  idOfStatement,
  keyOf,
  makeAnchor,
  makeControl,
  makeMembership,
  makeRelease,
  makeRevoke,
  makeTrust,
  nodePair,
  signControl,
  signed,
  signRelease,
  signRevoke,
  signTrust,
  testNowMs,
  unsigned,
  wire
} from '../tools/people.ts'

// Any two of persons 1, 2, 3 release; person 4 enrols.
const network = foundNetwork()
const release = signRelease(network.id, makeRelease(network.id))
const releaseId = idOfStatement(release)

function control(
  fields: Parameters<typeof makeControl>[2],
  signers: readonly number[] = [1, 2]
): Statement {
  return signControl(network.id, makeControl(network.id, releaseId, fields), signers)
}

test('S36 signatures over many carriers unite, and one event says so', async (t) => {
  const three = foundNetwork({ roles: { release: { members: [1, 2, 3], threshold: 3 } } })
  const bare = unsigned(three.id, { tag: 'release', release: makeRelease(three.id) })
  for (const order of [
    [1, 2, 3],
    [3, 1, 2],
    [2, 3, 1]
  ]) {
    const node = await nodeOf(three)
    const heard: number[] = []
    node.authority.onChange(({ releases }) => heard.push(releases.length))
    const words: string[] = []
    for (const n of order) {
      const verdict = await node.authority.intake(wire(signed(bare, [n])), `carrier ${n}`)
      words.push(verdict.tag === 'pending' ? `${verdict.have}/${verdict.need}` : verdict.tag)
    }
    t.alike(words, ['1/3', '2/3', 'admitted'])
    t.alike(heard, [0, 0, 1])
    const events = node.events.filter(({ event, facts }) => {
      return event === 'authority.admitted' && facts['type'] === 'release'
    })
    t.is(events.length, 1, 'exactly one admitted event')
    t.is(told(await node.take(signed(bare, [2]))), 'known')
  }
})

test('S41 order is the pair of epoch and seq, whatever the label says', (t) => {
  const one = (epoch: number, seq: number): Release => makeRelease(network.id, { epoch, seq })
  t.ok(compareOrder(one(2, 1), one(1, 2 ** 32 - 1)) > 0)
  t.ok(compareOrder(one(1, 2), one(1, 3)) < 0)
  t.is(compareOrder(one(1, 2), makeRelease(network.id, { seq: 2, label: '9.9.9' })), 0)
})

test('S42 two releases with one number are an alarm, until a higher number ends it', async (t) => {
  const other = signRelease(network.id, makeRelease(network.id, { notes: 'another' }), [2, 3])
  const nodes: TestNode[] = []
  for (const order of [
    [release, other],
    [other, release]
  ]) {
    const node = await nodeOf(network)
    await node.take(order[0]!)
    t.is(told(await node.take(order[1]!)), 'admitted EQUIVOCATION')
    const { releases } = node.authority.believed
    t.is(releases.length, 2)
    for (const known of releases) {
      t.is(equalNumbers(node.authority.believed, known).length, 1, 'each has a rival')
    }
    t.ok(node.authority.read(idOfStatement(order[0]!)), 'both are spread as proof')
    t.ok(node.authority.read(idOfStatement(order[1]!)))
    nodes.push(node)
  }
  const [first, second] = nodes.map(({ authority }) => authorityDigest(authority.believed))
  t.alike(first, second, 'no tie-break by arrival')
  const higher = signRelease(network.id, makeRelease(network.id, { seq: 2 }))
  const node = nodes[0]!
  await node.take(higher)
  const newest = node.authority.believed.releases[0]!
  t.is(newest.body.seq, 2)
  t.is(equalNumbers(node.authority.believed, newest).length, 0)
})

test('S65 what a resume has lifted stays lifted, however often it is replayed', async (t) => {
  const pause = control({ action: 'pause' })
  const abort = control({ action: 'abort', reason: 'crashes' })
  const resume = control({
    action: 'resume',
    resume: 1,
    lifts: [idOfStatement(pause), idOfStatement(abort)],
    exclude: [idOf(5)]
  })
  const node = await nodeOf(network)
  await node.take(release, pause, abort)
  const before = refusals(node.authority.believed, releaseId)
  t.alike([before.paused.length, before.aborted.length], [1, 1])
  await node.take(resume)
  const calm = { paused: [], aborted: [], floor: null }
  t.alike(refusals(node.authority.believed, releaseId), calm)
  t.is(resumeNumber(node.authority.believed, releaseId), 1)
  t.alike(excludedKeys(node.authority.believed, releaseId).map(toHex), [toHex(idOf(5))])
  t.is(told(await node.take(pause)), 'known')
  t.is(told(await node.take(signed(abort, [3]))), 'improved')
  t.alike(refusals(node.authority.believed, releaseId), calm)

  const late = await nodeOf(network)
  await late.take(release, resume, abort, pause)
  t.alike(refusals(late.authority.believed, releaseId), calm, 'also where it came first')
  t.ok(isLifted(late.authority.believed, idOfStatement(abort)))

  const older = control({ action: 'resume', resume: 1, exclude: [idOf(6)] }, [2, 3])
  await node.take(older)
  t.is(excludedKeys(node.authority.believed, releaseId).length, 2, 'equal numbers unite')
  await node.take(control({ action: 'resume', resume: 3 }))
  t.is(resumeNumber(node.authority.believed, releaseId), 3, 'the number only rises')
  t.is(excludedKeys(node.authority.believed, releaseId).length, 0)
  await node.take(control({ action: 'pause', resume: 0, reason: 'again' }))
  t.is(refusals(node.authority.believed, releaseId).paused.length, 1, 'a pause names no number')

  // A rotation takes the resume its quorum; what it lifted stays lifted where it was known.
  const roles = { release: { members: [2, 31, 32], threshold: 2 } }
  await node.take(signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2]))
  t.ok(isLifted(node.authority.believed, idOfStatement(abort)))
  const again = await node.restart()
  t.ok(isLifted(again.authority.believed, idOfStatement(abort)), 'also after a restart')
})

test('S66 a widen outside the signed list is refused, one of an old number is void', async (t) => {
  const node = await nodeOf(network)
  await node.take(release)
  t.is(
    told(await node.take(control({ action: 'widen', stage: 5 }))),
    'refused CONTROL_OUT_OF_BOUNDS',
    'the plan has four stages'
  )
  for (const stage of [0, 1]) {
    t.is(
      told(await node.take(control({ action: 'widen', stage }))),
      'refused CONTROL_OUT_OF_BOUNDS',
      `stage ${stage}: the first bake is never skipped`
    )
  }
  t.is(told(await node.take(control({ action: 'widen', stage: 2 }))), 'admitted')
  t.is(widenedTo(node.authority.believed, releaseId), 2)
  await node.take(control({ action: 'resume', resume: 1 }))
  t.is(widenedTo(node.authority.believed, releaseId), null)
})

test('S92 a refusal outlives the signers who made it, and reaches only their time', async (t) => {
  const abort = control({ action: 'abort', floor: { tag: 'self' } })
  const roles = { release: { members: [2, 3, 11], threshold: 2 } }
  const second = signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2])
  const head = headUnder(2, idOfStatement(second))
  const newer = signRelease(network.id, makeRelease(network.id, { head, seq: 2 }), [3, 11])
  const node = await nodeOf(network)
  await node.take(release, abort, second, signed(release, [3]), newer)
  t.is(refusals(node.authority.believed, releaseId).aborted.length, 1, 'one signer is retired')
  // The keys of 1 and 2 are stolen after that: one is retired, one is not.
  const forged = signControl(
    network.id,
    makeControl(network.id, idOfStatement(newer), {
      action: 'abort',
      head: headUnder(1, network.id, testNowMs + 900 * DAY)
    }),
    [1, 2]
  )
  t.is(told(await node.take(forged)), 'admitted', 'k keys of the trust it names')
  const untouched = refusals(node.authority.believed, idOfStatement(newer))
  t.alike(untouched.aborted, [], 'but a release of a newer trust is out of its reach')
  t.ok(signedDateMs(node.authority.believed) <= testNowMs, 'nor does it move the time')
  const lift = { action: 'resume' as const, resume: 1, lifts: [idOfStatement(abort)] }
  t.is(told(await node.take(control(lift, [1, 2]))), 'pending THRESHOLD_NOT_MET')
  t.is(refusals(node.authority.believed, releaseId).aborted.length, 1)
  t.is(told(await node.take(control(lift, [3]))), 'admitted', 'a current quorum lifts it by id')
  t.is(refusals(node.authority.believed, releaseId).aborted.length, 0)
})

test('S99 drafts cost at most sixteen places per signer, and strangers none', async (t) => {
  const node = await nodeOf(network)
  const draft = (seq: number, signers: readonly number[]): Statement =>
    signRelease(
      network.id,
      makeRelease(network.id, { seq, head: headUnder(1, network.id, testNowMs + seq) }),
      signers
    )
  for (let seq = 1; seq <= 40; seq++) await node.take(draft(seq, [1]))
  const pending = (): number =>
    node.disk.files().filter((file) => file.startsWith('home/statements/pending/')).length
  t.is(pending(), 16)
  t.is(told(await node.take(draft(3, [1]))), 'refused OVER_LIMIT', 'older than the sixteen')
  t.is(told(await node.take(draft(50, [66]))), 'refused THRESHOLD_NOT_MET')
  for (let seq = 101; seq <= 110; seq++) await node.take(draft(seq, [2]))
  t.is(pending(), 26, 'one signer cannot crowd out another')
  t.is(node.authority.list().length, 1, 'and none of them is offered to others')
  const words = node.events.filter(({ event }) => event === 'authority.refused').length
  await node.take(draft(3, [1]))
  t.is(node.events.filter(({ event }) => event === 'authority.refused').length, words, 'once')
})

const anchors = [makeAnchor(5), makeAnchor(6)]
const drawn = foundNetwork({ roles: { draw: { members: [5, 6] } }, anchors })
const drawers = [keyOf(5), keyOf(6)].toSorted((a, b) => (toHex(a) < toHex(b) ? -1 : 1))

function drawnRelease(drawNumber: number, fields: Partial<Release> = {}): Statement {
  const body = makeRelease(drawn.id, { drawers, drawNumber, ...fields })
  return unsigned(drawn.id, { tag: 'release', release: body })
}

function withDraws(bare: Statement, drawNumber: number, signers: readonly number[]): Statement {
  const entries = [5, 6].map((n, index) => drawEntry(bare, n, anchors[index]!, drawNumber))
  return signed({ ...bare, entries }, signers)
}

test('S100 a draw counts beside its own signature, later ones move nothing', async (t) => {
  const node = await nodeOf(drawn)
  const bare = drawnRelease(7)
  t.is(told(await node.take(signed(bare, [1, 2]))), 'pending DRAW_INCOMPLETE')
  const wrong = { ...bare, entries: [drawEntry(bare, 5, anchors[0]!, 6)] }
  t.is(told(await node.take(wrong)), 'pending DRAW_INVALID', 'a path of another number')
  const pasted = drawEntry(drawnRelease(7, { notes: 'ground' }), 5, anchors[0]!, 7)
  await node.take({ ...bare, entries: [pasted] })
  t.is(node.authority.believed.releases.length, 0, 'a value pasted from another release')
  t.is(told(await node.take(withDraws(bare, 7, []))), 'admitted')
  const seed = releaseSeed(node.authority.believed.releases[0]!)
  t.is(told(await node.take(signed(bare, [3]))), 'improved')
  t.alike(releaseSeed(node.authority.believed.releases[0]!), seed)
  const again = await node.restart()
  t.alike(releaseSeed(again.authority.believed.releases[0]!), seed)

  const foreign = makeRelease(drawn.id, { drawers: [keyOf(9)], drawNumber: 8, seq: 2 })
  t.is(told(await node.take(signRelease(drawn.id, foreign))), 'refused DRAW_INVALID')
  t.is(told(await node.take(signed(drawnRelease(4_096), [1, 2]))), 'refused DRAW_INVALID')
  // A new anchor in a later trust never changes the seed of a release that names this one.
  const replaced = [buildAnchor(keyOf(5), idOf(1)), anchors[1]!]
  const roles = { draw: { members: [5, 6] } }
  const second = makeTrust({ version: 2, roles, anchors: replaced })
  await node.take(signTrust(drawn.id, second, [1, 2]))
  t.is(node.authority.believed.trust?.body.version, 2)
  t.alike(releaseSeed(node.authority.believed.releases[0]!), seed)
})

test('S101 one draw number under two releases: the higher order is refused', async (t) => {
  const low = withDraws(drawnRelease(7), 7, [1, 2])
  const high = withDraws(drawnRelease(7, { seq: 2 }), 7, [2, 3])
  for (const order of [
    [low, high],
    [high, low]
  ]) {
    const node = await nodeOf(drawn)
    await node.take(...order)
    t.is(node.authority.believed.releases.length, 1)
    t.ok(equal(node.authority.believed.releases[0]!.id, idOfStatement(low)))
    const held = node.authority.believed.held.get(toHex(idOfStatement(high)))
    t.is(held?.standing.tag === 'kept' && held.standing.code, 'DRAW_REUSED')
    t.ok(node.authority.read(idOfStatement(high)), 'both are the proof')
  }
  const node = await nodeOf(drawn)
  await node.take(low)
  t.is(told(await node.take(high)), 'kept DRAW_REUSED')
})

test('S103 two nodes in one slot are both absent, and a revoked slot is refused', async (t) => {
  const node = await nodeOf(network)
  const { believed } = node.authority
  const at = (slot: number, who: number): ReturnType<typeof makeMembership> =>
    makeMembership({ network: network.id, slot, node: who })
  const slots = new Slots(believed)
  t.is(slots.addMembership(at(0, 1), testNowMs).tag, 'added')
  t.is(slots.addMembership(at(0, 1), testNowMs).tag, 'known')
  t.ok(slots.slotOf(nodePair(1).key))
  t.is(slots.addMembership(at(0, 2), testNowMs).tag, 'clash')
  t.is(slots.slotOf(nodePair(1).key), null)
  t.is(slots.slotOf(nodePair(2).key), null)
  t.is(slots.clashes()[0]?.length, 2, 'both certificates are the proof')
  t.is(slots.addMembership(at(1, 3), testNowMs).tag, 'added', 'other slots are untouched')
  t.is(slots.seats().length, 1)

  const bad = [
    makeMembership({ network: network.id, slot: 0, node: 4, enroller: 5 }),
    makeMembership({ network: foundNetwork({ name: 'elsewhere' }).id, slot: 0, node: 4 })
  ]
  t.alike(
    bad.map((one) => told(verifyMembership(believed, one, testNowMs) as never)),
    ['refused NOT_ELIGIBLE', 'refused WRONG_NETWORK']
  )
  const forged = at(2, 7)
  const other = at(2, 8)
  const resigned = {
    ...forged,
    certificate: { ...forged.certificate, signature: other.certificate.signature }
  }
  const verdict = verifyMembership(believed, resigned, testNowMs)
  t.is(verdict.tag === 'refused' && verdict.code, 'BAD_SIGNATURE')

  const invite = at(0, 1).invite.invite
  const revoke = signRevoke(network.id, makeRevoke(network.id, invite, { slots: [1] }))
  t.is(told(await node.take(revoke)), 'admitted')
  slots.setBelieved(node.authority.believed)
  t.is(slots.slotOf(nodePair(3).key), null)
  t.is(slots.addMembership(at(1, 3), testNowMs).tag, 'refused')
  const roles = { enrol: { members: [14] } }
  await node.take(signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2]))
  slots.setBelieved(node.authority.believed)
  t.is(slots.seats().length, 0, 'a trust without the enroller ends all it invited')
  t.is(node.authority.believed.revokes.length, 0)
})
