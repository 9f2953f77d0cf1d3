// Crowds: of edits, of keys in an invite, of quorums that share nobody, of newcomers.
import test from 'brittle'
import { alloc, concat, DAY, SECOND, toHex, type Bytes } from '../../lib/base/index.ts'
import { placeOf } from '../../lib/crowd/index.ts'
import { placesIn, type Desk } from '../../lib/publish/index.ts'
import { journalSignature, placesOf } from '../../lib/publish/papers/journal.ts'
import {
  decodeMembership,
  encodeCertificate,
  encodeInvite,
  type Body,
  type Release,
  type Statement
} from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import { leastMs } from '../../lib/rollout/plan/policy.ts'
import {
  buildAnchor,
  equalNumbers,
  proofAt,
  releaseSeed,
  seedOf,
  sign,
  Slots,
  verifyMembership
} from '../../lib/trust/index.ts'
import { World } from '../rollout/world.ts'
import { nodeOf, told } from '../tools/authority.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import {
  drawEntry,
  foundNetwork,
  headUnder,
  idOf,
  idOfStatement,
  keyOf,
  makeAnchor,
  makeMembership,
  makeRelease,
  makeTrust,
  nodePair,
  person,
  signed,
  signRelease,
  signTrust,
  testNowMs,
  unsigned
} from '../tools/people.ts'

const network = foundNetwork()

test('S46 a newcomer takes the newest completed release, or else the first of all', (t) => {
  const { policy } = readPolicyFile({ plan: 'small' }, { nodes: 3 })
  const world = new World({ nodes: 3 })
  const first = world.release(1, policy)
  const taken = (): Bytes | null | undefined => {
    const fresh = world.addNode()
    const { act } = world.step(fresh)
    fresh.off = true
    return act.tag === 'fetch' ? act.release : null
  }
  t.alike(taken(), first, 'the first release of a network has no rollout to wait for')
  world.installed(first)
  for (const node of world.nodes) node.off = node.index > 2
  world.run(5 * SECOND)
  const second = world.release(2, policy)
  world.run(5 * SECOND)
  t.alike(taken(), first, 'one in the middle of its rollout is not for newcomers')
  world.run(5 * DAY)
  t.is(world.running(second), 3)
  t.alike(taken(), second, 'afterwards it is')
})

test('S46 without verdicts a release counts as completed a week after its least time', (t) => {
  const { policy } = readPolicyFile({ plan: 'short' }, { nodes: 400 })
  const world = new World({ nodes: 1, open: true })
  const first = world.release(1, policy)
  world.nowMs += 30 * DAY
  const second = world.release(2, policy)
  const issuedMs = world.nowMs
  const takenAt = (nowMs: number): Bytes | null => {
    world.nowMs = nowMs
    const { act } = world.step(world.addNode())
    return act.tag === 'fetch' ? act.release : null
  }
  const oldMs = issuedMs + leastMs(policy) + 7 * DAY
  t.alike(takenAt(oldMs - 1), first)
  t.alike(takenAt(oldMs), second)
  world.control(second, { action: 'abort' })
  t.alike(takenAt(oldMs + DAY), first, 'a refusal stands above its age')
})

const anchors = [makeAnchor(5), makeAnchor(6)]
const roles = {
  release: { members: [1, 2, 3, 4], threshold: 2 },
  draw: { members: [5, 6] }
}
const drawn = foundNetwork({ roles, anchors })
const drawers = [keyOf(5), keyOf(6)].toSorted((a, b) => (toHex(a) < toHex(b) ? -1 : 1))

function drawnRelease(drawNumber: number, fields: Partial<Release> = {}): Statement {
  const body = makeRelease(drawn.id, { drawers, drawNumber, ...fields })
  return unsigned(drawn.id, { tag: 'release', release: body })
}

function withValues(bare: Statement, drawNumber: number, which = [5, 6]): Statement {
  const entries = which.map((n) => drawEntry(bare, n, anchors[n - 5]!, drawNumber))
  return { ...bare, entries }
}

/** χ² of places in `cells` equal parts. */
function chiSquared(places: readonly bigint[], cells: number): number {
  const counts = Array.from({ length: cells }, () => 0)
  for (const place of places) counts[Number((place * BigInt(cells)) >> 64n)]! += 1
  const expected = places.length / cells
  return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
}

test('S59 with drawers places are even too: χ² over 100,000 nodes, and over 100,000 edits', (t) => {
  const values = anchors.map((anchor) => proofAt(anchor, 7).subarray(0, 32))
  const seed = seedOf(idOf(1), values)
  const bytes = alloc(4)
  const keyAt = (i: number): Bytes => {
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, i, true)
    return bytes
  }
  const nodes = Array.from({ length: 100_000 }, (_, i) => placeOf(seed, keyAt(i)))
  const chi = chiSquared(nodes, 100)
  // The .1 % bound of 99 degrees.
  t.ok(chi < 148.3, `χ² ${chi.toFixed(1)} of nodes`)
  // One node, as a drafter edits the release: what she gets without knowing the values.
  const victim = nodePair(1).key
  const edits = Array.from({ length: 100_000 }, (_, i) => {
    return placeOf(seedOf(concat([keyAt(i), alloc(28)]), values), victim)
  })
  const steered = chiSquared(edits, 100)
  t.ok(steered < 148.3, `χ² ${steered.toFixed(1)} of edits`)
})

/** Id of the release as it is after the `n`-th edit of its notes. */
function idOfEdit(n: number): Bytes {
  return idOfStatement(signRelease(network.id, makeRelease(network.id, { notes: `${n}` }), []))
}

test('S59 nobody named: a few edits steer the order; with a drawer she learns nothing', (t) => {
  const victim = nodePair(1).key
  const isEarly = (seed: Bytes): boolean => placeOf(seed, victim) >> 32n < 0xffff_ffffn / 20n
  let edits = 0
  while (!isEarly(seedOf(idOfEdit(edits), []))) edits++
  t.ok(edits < 200, `${edits} edits put one node among the first twentieth`)
  // The same search with the value of one drawer hidden: what she finds is no more than chance.
  const hidden = proofAt(anchors[0]!, 7).subarray(0, 32)
  let [found, early] = [0, 0]
  for (let n = 0; n < 2_000; n++) {
    if (!isEarly(seedOf(idOfEdit(n), []))) continue
    found++
    if (isEarly(seedOf(idOfEdit(n), [hidden]))) early++
  }
  t.ok(found > 50 && early < found / 4, `${early} of ${found} stay early once the value is known`)
})

test('S95 two of four may found a network; two disjoint quorums are seen by all', async (t) => {
  const split = foundNetwork({ roles: { release: { members: [1, 2, 3, 4], threshold: 2 } } })
  const one = signRelease(split.id, makeRelease(split.id), [1, 2])
  const other = signRelease(split.id, makeRelease(split.id, { notes: 'other' }), [3, 4])
  const node = await nodeOf(split)
  t.is(told(await node.take(one)), 'admitted', 'nodes accept such a trust')
  t.is(told(await node.take(other)), 'admitted EQUIVOCATION')
  for (const known of node.authority.believed.releases) {
    t.is(equalNumbers(node.authority.believed, known).length, 1)
  }
})

const release = (fields: Partial<Release>): Body => {
  return { tag: 'release', release: makeRelease(network.id, fields) }
}
const trust = (version: number): Body => ({ tag: 'trust', trust: makeTrust({ version }) })

test('S98 an order, a trust version, a draw number are signed for one statement', async (t) => {
  const clock = { wallMs: () => testNowMs, steadyMs: () => 0, after: () => () => {} }
  const dice = { next: () => 0, fill: (bytes: Bytes) => bytes }
  const disk = new MemoryDisk()
  const desk: Desk = { disk, clock, dice, places: placesIn('/desk') }
  const ask = async (n: number, body: Body): Promise<string> => {
    try {
      await journalSignature(desk, 'a', { id: idOf(n), places: placesOf(network.id, body) })
      return 'signed'
    } catch (error) {
      return (error as { readonly code: string }).code
    }
  }
  t.is(await ask(1, release({})), 'signed')
  t.is(await ask(1, release({})), 'signed', 'the same again')
  t.is(await ask(2, release({ notes: 'other' })), 'EQUIVOCATION', 'one (channel, epoch, seq)')
  t.is(await ask(3, release({ channel: 'beta' })), 'signed', 'of another channel')
  t.is(await ask(4, release({ epoch: 2 })), 'signed', 'of another epoch')
  t.is(await ask(5, trust(2)), 'signed')
  t.is(await ask(6, trust(2)), 'EQUIVOCATION', 'a corrected draft of one version')
  t.is(await ask(6, trust(3)), 'signed', 'takes the next')
  t.is(await ask(7, release({ seq: 2, drawers, drawNumber: 7 })), 'signed')
  t.is(await ask(8, release({ seq: 3, drawers, drawNumber: 7 })), 'EQUIVOCATION', 'one draw number')
  t.is(await ask(8, release({ seq: 3, drawers, drawNumber: 8 })), 'signed')
})

test('S100 whoever signs, and in whatever number, the named values make one seed', async (t) => {
  const quorums = [[1, 2], [3, 4], [1, 4], [2, 3], [1, 2, 3, 4]] // prettier-ignore
  const seeds = new Set<string>()
  for (const signers of quorums) {
    const node = await nodeOf(drawn)
    t.is(told(await node.take(signed(withValues(drawnRelease(7), 7), signers))), 'admitted')
    seeds.add(toHex(releaseSeed(node.authority.believed.releases[0]!)))
  }
  t.is(seeds.size, 1, 'no choice of signers moves it')
  const node = await nodeOf(drawn)
  const second = drawnRelease(8, { seq: 2 })
  await node.take(
    signed(withValues(drawnRelease(7), 7), [1, 2]),
    signed(withValues(second, 8), [1, 2])
  )
  const [b, a] = node.authority.believed.releases.map((known) => toHex(releaseSeed(known)))
  t.unlike(a, b, 'two releases in flight are drawn apart')
})

test('S100 a value known before a rotation is worth nothing under the next anchor', async (t) => {
  const fresh = [buildAnchor(keyOf(5), idOf(71)), buildAnchor(keyOf(6), idOf(72))]
  const second = signTrust(drawn.id, makeTrust({ version: 2, roles, anchors: fresh }), [1, 2])
  const node = await nodeOf(drawn)
  await node.take(second)
  const head = headUnder(2, idOfStatement(second))
  const bare = drawnRelease(7, { head })
  t.is(
    told(await node.take(signed(withValues(bare, 7), [1, 2]))),
    'pending DRAW_INVALID',
    'a path that does not meet the root'
  )
  const values = [5, 6].map((n, i) => drawEntry(bare, n, fresh[i]!, 7))
  t.is(told(await node.take({ ...bare, entries: values })), 'admitted')
})

test('S101 a drawer who stays away vetoes one release, whoever else signs it', async (t) => {
  const node = await nodeOf(drawn)
  const bare = drawnRelease(7)
  const verdict = await node.take(signed(withValues(bare, 7, [5]), [1, 2, 3, 4]))
  t.is(told(verdict), 'pending DRAW_INCOMPLETE')
  if (verdict.tag === 'pending') t.alike([verdict.have, verdict.need], [1, 2])
  t.is(node.authority.believed.releases.length, 0)
  const next = drawnRelease(8, { seq: 2, drawers: [keyOf(5)] })
  t.is(told(await node.take(signed(withValues(next, 8, [5]), [1, 2]))), 'admitted', 'without her')
})

test('S101 the order decides which of two keeps a draw number, also across channels', async (t) => {
  const low = signed(withValues(drawnRelease(7, { seq: 3, channel: 'beta' }), 7), [1, 2])
  const high = signed(withValues(drawnRelease(7, { seq: 4 }), 7), [3, 4])
  for (const order of [
    [low, high],
    [high, low]
  ]) {
    // prettier-ignore
    const node = await nodeOf(drawn)
    await node.take(...order)
    const { releases, held } = node.authority.believed
    t.alike(
      releases.map(({ id }) => toHex(id)),
      [toHex(idOfStatement(low))]
    )
    const standing = held.get(toHex(idOfStatement(high)))?.standing
    t.is(standing?.tag === 'kept' && standing.code, 'DRAW_REUSED')
  }
})

test('S103 1,000 keys in the slots of one stolen invite blind that invite alone', async (t) => {
  const { believed } = (await nodeOf(network)).authority
  const slots = new Slots(believed)
  const at = (invite: number, slot: number, node: number) =>
    slots.addMembership(makeMembership({ network: network.id, invite, slot, node }), testNowMs)
  for (let slot = 0; slot < 20; slot++) t.is(at(1, slot, slot).tag, 'added')
  t.is(at(2, 0, 9_000).tag, 'added')
  const tags = new Map<string, number>()
  for (let n = 0; n < 1_000; n++) {
    const { tag } = at(1, n % 20, 1_000 + n)
    tags.set(tag, (tags.get(tag) ?? 0) + 1)
  }
  t.alike([...tags], [['clash', 1_000]])
  t.alike(
    slots.seats().map(({ certificate }) => toHex(certificate.node)),
    [toHex(nodePair(9_000).key)],
    'another invite’s node sits where it sat'
  )
  t.is(slots.clashes().length, 20)
  t.ok(
    slots.clashes().every((proof) => proof.length === 2),
    'two certificates are the proof'
  )
})

test('S103 a slot past the end, an invite past its time, a wrong hand: refused', async (t) => {
  const { believed } = (await nodeOf(network)).authority
  const read = (invite: object, certificate: object): string => {
    const pair = nodePair(1_000_001)
    const whole = makeMembership({ network: network.id, slot: 0, node: 4 })
    const first = encodeInvite({ ...whole.invite, slots: 3, ...invite })
    const second = encodeCertificate({ ...whole.certificate, ...certificate })
    const parts = [first, sign(first, person(4)), second, sign(second, pair)]
    try {
      const seat = verifyMembership(believed, decodeMembership(concat(parts)), testNowMs)
      return seat.tag === 'seat' ? 'seat' : seat.code
    } catch (error) {
      return (error as { readonly code: string }).code
    }
  }
  t.is(read({}, { slot: 2 }), 'seat')
  t.is(read({}, { slot: 3 }), 'NOT_CANONICAL', 'slots count from 0')
  const issuedMs = testNowMs - DAY
  t.is(read({ notAfterMs: issuedMs }, { issuedMs }), 'seat')
  t.is(read({ notAfterMs: issuedMs - 1 }, { issuedMs }), 'NOT_CANONICAL', 'the invite had ended')
  t.is(read({}, { issuedMs: testNowMs + 6 * 60_000 }), 'CLOCK_SKEW', 'dated ahead of the clock')
  t.is(read({ enrol: keyOf(5) }, {}), 'NOT_ELIGIBLE', 'by a key that enrols nobody')
})
