import { isLifted } from '../../trust/index.ts'
import { actsOf, type AttestBook, type AttestSlot } from './attest-book.ts'
import type { Ground } from './ground.ts'
import type { Attestations, Dispute } from './types.ts'

const none: Attestations = { organisations: [], builders: [], conflicts: [] }

export interface Artifact {
  /** The release, in hex. */
  readonly hex: string
  /** Place of the artifact in it, from 0. */
  readonly index: number
}

/** Who built the signed tree of one artifact, and who another one (S54, S55, S56). */
export function attestationsOf(
  book: AttestBook,
  ground: Ground,
  { hex, index }: Artifact,
  nowMs: number
): Attestations {
  const slots = book.slotsOf(hex, index)
  if (slots.length === 0) return none
  const conflicts = slots.flatMap((slot) => disputesOf(slot, ground, nowMs))
  const agreeing = slots.filter((slot) => isAgreed(slot, ground, nowMs))
  const members = agreeing.flatMap(({ signer }) => ground.builders.get(signer) ?? [])
  const organisations = new Set(members.map(({ organisation, label }) => organisation ?? label))
  return {
    organisations: [...organisations].toSorted(),
    builders: members.map(({ label }) => label).toSorted(),
    conflicts: conflicts.toSorted((a, b) => (a.label < b.label ? -1 : 1))
  }
}

function disputesOf(slot: AttestSlot, ground: Ground, nowMs: number): readonly Dispute[] {
  const member = ground.builders.get(slot.signer)
  if (member === undefined) return []
  const { label, organisation } = member
  return actsOf(slot)
    .filter(({ said }) => !said.agrees && nowMs < said.untilMs)
    .filter(({ id }) => !isLifted(ground.believed, id))
    .map(({ id, said }) => {
      return { id, label, organisation: organisation ?? label, treeDigest: said.treeDigest }
    })
}

/** The newest word of the builder is that it built the signed tree; both at once say nothing. */
function isAgreed(slot: AttestSlot, ground: Ground, nowMs: number): boolean {
  const { agree, dispute } = slot
  if (agree === null || nowMs >= agree.said.untilMs) return false
  if (disputesOf(slot, ground, nowMs).length > 0) return false
  return dispute === null || nowMs >= dispute.said.untilMs || agree.seq > dispute.seq
}
