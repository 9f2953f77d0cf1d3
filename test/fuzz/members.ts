import sodium from 'sodium-native'
import { alloc, concat, DAY, equal, MINUTE, type Bytes } from '../../lib/base/index.ts'
import {
  decodeCertificate,
  decodeInvite,
  decodeMembership,
  encodeCertificate,
  encodeInvite,
  type CertificateFields,
  type InviteFields,
  type Membership
} from '../../lib/records/index.ts'
import { sign, Slots, type KeyPair, type Seated } from '../../lib/trust/index.ts'
import { keyOf, makeMembership, nodePair, person, testNowMs } from '../tools/people.ts'
import type { Dice } from './dice.ts'
import { mutateBytes, mutateValue, splice } from './mutate.ts'
import { attempt, demand, refusedWith, taken, written } from './outcome.ts'
import type { Offered, Outcome, Target } from './outcome.ts'
import { network, scenes } from './scenes.ts'

/** Invites, certificates and both together, down to who sits in which slot. */
export const members: Target = { name: 'memberships', weight: 8, sanity, run }

const scene = scenes.find(({ name }) => name === 'trust 1 and its life')!
const enroller = person(4)
/** Invite 2 has its slot 3 revoked in that scene. */
const invitePair = (invite: number): KeyPair => nodePair(1_000_000 + invite)

const inviteFields = (invite: number): InviteFields => ({
  network: network.id,
  invite: invitePair(invite).key,
  issuedMs: testNowMs - 365 * DAY,
  notAfterMs: testNowMs + 30 * DAY,
  slots: 20,
  weight: 1,
  rights: 1,
  labels: [
    { name: 'operator', value: 'Straßenbahn GmbH' },
    { name: 'region', value: 'eu' }
  ],
  enrol: keyOf(4),
  ext: []
})

const certificateFields = (invite: number, slot: number, node: number): CertificateFields => ({
  network: network.id,
  invite: invitePair(invite).key,
  slot,
  node: nodePair(node).key,
  issuedMs: testNowMs - 200 * DAY
})

const signedBy = (canonical: Bytes, pair: KeyPair): Bytes =>
  concat([canonical, sign(canonical, pair)])

function membershipOf(invite: number, slot: number, node: number): Bytes {
  return concat([
    signedBy(encodeInvite(inviteFields(invite)), enroller),
    signedBy(encodeCertificate(certificateFields(invite, slot, node)), invitePair(invite))
  ])
}

export const invites: readonly Bytes[] = [1, 2].map((invite) =>
  signedBy(encodeInvite(inviteFields(invite)), enroller)
)
const certificates = [1, 2].map((invite) =>
  signedBy(encodeCertificate(certificateFields(invite, 5, 40)), invitePair(invite))
)
const good: readonly Bytes[] = [membershipOf(1, 5, 40), membershipOf(2, 6, 41)]
/** Who sits there already: one of slot 7, and both of the doubled slot 8. */
const seated: readonly Membership[] = [
  [7, 50],
  [8, 51],
  [8, 52]
].map(([slot, node]) => decodeMembership(membershipOf(1, slot!, node!)))

function slotsNow(): Slots {
  const slots = new Slots(scene.believed)
  for (const one of seated) slots.addMembership(one, testNowMs)
  return slots
}

async function sanity(): Promise<void> {
  for (const bytes of good) {
    const seat = slotsNow().addMembership(decodeMembership(bytes, network.id), testNowMs)
    demand(seat.tag === 'added', `a good membership is ${seat.tag}`)
  }
  const other = makeMembership({ network: network.id, slot: 1, node: 60 })
  demand(slotsNow().addMembership(other, testNowMs).tag === 'added', 'another good membership')
}

async function run(dice: Dice, offered: Offered): Promise<Outcome> {
  switch (dice.below(8)) {
    case 0:
      return await readRecord(dice, offered, { what: 'an invite', list: invites })
    case 1:
      return await readRecord(dice, offered, { what: 'a certificate', list: certificates })
    default:
      return await takeSeat(dice, offered)
  }
}

interface Records {
  readonly what: 'an invite' | 'a certificate'
  readonly list: readonly Bytes[]
}

async function readRecord(dice: Dice, offered: Offered, { what, list }: Records): Promise<Outcome> {
  const bytes = dice.pick(list)
  const from = dice.pick([...invites, ...certificates])
  const mutated = dice.chance(1, 4) ? splice(bytes, from, dice) : mutateBytes(bytes, dice)
  offered.what = what
  offered.bytes = mutated
  const wrong = 'it was read from other bytes'
  if (what === 'an invite') {
    return await attempt(
      () => decodeInvite(mutated),
      (one) => (equal(concat([encodeInvite(one), one.signature]), mutated) ? null : wrong)
    )
  }
  return await attempt(
    () => decodeCertificate(mutated),
    (one) => (equal(concat([encodeCertificate(one), one.signature]), mutated) ? null : wrong)
  )
}

async function takeSeat(dice: Dice, offered: Offered): Promise<Outcome> {
  const bytes = membership(dice)
  offered.what = 'a membership'
  offered.bytes = bytes
  let seating: Seated | null = null
  const outcome = await attempt(
    () => {
      const read = decodeMembership(bytes, network.id)
      seating = slotsNow().addMembership(read, testNowMs)
      return { read, seating }
    },
    ({ read, seating: came }) => (came.tag === 'refused' ? null : unlawfulSeat(read, came))
  )
  // Cast: assigned inside, which the compiler does not follow.
  const came = seating as Seated | null
  if (came?.tag === 'refused') return refusedWith(came.code)
  if (came?.tag === 'clash') return { ...refusedWith('SLOT_CLASH'), fault: outcome.fault }
  return outcome.taken ? taken(outcome.fault) : outcome
}

/** Both signatures, the enroller, the slot and the times, asked a second time. */
function unlawfulSeat({ invite, certificate }: Membership, came: Seated): string | null {
  const { node, slot, issuedMs } = certificate
  if (came.tag === 'known') {
    const held = seated.some((one) => equal(one.certificate.node, node))
    return held ? null : 'known, though nobody sits there'
  }
  if (came.tag === 'clash' && slot === 8 && equal(invite.invite, invitePair(1).key)) return null
  const isSigned =
    sodium.crypto_sign_verify_detached(invite.signature, invite.canonical, keyOf(4)) &&
    sodium.crypto_sign_verify_detached(certificate.signature, certificate.canonical, invite.invite)
  if (!isSigned) return 'seated without the signatures of enroller and invite'
  const isInside = slot < invite.slots && issuedMs >= invite.issuedMs
  const isEnded = invite.notAfterMs !== 0 && issuedMs > invite.notAfterMs
  if (!isInside || isEnded || issuedMs > testNowMs + 5 * MINUTE) return 'seated out of its bounds'
  const isRevoked = equal(invite.invite, invitePair(2).key) && slot === 3
  return isRevoked ? 'seated in a revoked slot' : null
}

function membership(dice: Dice): Bytes {
  const bytes = dice.pick(good)
  switch (dice.below(6)) {
    case 0:
      return mutateBytes(bytes, dice)
    case 1:
      return splice(bytes, dice.pick(good), dice)
    case 2:
      return concat([dice.pick(invites), dice.pick(certificates)])
    default:
      return otherMembership(dice)
  }
}

/** Fields changed, and both records signed again by the right or the wrong keys. */
function otherMembership(dice: Dice): Bytes {
  const number = 1 + dice.below(2)
  const spots = [3, 5, 7, 8, 19, 20, 65_535]
  const times = [0, testNowMs - 400 * DAY, testNowMs + 4 * MINUTE, testNowMs + DAY, 2 ** 53 - 1]
  const base = certificateFields(number, dice.pick(spots), 40 + dice.below(14))
  const dated = dice.chance(1, 3) ? { ...base, issuedMs: dice.pick(times) } : base
  const keyed = dice.chance(1, 8) ? { ...dated, node: alloc(32) } : dated
  const certificate = dice.chance(1, 3) ? mutateValue(keyed, dice) : keyed
  const invite = inviteFields(number)
  const free = dice.chance(1, 2) ? { ...invite, notAfterMs: dice.pick(times) } : invite
  const changed = dice.chance(1, 3) ? mutateValue(free, dice) : free
  const enrollers = [enroller, enroller, enroller, person(5), invitePair(number)]
  const issuers = [invitePair(number), invitePair(number), invitePair(3), enroller]
  const bytes = written(() =>
    concat([
      signedBy(encodeInvite(changed), dice.pick(enrollers)),
      signedBy(encodeCertificate(certificate), dice.pick(issuers))
    ])
  )
  return bytes ?? mutateBytes(dice.pick(good), dice)
}
