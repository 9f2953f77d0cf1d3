import test from 'brittle'
import { DAY, toHex } from '../../lib/base/index.ts'
import type { Statement, Trust } from '../../lib/records/index.ts'
import {
  admit,
  admittedReleases,
  believeNothing,
  expired,
  hasKey,
  permission,
  signedDateMs,
  Slots,
  verifyMembership,
  type Believed
} from '../../lib/trust/index.ts'
import { bareNode, nodeOf, told } from '../tools/authority.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  keyOf,
  makeMembership,
  makeRelease,
  makeRevoke,
  makeTrust,
  nodePair,
  signRelease,
  signRevoke,
  signTrust,
  testNowMs,
  type TrustSpec
} from '../tools/people.ts'

// Twins of the cases of the TUF conformance suite that are no plain rotation: named for theirs.
const network = foundNetwork()

function trustOf(version: number, spec: TrustSpec = {}): Trust {
  return makeTrust({ version, ...spec })
}

function after(...statements: readonly Statement[]): Believed {
  return statements.reduce((believed, statement) => {
    const verdict = admit(believed, statement, testNowMs)
    return 'believed' in verdict && verdict.believed !== null ? verdict.believed : believed
  }, believeNothing(network.id))
}

/** Root keys change at every version, so that each trust is needed to reach the next. */
function walkingChain(length: number, spec: TrustSpec = {}): readonly Statement[] {
  return Array.from({ length }, (_, index) => {
    const version = index + 2
    const [a, b] = version === 2 ? [1, 2] : [10 + version - 1, 40 + version - 1]
    const root = { members: [10 + version, 40 + version], threshold: 2 }
    const trust = trustOf(version, { ...spec, roles: { ...spec.roles, root } })
    return signTrust(network.id, trust, [a, b, 10 + version, 40 + version])
  })
}

test('test_root_expired: intermediates that have expired are walked through', (t) => {
  const old = walkingChain(4, { expiresMs: testNowMs - DAY })
  const [newest] = walkingChain(5).slice(-1)
  const believed = after(network.first, ...old)
  t.is(believed.trust?.body.version, 5)
  t.ok(expired(believed, testNowMs), 'the last one is judged, and is over')
  t.absent(expired(after(network.first, ...old, newest!), testNowMs))
  t.absent(expired(believed, testNowMs - 2 * DAY), 'by the clock that is handed in')
})

test('test_expired_local_root: an expired trust still leads to the next', async (t) => {
  const short = foundNetwork({ expiresMs: testNowMs - 1 })
  const node = await nodeOf(short)
  t.ok(expired(node.authority.believed, testNowMs))
  const next = signTrust(short.id, trustOf(2), [1, 2])
  t.is(told(await node.take(next)), 'admitted')
  t.absent(expired(node.authority.believed, testNowMs))
  const again = await node.restart()
  t.absent(expired(again.authority.believed, testNowMs))
})

test('test_targets_fast_forward_recovery: a raised epoch undoes 999999.0.0', async (t) => {
  const node = await nodeOf(network)
  const label = '999999.0.0'
  const stolen = signRelease(
    network.id,
    makeRelease(network.id, { seq: 2 ** 32 - 1, label, floor: { tag: 'self' } }),
    [1, 2]
  )
  t.is(told(await node.take(stolen)), 'admitted')
  const roles = { release: { members: [3, 31, 32], threshold: 2 } }
  const second = signTrust(network.id, trustOf(2, { epoch: 2, roles }), [1, 3])
  await node.take(second)
  t.is(admittedReleases(node.authority.believed, 'stable').length, 0)
  const head = headUnder(2, idOfStatement(second))
  const recovered = makeRelease(network.id, { head, epoch: 2, seq: 1, label: '1.0.1' })
  t.is(told(await node.take(signRelease(network.id, recovered, [3, 31]))), 'admitted')
  t.alike(node.authority.height('stable'), { epoch: 2, seq: 1 })
  t.is(told(await node.take(stolen)), 'known', 'its replay changes nothing')
  t.is(admittedReleases(node.authority.believed, 'stable').length, 1)
})

test('test_targets_fast_forward_recovery: without a raise the numbering goes on', async (t) => {
  const node = await nodeOf(network)
  const stolen = makeRelease(network.id, { seq: 2 ** 32 - 1 })
  await node.take(signRelease(network.id, stolen))
  const roles = { release: { members: [3, 31, 32], threshold: 2 } }
  const second = signTrust(network.id, trustOf(2, { roles }), [1, 3])
  await node.take(second)
  const head = headUnder(2, idOfStatement(second))
  await node.take(signRelease(network.id, makeRelease(network.id, { head, seq: 5 }), [3, 31]))
  t.alike(node.authority.height('stable'), { epoch: 1, seq: 2 ** 32 - 1 }, 'never lowered')
})

test('test_targets_404: what was reached before a gap stays reached', async (t) => {
  const chain = walkingChain(4)
  const node = await nodeOf(network)
  await node.take(chain[0]!, chain[1]!)
  t.is(told(await node.take(chain[3]!)), 'refused TRUST_GAP', 'version 4 is missing')
  t.is(node.authority.believed.trust?.body.version, 3)
  const again = await node.restart()
  t.is(again.authority.believed.trust?.body.version, 3, 'also after a restart')
  await again.take(chain[2]!, chain[3]!)
  t.is(again.authority.believed.trust?.body.version, 5)
})

test('test_cached_role_is_verified_against_current_delegator: permission is recounted', (t) => {
  const release = signRelease(network.id, makeRelease(network.id), [1, 2])
  const before = after(network.first, release)
  t.is(before.releases.length, 1)
  const roles = { release: { members: [2, 31, 32], threshold: 2 } }
  const second = signTrust(network.id, trustOf(2, { roles }), [1, 2])
  const believed = after(network.first, release, second)
  t.is(believed.releases.length, 0)
  const held = believed.held.get(toHex(idOfStatement(release)))!.any
  t.alike(held.tag === 'release' && permission(believed, held.known), {
    have: 1,
    need: 2,
    signers: ['p2']
  })
})

test('unlisted delegate: a builder of no trust attests nothing, a listed one may', (t) => {
  const roles = { build: { members: [61, 62], threshold: 2 } }
  const believed = after(network.first, signTrust(network.id, trustOf(2, { roles }), [1, 2]))
  const { body } = believed.trust!
  t.ok(hasKey(body, 'build', keyOf(61)))
  t.absent(hasKey(body, 'build', keyOf(63)))
  t.absent(hasKey(body, 'build', keyOf(1)), 'a releaser is no builder by that')
})

test('revoked delegate: a builder that the next trust drops is unlisted again', (t) => {
  const roles = { build: { members: [61, 62], threshold: 2 } }
  const second = signTrust(network.id, trustOf(2, { roles }), [1, 2])
  const third = signTrust(
    network.id,
    trustOf(3, { roles: { build: { members: [62], threshold: 1 } } }),
    [1, 2]
  )
  t.absent(hasKey(after(network.first, second, third).trust!.body, 'build', keyOf(61)))
})

test('unlisted delegate: a certificate of a foreign or unsigned invite seats nobody', (t) => {
  const believed = after(network.first)
  const good = makeMembership({ network: network.id, slot: 1, node: 1 })
  t.is(verifyMembership(believed, good, testNowMs).tag, 'seat')
  const unlisted = makeMembership({ network: network.id, slot: 1, node: 1, enroller: 5 })
  const verdict = verifyMembership(believed, unlisted, testNowMs)
  t.is(verdict.tag === 'refused' && verdict.code, 'NOT_ELIGIBLE')
  const beyond = makeMembership({
    network: network.id,
    slot: 3,
    node: 1,
    inviteFields: { slots: 4 },
    certificateFields: { issuedMs: testNowMs + DAY }
  })
  const ahead = verifyMembership(believed, beyond, testNowMs)
  t.is(ahead.tag === 'refused' && ahead.code, 'CLOCK_SKEW', 'dated ahead it counts not yet')
})

test('revoked delegate: revoke ends a slot, an invite, or all of an enroller', async (t) => {
  const node = await bareNode(network)
  await node.take(network.first)
  const seats = (invite: number): Slots => {
    const slots = new Slots(node.authority.believed)
    for (const slot of [1, 2]) {
      slots.addMembership(
        makeMembership({ network: network.id, invite, slot, node: 10 * invite + slot }),
        testNowMs
      )
    }
    return slots
  }
  t.is(seats(1).seats().length, 2)
  const inviteKey = nodePair(1_000_001).key
  await node.take(signRevoke(network.id, makeRevoke(network.id, inviteKey, { slots: [1] })))
  t.is(seats(1).seats().length, 1)
  await node.take(signRevoke(network.id, makeRevoke(network.id, inviteKey)))
  t.is(seats(1).seats().length, 0)
  t.is(seats(2).seats().length, 2, 'other invites stand')
  const stranger = signRevoke(network.id, makeRevoke(network.id, nodePair(1_000_002).key), [5])
  t.is(told(await node.take(stranger)), 'refused THRESHOLD_NOT_MET')
  t.is(seats(2).seats().length, 2)
  const roles = { enrol: { members: [14] } }
  await node.take(signTrust(network.id, trustOf(2, { roles }), [1, 2]))
  t.is(seats(2).seats().length, 0)
})

test('test_faketime: no statement moves time but what a current quorum has dated', (t) => {
  const dated = makeRelease(network.id, { head: headUnder(1, network.id, testNowMs + 9 * DAY) })
  t.is(signedDateMs(after(network.first)), network.trust.issuedMs)
  const short = signRelease(network.id, dated, [1])
  t.is(signedDateMs(after(network.first, short)), network.trust.issuedMs, 'one key is no quorum')
  const whole = signRelease(network.id, dated, [1, 2])
  t.is(signedDateMs(after(network.first, whole)), testNowMs + 9 * DAY)
  const roles = { release: { members: [2, 31, 32], threshold: 2 } }
  const second = signTrust(network.id, trustOf(2, { roles }), [1, 2])
  t.is(signedDateMs(after(network.first, whole, second)), network.trust.issuedMs, 'retired since')
})
