// Invites: what may be asked of nodes to come, and how slots end.
import test from 'brittle'
import { alloc } from '../../lib/base/index.ts'
import { draftRevoke, makeInvite, parseLabel } from '../../lib/publish/index.ts'
import { decodeInviteFile } from '../../lib/records/index.ts'
import { verifyMembership } from '../../lib/trust/index.ts'
import { believing } from '../tools/acts.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import {
  foundNetwork,
  idOf,
  makeMembership,
  makeRevoke,
  nodePair,
  person,
  signed,
  signRevoke,
  testNowMs
} from '../tools/people.ts'
import { codeOf, deskIn, keyed } from './desks.ts'

const some = (count: number, value: string) =>
  Array.from({ length: count }, (_, n) => ({ name: `label-${n}`, value }))

test('a revoke ends slots or the whole invite, once', async (t) => {
  const network = foundNetwork()
  const believed = believing(network)
  const invite = nodePair(1_000_001).key
  const { body } = draftRevoke(believed, { invite, slots: [300, 2, 2] }, testNowMs)
  t.ok(body.tag === 'revoke' && body.revoke.slots.length === 2)
  const many = Array.from({ length: 257 }, (_, slot) => slot)
  t.is(await codeOf(() => draftRevoke(believed, { invite, slots: many }, testNowMs)), 'USAGE')
  const gone = believing(
    network,
    signRevoke(network.id, makeRevoke(network.id, invite, { slots: [2] }))
  )
  t.is(await codeOf(() => draftRevoke(gone, { invite, slots: [2] }, testNowMs)), 'NOTHING_TO_DO')
  t.is(await codeOf(() => draftRevoke(gone, { invite, slots: [2, 3] }, testNowMs)), null)
  t.is(await codeOf(() => draftRevoke(gone, { invite, slots: [] }, testNowMs)), null)
  const seatOf = (slot: number) => {
    const membership = makeMembership({ network: network.id, slot, node: slot })
    const ended = draftRevoke(believed, { invite, slots: [2] }, testNowMs)
    const after = believing(network, signed(ended.statement, [4]))
    return verifyMembership(after, membership, testNowMs).tag
  }
  t.alike([2, 3].map(seatOf), ['refused', 'seat'], 'who sits in it is no member any more')
  const open = believing(foundNetwork({ membership: 'open' }))
  t.is(await codeOf(() => draftRevoke(open, { invite, slots: [] }, testNowMs)), 'USAGE')
})

test('an invite that no node could join with is not made', async (t) => {
  const desk = deskIn(new MemoryDisk())
  const believed = believing(foundNetwork())
  const unlocked = { ...keyed(4), pair: person(4), feed: idOf(1), drawRoot: idOf(2) }
  const key = { ...unlocked, drawSecret: alloc(32), isElsewhere: false }
  const made = (labels: readonly { name: string; value: string }[], notAfterMs = 0) =>
    makeInvite(desk, believed, { key, options: { slots: 3, labels, notAfterMs, nowMs: testNowMs } })
  const { invite } = decodeInviteFile(await made([{ name: 'operator', value: 'demo' }]))
  t.alike([invite.slots, invite.weight, invite.labels.length], [3, 1, 1])
  t.is(await codeOf(() => made(some(17, 'x'))), 'USAGE', 'at most 16 labels')
  t.is(
    await codeOf(() => made(some(16, 'x'.repeat(64)))),
    'OVER_LIMIT',
    'membership of 1,024 bytes'
  )
  t.is(await codeOf(() => made([...some(1, 'x'), ...some(1, 'y')])), 'USAGE', 'one value per name')
  t.is(await codeOf(() => made([], testNowMs)), 'USAGE', 'over before it begins')
  for (const text of [
    'operator',
    '=demo',
    'Operator=demo',
    'a=x\u001b[2J',
    `a=${'x'.repeat(65)}`
  ]) {
    t.is(await codeOf(() => parseLabel(text)), 'USAGE', text.slice(0, 12))
  }
})
