import { HOUR, MINUTE } from '../../base/index.ts'
import type { ReleaseName } from '../../records/index.ts'
import { backoffMs } from '../keepalive.ts'
import { isQuarantined } from '../quarantine.ts'
import { whyOf, type Reason } from '../reasons.ts'
import type { HandoverPlan } from '../state.ts'
import { blankOp, isBefore } from './op.ts'
import { backTo, downFailed } from './back.ts'
import { notCutOver, propose } from './handover.ts'
import { failedCheck, isOnItsWay } from './rehearse.ts'
import type { Turn } from './turn.ts'

const KINDS: readonly string[] = ['params', 'code', 'stateful']
const fetchBackoff = { leastMs: MINUTE, mostMs: 6 * HOUR }

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
      turn.edge(2, { ...op, state: 'fetched', deadline: null, tries: 0 })
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
    case 'built prepared':
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

/** Edges 20 and 22 before anything of the release has run, 28 while it is rehearsed, 30 after. */
export function fail(turn: Turn, number: number, reason: Reason): boolean {
  const { op } = turn.state
  if (op === null || op.op !== number) return false
  if (isOnItsWay(op)) return failedCheck(turn, op, reason)
  if (op.state === 'back') return downFailed(turn, op)
  if (op.state === 'cutover' && op.next === null) {
    notCutOver(turn, reason)
    return true
  }
  if (!isBefore(op.state, 'cutover')) return false
  turn.drop(whyOf(reason) === 'host' ? 20 : 22, reason)
  return true
}

/** A generation is whole: the one that counts before the flip, or the one to go back to. */
export function sealed(turn: Turn, number: number, gen: string): boolean {
  const { op } = turn.state
  if (op === null || op.op !== number || op.next !== null) return false
  if (op.state === 'back') return backTo(turn, op, gen)
  if (op.state !== 'cutover' || !op.transition) return false
  turn.set({ op: { ...op, gen } })
  propose(turn)
  return true
}

/** Edges 24 and 25: an op that has not begun its hand-over is dropped. */
export function dropEarly(turn: Turn, release: ReleaseName, reason: Reason): boolean {
  const { op } = turn.state
  if (op === null || op.release !== release || !isBefore(op.state, 'cutover')) return false
  turn.drop(reason === 'superseded' ? 24 : 25, reason)
  return true
}

/** Edge 25, or 30 before the flip; who has nothing to do with it notes it, once (S78). */
export function halted(turn: Turn, release: ReleaseName, why: 'halted' | 'aborted'): boolean {
  const { op, pointer } = turn.state
  if (op?.release === release) {
    if (isBefore(op.state, 'cutover')) return dropEarly(turn, release, why)
    if (op.state !== 'cutover' || op.next !== null) return false
    notCutOver(turn, why)
    return true
  }
  // S78: who runs it hears `undo`; everyone else notes it once and never starts it.
  return pointer?.release !== release && turn.quarantine(release, why)
}
