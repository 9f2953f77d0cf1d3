import { equal, MINUTE, toHex, type Bytes, type Code } from '../base/index.ts'
import { isCritical, type Certificate, type Invite, type Membership } from '../records/index.ts'
import type { Believed } from './belief/believed.ts'
import { hash } from './hash.ts'
import { isKey, verify } from './keys.ts'
import { hasKey } from './belief/quorum.ts'

/** A node in its slot: the invite that has the slot, and the certificate that names the node. */
export interface Seat {
  readonly tag: 'seat'
  /** Invite key and slot number; the same for every node that claims it. */
  readonly slotId: string
  readonly invite: Invite
  readonly certificate: Certificate
}

/** Why a membership counts for nothing; its bearer gets statements and bytes all the same. */
export interface NoSeat {
  readonly tag: 'refused'
  readonly code: Code
  readonly message: string
}

/** Id of a certificate; its first eight bytes stand for the node's key on the wire. */
export function certificateId({ canonical }: Pick<Certificate, 'canonical'>): Bytes {
  return hash([canonical])
}

/**
 * Whether an enrol key of the current trust signed the invite and the invite key the certificate,
 * inside its slots and its time, and nothing revoked either (S103). A certificate has no end of its
 * own; one dated more than five minutes ahead of `nowMs` does not count yet.
 */
export function verifyMembership(
  believed: Believed,
  membership: Membership,
  nowMs: number
): Seat | NoSeat {
  const { invite, certificate } = membership
  const lack = seatLack(believed, membership)
  if (lack !== null) return lack
  if (certificate.issuedMs > nowMs + 5 * MINUTE) {
    return refused('CLOCK_SKEW', 'the certificate is dated ahead of the clock')
  }
  if (!isKey(certificate.node) || !isKey(invite.invite)) {
    return refused('BAD_KEY', 'the membership names a key that is no valid point')
  }
  const isSigned =
    verify(invite.canonical, invite.signature, invite.enrol) &&
    verify(certificate.canonical, certificate.signature, invite.invite)
  if (!isSigned) return refused('BAD_SIGNATURE', 'invite or certificate is not signed')
  return { tag: 'seat', slotId: slotIdOf(membership), invite, certificate }
}

/** The checks that cost no signature; asked again whenever trust or revokes have changed. */
export function seatLack(believed: Believed, { invite, certificate }: Membership): NoSeat | null {
  const { network, trust, revokes } = believed
  if (!equal(invite.network, network) || !equal(certificate.network, network)) {
    return refused('WRONG_NETWORK', 'the membership belongs to another network')
  }
  if (trust === null || !hasKey(trust.body, 'enrol', invite.enrol)) {
    return refused('NOT_ELIGIBLE', 'no enrol key of the current trust signed the invite')
  }
  if (isCritical(invite.ext)) return refused('UNSUPPORTED', 'the invite needs a newer node')
  const { slot, issuedMs } = certificate
  const isInTime =
    issuedMs >= invite.issuedMs && (invite.notAfterMs === 0 || issuedMs <= invite.notAfterMs)
  if (!equal(certificate.invite, invite.invite) || slot >= invite.slots || !isInTime) {
    return refused('NOT_ELIGIBLE', 'the certificate lies outside its invite')
  }
  const isRevoked = revokes.some(
    ({ body }) =>
      equal(body.invite, invite.invite) && (body.slots.length === 0 || body.slots.includes(slot))
  )
  return isRevoked ? refused('NOT_ELIGIBLE', `slot ${slot} of the invite is revoked`) : null
}

/** Names a slot; two node keys under one of these blind each other (S103). */
export function slotIdOf({ invite, certificate }: Membership): string {
  return `${toHex(invite.invite)}:${certificate.slot}`
}

function refused(code: Code, message: string): NoSeat {
  return { tag: 'refused', code, message }
}
