import test from 'brittle'
import { copy, equal, isOtaError, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  encodeBody,
  encodeCanonical,
  encodeControl,
  encodeRelease,
  type Statement,
  type Trust
} from '../../lib/records/index.ts'
import { expired, isBelowCheckpoint, toName } from '../../lib/trust/index.ts'
import { bareNode, nodeOf, told, type TestNode } from '../tools/authority.ts'
import {
  entryOf,
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signed,
  signRelease,
  signTrust,
  testNowMs,
  wire,
  type TrustSpec
} from '../tools/people.ts'

// Root and release are any two of persons 1, 2, 3 unless a trust says otherwise.
const network = foundNetwork()

function trustOf(version: number, people: readonly number[], spec: TrustSpec = {}): Trust {
  const roles = {
    root: { members: people, threshold: 2 },
    release: { members: people, threshold: 2 },
    brake: { members: people, threshold: 1 }
  }
  return makeTrust({ version, ...spec, roles: { ...roles, ...spec.roles } })
}

function versionOf({ authority }: TestNode): number {
  return authority.believed.trust?.body.version ?? 0
}

test('S14 a trust that only the old or only the new roots signed is not followed', async (t) => {
  const next = trustOf(2, [11, 12, 13])
  const node = await nodeOf(network)
  const byOld = await node.take(signTrust(network.id, next, [1, 2]))
  t.is(told(byOld), 'pending THRESHOLD_NOT_MET')
  if ('message' in byOld) t.ok(byOld.message.includes('0 of 2 of its own'), byOld.message)
  t.is(versionOf(node), 1)
  const other = await nodeOf(network)
  const byNew = await other.take(signTrust(network.id, next, [11, 12]))
  t.is(told(byNew), 'refused THRESHOLD_NOT_MET')
  if ('message' in byNew) {
    t.ok(byNew.message.includes('0 of 2 root signatures of trust 1'), byNew.message)
  }
  t.is(versionOf(other), 1)
  t.is(told(await node.take(signTrust(network.id, next, [11, 12]))), 'admitted', 'both sides')
  t.is(versionOf(node), 2)
})

test('S15 all keys rotate over a trust between; the last one alone waits for it', async (t) => {
  const second = signTrust(network.id, trustOf(2, [1, 2, 11, 12]), [1, 2])
  const third = signTrust(network.id, trustOf(3, [11, 12, 13]), [11, 12])
  const node = await nodeOf(network)
  t.is(told(await node.take(third)), 'refused TRUST_GAP')
  t.is(versionOf(node), 1)
  t.is(told(await node.take(second)), 'admitted')
  t.is(versionOf(node), 3, 'and the third follows, though its carrier brought it once')
  const inOrder = await nodeOf(network)
  await inOrder.take(second, third)
  t.is(versionOf(inOrder), 3)
})

test('S16 versions between may be missing where the old roots signed; else no jump', async (t) => {
  const node = await nodeOf(network)
  const jump = signTrust(network.id, trustOf(7, [2, 3, 14]), [2, 3])
  t.is(told(await node.take(jump)), 'admitted', 'from 1 to 7 at once')
  t.is(versionOf(node), 7)
  const gap = signTrust(network.id, trustOf(9, [14, 15, 16]), [14, 15])
  t.is(told(await node.take(gap)), 'pending TRUST_GAP', 'kept: 14 is a root today')
  t.is(versionOf(node), 7)
  const asked = node.authority.wants([
    { type: 1, id: idOfStatement(gap), a: 9, b: 0, sigs: 2 },
    { type: 1, id: network.id, a: 1, b: 0, sigs: 4 },
    {
      type: 1,
      id: idOfStatement(signTrust(network.id, trustOf(8, [14, 2, 3]), [])),
      a: 8,
      b: 0,
      sigs: 3
    }
  ])
  t.is(asked.length, 1, 'the missing one is asked for, the others are here')
  await node.take(signTrust(network.id, trustOf(8, [2, 14, 15]), [2, 14]))
  t.is(versionOf(node), 9)
})

test('S17 two valid successors stop installs until a trust meets both branches', async (t) => {
  const left = signTrust(network.id, trustOf(2, [1, 2, 3]), [1, 2])
  const right = signTrust(network.id, trustOf(2, [1, 2, 3], { feeds: [] }), [1, 3])
  const node = await nodeOf(network)
  await node.take(left)
  t.is(told(await node.take(right)), 'kept TRUST_FORK')
  t.alike(idsOf(node.authority.believed.fork), idsOf([left, right]), 'both are known')
  t.ok(equal(node.authority.believed.trust!.id, idOfStatement(left)), 'the adopted one stays')
  t.ok(node.authority.read(idOfStatement(right)), 'both are spread as proof')
  t.ok(node.events.some(({ facts }) => facts['code'] === 'TRUST_FORK'))
  const again = await node.restart()
  t.ok(equal(again.authority.believed.trust!.id, idOfStatement(left)), 'also after a restart')
  t.is(again.authority.believed.fork.length, 2)

  const mirrored = await nodeOf(network)
  await mirrored.take(right, left)
  t.ok(equal(mirrored.authority.believed.trust!.id, idOfStatement(right)))
  const healing = signTrust(network.id, trustOf(3, [1, 2, 3]), [2, 3])
  for (const one of [node, again, mirrored]) {
    t.is(told(await one.take(healing)), 'admitted')
    t.is(one.authority.believed.fork.length, 0)
    t.ok(equal(one.authority.believed.trust!.id, idOfStatement(healing)), 'everywhere')
  }

  const late = await bareNode(network)
  await late.take(left, right)
  t.is(versionOf(late), 0)
  await late.take(network.first)
  t.is(late.authority.believed.fork.length, 2, 'a newcomer sees both')
  await late.take(healing)
  t.is(versionOf(late), 3)
  t.is(late.authority.believed.fork.length, 0)
})

test('S17 keys retired since then cannot fork a node that stands on a later trust', async (t) => {
  const node = await nodeOf(network)
  await node.take(
    signTrust(network.id, trustOf(2, [3, 11, 12]), [2, 3, 11]),
    signTrust(network.id, trustOf(3, [11, 12, 13]), [11, 12])
  )
  t.is(versionOf(node), 3)
  // All roots of trust 1 are stolen, long after.
  for (const version of [2, 3]) {
    const forged = signTrust(network.id, trustOf(version, [1, 2, 3]), [1, 2, 3])
    t.is(told(await node.take(forged)), 'refused THRESHOLD_NOT_MET')
    t.is(versionOf(node), 3)
    t.is(node.authority.believed.fork.length, 0)
  }
})

test('S18 a lower threshold needs the old, higher number of signatures', async (t) => {
  const strict = foundNetwork({ roles: { root: { members: [1, 2, 3], threshold: 3 } } })
  const node = await nodeOf(strict)
  const roles = { root: { members: [1, 2, 3], threshold: 1 } }
  const lower = makeTrust({ version: 2, roles })
  t.is(told(await node.take(signTrust(strict.id, lower, [1]))), 'pending THRESHOLD_NOT_MET')
  t.is(told(await node.take(signTrust(strict.id, lower, [1, 2]))), 'pending THRESHOLD_NOT_MET')
  t.is(versionOf(node), 1)
  t.is(told(await node.take(signTrust(strict.id, lower, [3]))), 'admitted')
})

test('S20 a long chain is skipped over, or walked in bounded steps', async (t) => {
  const chain: Statement[] = []
  for (let version = 2; version <= 300; version++) {
    chain.push(signTrust(network.id, trustOf(version, [1, 2, 3]), [1, 2]))
  }
  const skipping = await nodeOf(network)
  await skipping.take(chain.at(-1)!)
  t.is(versionOf(skipping), 300)
  const walking = await nodeOf(network)
  await walking.take(...chain.slice(0, 60))
  t.is(versionOf(walking), 61)
  const restarted = await walking.restart()
  t.is(versionOf(restarted), 61)
  t.is(restarted.authority.believed.trusts.length, 61, 'history is kept')
})

test('S21 S22 an expired trust is walked through; only the last one is judged', async (t) => {
  const second = trustOf(2, [1, 2, 3], { expiresMs: testNowMs - 1 })
  const third = trustOf(3, [1, 2, 3])
  const node = await nodeOf(network)
  await node.take(signTrust(network.id, second, [1, 2]))
  t.ok(expired(node.authority.believed, testNowMs))
  const release = signRelease(network.id, makeRelease(network.id))
  t.is(told(await node.take(release)), 'admitted TRUST_EXPIRED', 'believed, not to be installed')
  await node.take(signTrust(network.id, third, [1, 2]))
  t.absent(expired(node.authority.believed, testNowMs))
})

test('S23 a raised epoch beats any number that stolen keys could sign', async (t) => {
  const stolen = signRelease(network.id, makeRelease(network.id, { seq: 2 ** 32 - 1 }))
  const node = await nodeOf(network)
  await node.take(stolen)
  t.is(node.authority.believed.releases.length, 1)
  await node.take(signTrust(network.id, trustOf(2, [1, 2, 3], { epoch: 2 }), [1, 2]))
  t.is(node.authority.believed.releases.length, 0, 'what lies below is over')
  const next = makeRelease(network.id, { epoch: 2, seq: 5 })
  t.is(told(await node.take(signRelease(network.id, next))), 'admitted')
  t.alike(node.authority.height('stable'), { epoch: 2, seq: 5 })
})

test('S24 numbers above their range are refused at decode', async (t) => {
  const node = await nodeOf(network)
  const good = encodeRelease(makeRelease(network.id, { epoch: 0xfffffff, seq: 7 }))
  const at = Buffer.from(good).indexOf(Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f]))
  t.ok(at > 0)
  const huge = [0xff, 0, 0, 0, 0, 0, 0, 0x20, 0]
  const body = Uint8Array.from([...good.subarray(0, at), ...huge, ...good.subarray(at + 5)])
  t.is(told(await node.authority.intake(raw(2, body), 'test')), 'refused NOT_CANONICAL', 'epoch')
  // A seq has four bytes and no room for more: a fifth shifts everything behind it.
  const shifted = Uint8Array.from([
    ...good.subarray(0, at + 5),
    0,
    0,
    0,
    0,
    1,
    ...good.subarray(at + 9)
  ])
  const verdict = await node.authority.intake(raw(2, shifted), 'test')
  t.is(verdict.tag, 'refused')
  const control = encodeControl(makeControl(network.id, network.id, { resume: 0 }))
  const issued = Uint8Array.from([control[0]!, ...control.subarray(1, 33), ...huge])
  t.is(told(await node.authority.intake(raw(3, issued), 'test')), 'refused NOT_CANONICAL', 'time')
})

test('S25 a foreign first trust is dropped, a damaged one ends the start', async (t) => {
  const other = foundNetwork({ name: 'elsewhere' })
  const node = await bareNode(network)
  t.is(told(await node.take(other.first)), 'refused BOOTSTRAP_MISMATCH', 'from a peer')
  await node.take(network.first)
  const file = `home/statements/trusted/${toName(network.id)}`
  const bytes = (await node.disk.read(file))!
  for (const at of [3, 60, 200, bytes.byteLength - 1]) {
    const disk = node.disk.fork()
    const damaged = copy(bytes)
    damaged[at]! ^= 1
    await disk.writeDurable(file, damaged)
    await refusesToStart(t, bareNode(network, { disk }), `byte ${at}`)
  }
  const truncated = node.disk.fork()
  await truncated.writeDurable(file, bytes.subarray(0, 100))
  await refusesToStart(t, bareNode(network, { disk: truncated }), 'truncated')
  await refusesToStart(t, bareNode(other, { disk: node.disk.fork() }), 'another network configured')
  const without = node.disk.fork()
  await without.remove(file)
  const again = await bareNode(network, { disk: without })
  t.is(again.authority.believed.trust, null, 'none at all is no fault: it is asked of peers')
  t.alike(again.authority.wants([{ type: 1, id: network.id, a: 1, b: 0, sigs: 4 }]), [network.id])
})

test('S93 a node never goes below or beside the checkpoint it was given', async (t) => {
  const second = signTrust(network.id, trustOf(2, [1, 2, 3]), [1, 2])
  const forged = signTrust(network.id, trustOf(2, [1, 2, 3], { feeds: [] }), [1, 2])
  const third = signTrust(network.id, trustOf(3, [1, 2, 3]), [1, 2])
  const checkpoint = { version: 2, id: idOfStatement(second) }
  const node = await bareNode(network, { checkpoint })
  await node.take(network.first)
  t.is(node.authority.believed.trust, null, 'the first trust alone is below it')
  t.ok(isBelowCheckpoint(node.authority.believed))
  const ids = [
    { type: 1, id: idOfStatement(third), a: 3, b: 0, sigs: 2 },
    { type: 1, id: idOfStatement(second), a: 2, b: 0, sigs: 2 }
  ]
  t.alike(node.authority.wants(ids), [checkpoint.id], 'it asks for the one it was told of')
  const early = await node.take(forged)
  t.is(early.tag, 'refused')
  await node.take(second)
  t.is(versionOf(node), 2)
  t.absent(isBelowCheckpoint(node.authority.believed))
  t.is(told(await node.take(forged)), 'refused BELOW_CHECKPOINT', 'beside it')
  t.is(node.authority.believed.fork.length, 0)
  await node.take(third)
  t.is(versionOf(node), 3)

  const stored = await nodeOf(network)
  await stored.take(forged)
  await t.exception(
    bareNode(network, { checkpoint, disk: stored.disk.fork() }),
    /the stored trust 2 is another one/
  )
})

test('S93 a checkpoint is reached though old keys forged the way to it', async (t) => {
  const second = signTrust(network.id, trustOf(2, [2, 3, 11]), [2, 3])
  const third = signTrust(network.id, trustOf(3, [11, 12, 13]), [11, 12, 2])
  const forged = signTrust(network.id, trustOf(2, [1, 3, 50]), [1, 3])
  const checkpoint = { version: 3, id: idOfStatement(third) }
  const node = await bareNode(network, { checkpoint })
  await node.take(network.first, forged, third, second)
  t.is(versionOf(node), 3)
  t.is(node.authority.believed.fork.length, 0)
})

test('S94 the first trust proves every key it lists, and carries no network id', async (t) => {
  const node = await bareNode(network)
  const bare = { ...network.first, entries: [] }
  t.is(
    told(await node.take(signed(bare, [1, 2, 3]))),
    'refused BAD_TRUST',
    'the enroller is missing'
  )
  const { bytes } = encodeBody({ tag: 'trust', trust: network.trust })
  const canonical = encodeCanonical(network.id, 1, bytes)
  const named = { network: network.id, type: 1, body: bytes, canonical, entries: [] }
  t.is(told(await node.take(signed(named, [1, 2, 3, 4]))), 'refused BAD_TRUST')
  t.is(node.authority.believed.trust, null)
  t.is(told(await node.take(signed(bare, [4, 3, 2, 1]))), 'admitted', 'in any order')
})

test('S96 a release waits for the trust it names, and an epoch ends what lies below', async (t) => {
  const second = signTrust(network.id, trustOf(2, [1, 2, 11], { epoch: 2 }), [1, 2])
  const secondId = idOfStatement(second)
  const head = headUnder(2, secondId)
  const ahead = signRelease(network.id, makeRelease(network.id, { head, epoch: 2 }), [1, 11])
  const node = await nodeOf(network)
  t.is(told(await node.take(ahead)), 'pending TRUST_GAP', 'never admitted before')
  const above = makeRelease(network.id, { epoch: 2, seq: 2 })
  t.is(told(await node.take(signRelease(network.id, above))), 'pending WRONG_EPOCH')
  await node.take(second)
  t.is(node.authority.believed.releases.length, 2, 'both were waiting for it')
  const below = signRelease(network.id, makeRelease(network.id, { seq: 9 }))
  t.is(told(await node.take(below)), 'refused WRONG_EPOCH')
  const lying = makeRelease(network.id, { head: headUnder(3, secondId), epoch: 2, seq: 3 })
  t.is(told(await node.take(signRelease(network.id, lying))), 'refused BAD_TRUST')
})

test('S96 numbering goes on across a routine rotation', async (t) => {
  const node = await nodeOf(network)
  const before = signRelease(network.id, makeRelease(network.id, { seq: 58 }))
  const second = signTrust(network.id, trustOf(2, [1, 2, 11]), [1, 2])
  const head = headUnder(2, idOfStatement(second))
  const after = signRelease(network.id, makeRelease(network.id, { head, seq: 59 }), [1, 11])
  await node.take(before, second, after)
  t.alike(
    node.authority.believed.releases.map(({ body }) => body.seq),
    [59, 58]
  )
})

async function refusesToStart(
  t: { is(a: unknown, b: unknown, message?: string): void; ok(a: unknown, m?: string): void },
  start: Promise<TestNode>,
  why: string
): Promise<void> {
  const error: unknown = await start.then(
    () => null,
    (reason: unknown) => reason
  )
  t.ok(isOtaError(error, 'BOOTSTRAP_MISMATCH'), why)
  if (isOtaError(error)) t.ok(error.hint?.includes('home/statements'), 'the hint names the place')
}

function raw(type: number, body: Bytes): Bytes {
  const canonical = encodeCanonical(network.id, type, body)
  const bare = { network: network.id, type, body, canonical, entries: [] }
  return wire({ ...bare, entries: [entryOf(bare, 1), entryOf(bare, 2)] })
}

function idsOf(some: readonly (Statement | { readonly id: Bytes })[]): readonly string[] {
  return some.map((one) => toHex('id' in one ? one.id : idOfStatement(one))).toSorted()
}
