import { equal, isOtaError, type Bytes, type Code } from '../../../base/index.ts'
import {
  cardCanonical,
  decodeCard,
  decodeEvidence,
  decodeInviteFile,
  decodeMembership,
  type Evidence,
  type InviteFile,
  type RoleName
} from '../../../records/index.ts'
import {
  hasKey,
  keyPairFromSeed,
  membersOf,
  statementId,
  toShortName,
  verify,
  verifyEvidence,
  verifyMembership,
  wipe,
  type Believed
} from '../../../trust/index.ts'
import { escapeText } from '../../frame/index.ts'
import type { Paper } from './papers.ts'
import type { Row } from './row.ts'

type Said = Pick<Row, 'what' | 'code' | 'reason'> & Partial<Pick<Row, 'id' | 'signers' | 'hint'>>

/** Papers that are no statements, each by its own signature; empty for statements and answers. */
export function judgeOther(paper: Paper, believed: Believed | null): readonly Row[] {
  if (paper.tag === 'statement' || paper.tag === 'answer') return []
  const { source } = paper
  const said = paper.tag === 'unreadable' ? unread(paper) : judged(paper, believed)
  const have = said.code === null ? 1 : 0
  const verdict = said.code === null ? 'admitted' : 'refused'
  return [{ source, verdict, have, need: 1, id: null, signers: [], hint: null, ...said }]
}

function unread({ code, message, hint }: Extract<Paper, { readonly tag: 'unreadable' }>): Said {
  return { what: 'file', code, reason: message, hint }
}

type Other = Exclude<Paper, { readonly tag: 'answer' | 'unreadable' }>

function judged({ tag, bytes }: Other, believed: Believed | null): Said {
  try {
    if (tag === 'card') return judgeCard(bytes)
    if (tag === 'invite') return judgeInvite(decodeInviteFile(bytes), believed)
    if (tag === 'membership') return judgeMembership(bytes, believed)
    return judgeEvidence(bytes, believed)
  } catch (error) {
    if (!isOtaError(error)) throw error
    return { what: tag, code: error.code, reason: error.message }
  }
}

function judgeCard(bytes: Bytes): Said {
  const card = decodeCard(bytes)
  const what = `card of "${escapeText(card.label)}"`
  if (!verify(cardCanonical(card), card.signature, card.key)) {
    return { what, code: 'BAD_SIGNATURE', reason: 'the card is not signed by its key' }
  }
  return { what, code: null, reason: `key ${toShortName(card.key)} signs it`, id: card.key }
}

/**
 * Whether an invite was signed by the enrol key it names, holds the seed of its own key, and is one
 * of this belief, where there is one. Its end is for the caller, who has a clock.
 */
export function judgeInvite({ invite, seed }: InviteFile, believed: Believed | null): Said {
  const what = `invite for ${invite.slots} slots`
  const id = invite.invite
  if (!verify(invite.canonical, invite.signature, invite.enrol)) {
    return { what, id, code: 'BAD_SIGNATURE', reason: 'no enrol key signed the invite' }
  }
  const pair = keyPairFromSeed(seed)
  const fits = equal(pair.key, invite.invite)
  wipe(pair.secret)
  if (!fits) return { what, id, code: 'BAD_KEY', reason: 'its secret is not that of its key' }
  const lack = believed === null ? null : inviteLack(invite, believed)
  if (lack !== null) return { what, id, ...lack }
  const signers = believed?.trust ? namesOf(believed, 'enrol', invite.enrol) : []
  return { what, id, code: null, reason: 'an enrol key signed it', signers }
}

function inviteLack(
  { network, enrol, invite }: InviteFile['invite'],
  { network: own, trust, revokes }: Believed
): { readonly code: Code; readonly reason: string } | null {
  if (!equal(network, own)) {
    return { code: 'WRONG_NETWORK', reason: 'the invite belongs to another network' }
  }
  if (trust !== null && !hasKey(trust.body, 'enrol', enrol)) {
    return { code: 'NOT_ELIGIBLE', reason: 'no enrol key of the current trust signed it' }
  }
  const isOver = revokes.some(({ body }) => equal(body.invite, invite) && body.slots.length === 0)
  return isOver ? { code: 'NOT_ELIGIBLE', reason: 'the invite is revoked' } : null
}

function judgeMembership(bytes: Bytes, believed: Believed | null): Said {
  const membership = decodeMembership(bytes)
  const { slot, node, issuedMs } = membership.certificate
  const what = `certificate of slot ${slot}`
  if (believed === null) return { what, id: node, ...noTrust }
  const seat = verifyMembership(believed, membership, issuedMs)
  if (seat.tag === 'refused') return { what, id: node, code: seat.code, reason: seat.message }
  return { what, id: node, code: null, reason: `node ${toShortName(node)} sits in slot ${slot}` }
}

/** What a named key says beside the statements, and the role that lets it. */
const roles: Partial<Record<Evidence['body']['tag'], RoleName>> = {
  attest: 'build',
  brake: 'brake',
  beacon: 'beacon'
}

function judgeEvidence(bytes: Bytes, believed: Believed | null): Said {
  if (believed === null) return { what: 'evidence', ...noTrust }
  const evidence = decodeEvidence(bytes, believed.network)
  const { body, signer, canonical } = evidence
  const what = body.tag
  const id = statementId(canonical)
  if (!verifyEvidence(evidence)) {
    return { what, id, code: 'BAD_SIGNATURE', reason: 'the signature does not verify' }
  }
  const role = roles[body.tag]
  if (role === undefined) return { what, id, code: null, reason: 'its node signed it' }
  const signers = namesOf(believed, role, signer)
  if (signers.length === 0) {
    const reason = `its key ${toShortName(signer)} is not of role ${role}`
    return { what, id, code: 'BAD_KEY', reason }
  }
  return { what, id, code: null, reason: `a key of role ${role} signed it`, signers }
}

const noTrust = {
  code: 'TRUST_GAP',
  reason: 'no trust is here that could say who counts',
  hint: 'give --network JOIN, --home DIR, or a folder that holds the trusts too'
} as const

function namesOf({ trust }: Believed, role: RoleName, key: Bytes): readonly string[] {
  const members = trust === null ? [] : membersOf(trust.body, role)
  return members.filter((member) => equal(member.key, key)).map(({ label }) => label)
}

/** The label under which some trust here lists a key; null where none does. */
export function labelOf(believed: Believed | null, key: Bytes): string | null {
  const trusts = [...(believed?.held.values() ?? [])].flatMap(({ any }) =>
    any.tag === 'trust' ? [any.known.body] : []
  )
  for (const { roles: all } of trusts.toReversed()) {
    const found = all.flatMap(({ members }) => members).find((one) => equal(one.key, key))
    if (found !== undefined) return found.label
  }
  return null
}
