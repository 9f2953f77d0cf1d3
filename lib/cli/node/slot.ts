import type { Pool } from '../../crowd/index.ts'
import { decodeMembership } from '../../records/index.ts'
import { toName, verifyMembership, type Believed } from '../../trust/index.ts'
import type { Identity } from './identity.ts'

/** The slot this node sits in, by its own certificate. */
export interface SlotView {
  readonly slot: number
  /** Key of the invite, z32. */
  readonly invite: string
  /** `waiting`: nobody could say yet. `refused`: revoked, or of an enrol key of old. */
  readonly state: 'held' | 'doubled' | 'refused' | 'waiting'
  readonly reason: string
}

/**
 * Whether this node counts in its slot. Two nodes of one image or one slot number blind each other
 * (S103), and neither can see it by itself.
 */
export function slotOf(
  { pair, membership }: Identity,
  { believed, pool }: { readonly believed: Believed; readonly pool: Pick<Pool, Asked> },
  nowMs: number
): SlotView | null {
  if (membership === null) return null
  const decoded = decodeMembership(membership)
  const { slot, invite } = decoded.certificate
  const base = { slot, invite: toName(invite) }
  if (believed.trust === null) return { ...base, state: 'waiting', reason: 'no trust is here yet' }
  const seat = verifyMembership(believed, decoded, nowMs)
  if (seat.tag === 'refused') return { ...base, state: 'refused', reason: seat.message }
  if (pool.seatOf(pair.key) !== null) return { ...base, state: 'held', reason: '' }
  if (pool.doubledSlots() > 0) return { ...base, state: 'doubled', reason: 'two nodes claim it' }
  return { ...base, state: 'waiting', reason: 'no peer has heard of it yet' }
}

type Asked = 'seatOf' | 'doubledSlots'
