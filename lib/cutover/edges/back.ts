import { assert } from '../../base/index.ts'
import type { Pair } from '../../records/index.ts'
import { doesNotStayUp, type Reason } from '../reasons.ts'
import type { Op, SlotName, Undo } from '../state.ts'
import { blankOp } from './forward.ts'
import { nextSeq, other, type Turn } from './turn.ts'

/** The pair one may go back to, or null: none, gone, or below a floor (S102). */
export function wayBack(turn: Turn, reason: Reason): Pair | null {
  const { pointer, barred } = turn.state
  const prev = pointer?.prev ?? null
  if (prev === null || prev.back !== 'code') return null
  if (barred.includes(prev.release) && !doesNotStayUp(reason)) return null
  return { release: prev.release, gen: prev.gen }
}

/**
 * Edges 31, 32 and 35 to `back`, or to `stuck` where no way leads back. Permission is not judged:
 * the version one came from stays runnable after its signer is revoked.
 */
export function takeBack(turn: Turn, edge: 31 | 32 | 35, reason: Reason): void {
  const { op, pointer } = turn.state
  assert(op !== null && pointer !== null, 'a take-back leaves something')
  const blamed = edge === 31 && op.reason === 'baseline-bad' ? 'baseline-bad' : reason
  const prev = wayBack(turn, reason)
  const slot = slotOf(turn, op)
  turn.command({ tag: 'disarm' })
  if (prev === null) {
    stuck(turn, edge, { ...op, reason: blamed })
    return
  }
  const next = { ...pointer, ...prev, seq: nextSeq(turn.state), phase: 'committed' as const }
  const target = { ...next, op: op.op, prev: null }
  turn.set({ restartAt: null, undo: null })
  turn.edge(edge, {
    ...op,
    state: 'back',
    from: prev,
    reason: blamed,
    next: target,
    deadline: null
  })
  const old = turn.state.slots[other(slot)]
  if (old !== null && (old.status === 'healthy' || old.status === 'bad')) {
    // Warm: it serves before anything is written about it.
    turn.set({ live: other(slot) })
    turn.route(other(slot))
  } else {
    if (old !== null) turn.end(other(slot), false)
    if (!isServing(turn, slot)) turn.route(null)
  }
  turn.flip(target)
}

/** Goes on with a take-back whose pointer is durable; every slot event comes here again. */
export function proceedBack(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'back' && op.from !== null, 'a take-back knows its goal')
  if (op.next !== null) return
  const slot = slotOf(turn, op)
  const old = turn.state.slots[other(slot)]
  const mine = turn.state.slots[slot]
  if (old !== null && old.release !== op.from.release) return
  if (old === null || old.status === 'down') {
    const exclusive = (op.handover ?? turn.state.handover) === 'exclusive'
    if (exclusive && mine !== null && mine.status !== 'down') {
      turn.route(null)
      turn.end(slot, mine.status === 'healthy')
    } else turn.start(other(slot), op.from, true)
    return
  }
  if (old.status === 'healthy') takenBack(turn, other(slot))
}

/** Edge 34: the old version does not serve either. */
export function oldDoesNotServe(turn: Turn): void {
  const { op } = turn.state
  assert(op?.state === 'back', 'only a take-back can fail')
  const slot = slotOf(turn, op)
  stuck(turn, 34, op)
  turn.set({ live: other(slot) })
  turn.end(slot, false)
}

/** Edge 33: the old version serves; what it came back from is quarantined. */
export function takenBack(turn: Turn, slot: SlotName): void {
  const { op } = turn.state
  assert(op !== null, 'a take-back ends')
  const reason = op.reason ?? 'operator'
  const theirs = turn.state.slots[other(slot)]
  turn.set({ live: slot, undo: null })
  turn.route(slot)
  turn.edge(33, null)
  turn.command({ tag: 'keep', slot, restart: true })
  turn.end(other(slot), theirs?.status === 'healthy')
  turn.quarantine(op.release, reason)
  const fleet = reason === 'halted' || reason === 'aborted' || reason === 'operator'
  turn.report(op, fleet ? 'undone' : 'failed', reason)
}

/** Edge 32 when an undo is due, or an operator's rollback, which is not delayed. */
export function undoNow(turn: Turn, undo: Undo): boolean {
  const { pointer, op, lastOp } = turn.state
  if (pointer === null || pointer.release !== undo.release) return false
  if (op !== null && op.release !== undo.release) {
    if (op.state === 'cutover') return false
    if (op.state !== 'stuck') turn.drop(24, 'superseded')
  }
  const mine = turn.state.op
  const { release, gen } = pointer
  const running: Op = mine ?? {
    ...blankOp,
    op: lastOp,
    release,
    state: 'committed',
    from: null,
    gen,
    handover: turn.state.handover,
    level: turn.state.level
  }
  if (wayBack(turn, undo.why) === null) {
    kept(turn, undo)
    return true
  }
  turn.set({ op: running })
  takeBack(turn, mine?.state === 'stuck' ? 35 : 32, undo.why)
  return true
}

/** Edge 32 without a way back: it goes on, and an operator is told, once. */
export function kept(turn: Turn, undo: Undo): void {
  turn.set({ undo: { ...undo, atMs: null } })
  turn.edge(32, turn.state.op)
  turn.command({ tag: 'alarm', what: 'kept', release: undo.release })
}

/** Slot of the release that is being left. */
function slotOf(turn: Turn, op: Op): SlotName {
  const { slots, live } = turn.state
  if (slots.a?.release === op.release) return 'a'
  if (slots.b?.release === op.release) return 'b'
  const goal = op.from?.release
  if (goal !== undefined && slots.a?.release === goal) return 'b'
  if (goal !== undefined && slots.b?.release === goal) return 'a'
  return live
}

function stuck(turn: Turn, edge: 31 | 32 | 34 | 35, op: Op): void {
  turn.edge(edge, { ...op, state: 'stuck', next: null, deadline: null })
  turn.command({ tag: 'alarm', what: 'stuck', release: op.release })
  turn.report(op, 'failed', op.reason)
  const { slots, live, pointer } = turn.state
  const status = slots[live]?.status
  if (pointer !== null && (status === 'down' || status === undefined)) {
    turn.set({ restartAt: turn.nowMs })
  } else turn.command({ tag: 'keep', slot: live, restart: true })
}

function isServing(turn: Turn, slot: SlotName): boolean {
  return turn.state.slots[slot]?.status === 'healthy'
}
