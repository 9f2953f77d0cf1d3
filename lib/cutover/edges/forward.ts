import { HOUR, MINUTE } from '../../base/index.ts'
import type { ReleaseName } from '../../records/index.ts'
import { backoffMs } from '../keepalive.ts'
import { isQuarantined } from '../quarantine.ts'
import { whyOf, type Reason } from '../reasons.ts'
import { plainPlan, type HandoverPlan, type Op, type OpState } from '../state.ts'
import { other, type Turn } from './turn.ts'

const KINDS: readonly string[] = ['params', 'code', 'stateful']
const fetchBackoff = { leastMs: MINUTE, mostMs: 6 * HOUR }

/** Starts that killed the whole machine, after which a release is given up. */
export const rehearsalsMax = 3

/** Edge 1, and 35 out of `stuck`. The guards of permission and order are the caller's. */
export function want(turn: Turn, release: ReleaseName, kind: string): boolean {
  const { op, pointer, lastOp, fault } = turn.state
  if (fault !== null || !KINDS.includes(kind)) return false
  if (op !== null && op.state !== 'stuck') return false
  if (pointer?.release === release || isQuarantined(turn.state, release)) return false
  if (op !== null) turn.edge(35, null)
  const from = pointer === null ? null : { release: pointer.release, gen: pointer.gen }
  turn.edge(1, { ...blankOp, op: lastOp + 1, release, from, fromLevel: turn.state.level })
  turn.command({ tag: 'preflight', op: lastOp + 1, release })
  return true
}

/** Edges 2 to 6, each with the command that leaves the new state. */
export function advance(turn: Turn, number: number, did: string, plan?: HandoverPlan): boolean {
  const { op } = turn.state
  if (op === null || op.op !== number) return false
  const { release } = op
  switch (`${op.state} ${did}`) {
    case 'admitted preflighted':
      turn.command({ tag: 'fetch', op: number, release })
      return true
    case 'admitted fetched':
      turn.edge(2, { ...op, state: 'fetched', deadline: null })
      turn.command({ tag: 'verify', op: number, release })
      return true
    case 'fetched verified':
      turn.edge(3, { ...op, state: 'verified' })
      turn.command({ tag: 'place', op: number, release })
      return true
    case 'verified placed':
      turn.edge(4, { ...op, state: 'unpacked' })
      turn.command({ tag: 'prepare', op: number, release, from: op.from })
      return true
    case 'unpacked prepared':
      if (plan === undefined) return false
      turn.edge(6, { ...op, ...plan, state: 'waiting', turn: 'no' })
      return true
    default:
      return false
  }
}

/** Edge 20 for missing sources and 21 for wrong bytes: tried again, uncounted. */
export function retryFetch(turn: Turn, number: number, hashDiffers: boolean): boolean {
  const { op } = turn.state
  if (op === null || op.op !== number) return false
  if (op.state !== (hashDiffers ? 'fetched' : 'admitted')) return false
  const tries = op.tries + 1
  const deadline = turn.nowMs + backoffMs(tries, fetchBackoff)
  turn.edge(hashDiffers ? 21 : 20, { ...op, state: 'admitted', tries, deadline })
  return true
}

/** Edges 20 and 22: nothing of the release has run yet. */
export function fail(turn: Turn, number: number, reason: Reason): boolean {
  const { op } = turn.state
  if (op === null || op.op !== number || !isBefore(op.state, 'cutover')) return false
  turn.drop(whyOf(reason) === 'host' ? 20 : 22, reason)
  return true
}

/** Edge 7. Enrolment, if any, is the caller's and comes before this. */
export function go(turn: Turn, release: ReleaseName): boolean {
  const { op, held, fault, slots, live, pointer } = turn.state
  if (op === null || op.release !== release || op.state !== 'waiting') return false
  if (op.turn === 'go' || held || fault !== null) return false
  // R9 and tableflip's lesson: no second upgrade while an old process still drains.
  const free = pointer === null ? slots[live] === null : slots[other(live)] === null
  if (!free) return false
  turn.edge(7, { ...op, turn: 'go', rehearsals: op.rehearsals + 1 })
  turn.command({ tag: 'confirm', op: op.op, release })
  return true
}

/** Edge 26, or 30 when the hand-over has begun but nothing has been flipped. */
export function withhold(turn: Turn, release: ReleaseName | null): boolean {
  const { op } = turn.state
  if (op === null || (release !== null && op.release !== release)) return false
  if (op.state !== 'waiting' || op.turn !== 'go') return false
  turn.edge(26, { ...op, turn: 'no' })
  return true
}

/** Edges 24 and 25: an op that has not begun its hand-over is dropped. */
export function dropEarly(turn: Turn, release: ReleaseName, reason: Reason): boolean {
  const { op } = turn.state
  if (op === null || op.release !== release || !isBefore(op.state, 'cutover')) return false
  turn.drop(reason === 'superseded' ? 24 : 25, reason)
  return true
}

/** Whether `state` lies before `limit` on the way forward. */
export function isBefore(state: OpState, limit: OpState): boolean {
  return ORDER.indexOf(state) < ORDER.indexOf(limit)
}

const ORDER: readonly OpState[] = [
  'admitted',
  'fetched',
  'verified',
  'unpacked',
  'built',
  'waiting',
  'snapshot',
  'migrated',
  'shadow',
  'checked',
  'cutover',
  'trial',
  'committed',
  'back',
  'stuck'
]

/** What an op is before anything is known of it. */
export const blankOp: Omit<Op, 'op' | 'release' | 'from'> = {
  ...plainPlan,
  state: 'admitted',
  gen: null,
  handover: null,
  warmMs: 0,
  observeMs: 0,
  fromLevel: 0,
  warm: false,
  turn: 'no',
  boots: 0,
  rehearsals: 0,
  tries: 0,
  deadline: null,
  reason: null,
  verdicts: null,
  loss: false,
  next: null
}
