// Who a node is: its key is made once, its slot is taken once, and both stay over restarts.
import test, { type TestContext } from 'brittle'
import {
  concat,
  equal,
  isOtaError,
  type Bytes,
  type Code,
  type Dice
} from '../../lib/base/index.ts'
import { identityOf, joinOfInvite, keptPair, readInvite } from '../../lib/cli/node/identity.ts'
import { realDisk } from '../../lib/host/index.ts'
import { toLine } from '../../lib/publish/index.ts'
import {
  decodeInvite,
  decodeMembership,
  encodeInvite,
  encodeInviteFile,
  type InviteFile
} from '../../lib/records/index.ts'
import {
  admit,
  believeNothing,
  formatJoin,
  hash,
  sign,
  toName,
  verifyMembership
} from '../../lib/trust/index.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { foundNetwork, keyOf, nodePair, person, testNowMs } from '../tools/people.ts'

const network = foundNetwork()
const folder = 'home/daemon/keys'
const seed = hash([Uint8Array.of(2, 7, 0, 0)])

function inviteOf(slots: number, issuedMs = testNowMs, notAfterMs = 0): InviteFile {
  const canonical = encodeInvite({
    network: network.id,
    invite: nodePair(7).key,
    issuedMs,
    notAfterMs,
    slots,
    weight: 1,
    rights: 0,
    labels: [],
    enrol: keyOf(4),
    ext: []
  })
  const invite = decodeInvite(concat([canonical, sign(canonical, person(4))]))
  return { invite, seed, join: { version: 1, trustId: network.id } }
}

/** Dice that fall as told, and fill with their own number. */
function dice(next: number, fill = 1): Dice {
  return { next: () => next, fill: (bytes) => bytes.fill(fill) }
}

interface Given {
  readonly disk?: MemoryDisk
  readonly dice?: Dice
  readonly nowMs?: number
  readonly invite?: InviteFile | null
  readonly slot?: number | null
}

async function identity(given: Given = {}) {
  const { disk = new MemoryDisk(), nowMs = testNowMs, invite = null, slot = null } = given
  return await identityOf({ disk, dice: given.dice ?? dice(0), nowMs }, folder, { invite, slot })
}

function slotIn(membership: Bytes | null): number | null {
  return membership === null ? null : decodeMembership(membership).certificate.slot
}

test('without an invite a node has a key and no slot', async (t) => {
  const disk = new MemoryDisk()
  const { pair, membership } = await identity({ disk, dice: dice(0, 5) })
  t.is(membership, null)
  t.alike(disk.files(), [`${folder}/node`])
  const again = await identity({ disk: disk.fork(), dice: dice(0, 6) })
  t.alike(again.pair.key, pair.key, 'the key is made once')
  const other = await identity({ dice: dice(0, 6) })
  t.unlike(other.pair.key, pair.key)
})

test('a slot of the invite is taken, and what is made of it holds in the network', async (t) => {
  const { pair, membership } = await identity({ invite: inviteOf(20), slot: 19 })
  t.is(slotIn(membership), 19)
  const verdict = admit(believeNothing(network.id), network.first, testNowMs)
  t.is(verdict.tag, 'admitted')
  if (verdict.tag !== 'admitted') return
  const decoded = decodeMembership(membership!)
  t.ok(equal(decoded.certificate.node, pair.key))
  const judged = verifyMembership(verdict.believed, decoded, testNowMs)
  t.is(judged.tag, 'seat')
})

test('a slot that the invite does not have is a misuse, and nothing is kept of it', async (t) => {
  for (const slot of [20, 21, 65_535]) {
    const disk = new MemoryDisk()
    try {
      await identity({ disk, invite: inviteOf(20), slot })
      t.fail('it was taken')
    } catch (error) {
      if (!isOtaError(error, 'USAGE')) throw error
      t.is(error.message, `slot ${slot} is outside the invite, which has 20`)
      t.is(error.hint, 'give --slot 0 to 19')
    }
    t.absent(disk.files().includes(`${folder}/membership`))
    const { membership } = await identity({ disk, invite: inviteOf(20), slot: 3 })
    t.is(slotIn(membership), 3, 'and the next try is free')
  }
})

test('a slot that nobody told is drawn among all there are', async (t) => {
  const drawn = []
  for (const fall of [0, 0.5, 0.999_999]) {
    const { membership } = await identity({ invite: inviteOf(20), dice: dice(fall) })
    drawn.push(slotIn(membership))
  }
  t.alike(drawn, [0, 10, 19])
})

test('membership stays over restarts, whatever is told or drawn later', async (t) => {
  const disk = new MemoryDisk()
  const first = await identity({ disk, invite: inviteOf(20), slot: 4 })
  const later: Given = { disk: disk.fork(), dice: dice(0.9, 9), nowMs: testNowMs + 1 }
  t.alike(
    (await identity({ ...later, invite: inviteOf(20), slot: 5 })).membership,
    first.membership
  )
  t.alike((await identity(later)).membership, first.membership, 'also without the invite')
})

test('a certificate is never older than its invite, whatever the clock says', async (t) => {
  const behind = await identity({ invite: inviteOf(2, testNowMs), nowMs: testNowMs - 9 })
  t.is(decodeMembership(behind.membership!).certificate.issuedMs, testNowMs)
  const ahead = await identity({ invite: inviteOf(2, testNowMs), nowMs: testNowMs + 9 })
  t.is(decodeMembership(ahead.membership!).certificate.issuedMs, testNowMs + 9)
})

test('an invite that is over makes no node, and ends none that has its slot', async (t) => {
  const disk = new MemoryDisk()
  const invite = inviteOf(2, testNowMs, testNowMs + 5)
  await refused(t, 'NOT_ELIGIBLE', { disk, invite, nowMs: testNowMs + 6 })
  const { membership } = await identity({ disk, invite, slot: 1, nowMs: testNowMs + 5 })
  const later = await identity({ disk, invite, slot: 1, nowMs: testNowMs + 6 })
  t.alike(later.membership, membership)
})

test('an invite that was changed, or has another’s secret, makes no node', async (t) => {
  const whole = inviteOf(2)
  const signature = whole.invite.signature.slice()
  signature[0] = (signature[0] ?? 0) ^ 1
  await refused(t, 'BAD_SIGNATURE', {
    invite: { ...whole, invite: { ...whole.invite, signature } }
  })
  await refused(t, 'BAD_KEY', { invite: { ...whole, seed: hash([Uint8Array.of(9)]) } })
})

async function refused(t: TestContext, code: Code, given: Given): Promise<void> {
  const disk = given.disk ?? new MemoryDisk()
  try {
    await identity({ ...given, disk })
    t.fail('it was taken')
  } catch (error) {
    t.ok(isOtaError(error, code), code)
  }
  t.absent(disk.files().includes(`${folder}/membership`))
}

test('a membership that cannot be read is told, with the way out', async (t) => {
  const disk = new MemoryDisk()
  await identity({ disk, invite: inviteOf(2), slot: 0 })
  await disk.writeDurable(`${folder}/membership`, toLine(Uint8Array.of(1, 2, 3)))
  try {
    await identity({ disk })
    t.fail('it was taken')
  } catch (error) {
    if (!isOtaError(error, 'CONFIG_INVALID')) throw error
    t.ok(error.message.startsWith(`${folder}/membership cannot be read: `))
    t.ok(error.hint?.startsWith('remove it'))
  }
})

test('keys and membership are files of their owner alone', async (t) => {
  const disk = new MemoryDisk()
  await identity({ disk, invite: inviteOf(2), slot: 0 })
  t.is((await disk.stat(folder))?.mode, 0o700)
  for (const name of ['node', 'membership']) {
    t.is((await disk.stat(`${folder}/${name}`))?.mode, 0o600, name)
  }
  const real = realDisk()
  const path = `${await t.tmp()}/node`
  const pair = await keptPair(real, dice(0, 3), path)
  t.is(((await real.stat(path))?.mode ?? 0) & 0o777, 0o600, 'on a real disk too')
  t.alike((await keptPair(real, dice(0, 4), path)).key, pair.key)
})

test('an invite file says where to begin, and another file is refused', async (t) => {
  const disk = new MemoryDisk()
  const invite = inviteOf(2)
  await disk.writeDurable('invite', toLine(encodeInviteFile(invite)))
  const read = await readInvite(disk, 'invite')
  const join = joinOfInvite(read)
  t.ok(equal(join.network, network.id))
  t.ok(join.checkpoint?.version === 1 && equal(join.checkpoint.id, network.id))
  const text = formatJoin(join.network, join.checkpoint)
  t.is(text, `${toName(network.id)}@1:${toName(network.id)}`)
  await disk.writeDurable('other', toLine(Uint8Array.of(9)))
  for (const [path, code] of [
    ['none', 'USAGE'],
    ['other', 'NOT_CANONICAL']
  ] as const) {
    try {
      await readInvite(disk, path)
      t.fail('it was read')
    } catch (error) {
      t.ok(isOtaError(error, code), path)
    }
  }
})
