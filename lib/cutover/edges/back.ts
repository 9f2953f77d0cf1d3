import { assert } from '../../base/index.ts'
import type { Pair, Pointer } from '../../records/index.ts'
import type { SlotEvent } from '../events.ts'
import { doesNotStayUp, whyOf, type Reason } from '../reasons.ts'
import type { Op, Slot, SlotName } from '../state.ts'
import { isUp, nextSeq, other, type Turn } from './turn.ts'

/** A pair one may go back to, and what becomes of the state on the way. */
export interface WayBack {
  readonly pair: Pair
  /** `down`: made anew from what was written since; `loss`: as it was left. */
  readonly how: 'code' | 'down' | 'loss'
}

/** Where a way back leads: null where there is none, or it is gone, or below a floor (S102). */
export function wayBack(turn: Turn, reason: Reason, loss = false): WayBack | null {
  const { pointer, barred, dead } = turn.state
  const prev = pointer?.prev ?? null
  if (prev === null || dead.includes(prev.release)) return null
  if (barred.includes(prev.release) && !doesNotStayUp(reason)) return null
  const pair = { release: prev.release, gen: prev.gen }
  if (prev.back === 'code') return { pair, how: 'code' }
  if (prev.back === 'snapshot') return { pair, how: 'down' }
  return loss ? { pair, how: 'loss' } : null
}

/**
 * Edges 31, 32 and 35 to `back`, or to `stuck` where no way leads back. Permission is not judged:
 * the version one came from stays runnable after its signer is revoked (S97).
 */
export function takeBack(turn: Turn, edge: 31 | 32 | 35, reason: Reason): void {
  const { op, pointer } = turn.state
  assert(op !== null && pointer !== null, 'a take-back leaves something')
  const blamed = edge === 31 && op.reason === 'baseline-bad' ? 'baseline-bad' : reason
  const way = wayBack(turn, reason, op.loss)
  const slot = slotOf(turn, op)
  turn.command({ tag: 'disarm' })
  if (way === null) {
    stuck(turn, edge, { ...op, reason: blamed })
    // Nothing leads to the other one: it only stands in the way of what comes next.
    if (slot === turn.state.live) turn.end(other(slot), true)
    return
  }
  const next = way.how === 'down' ? null : target(turn, op, way.pair)
  const from = way.pair
  turn.set({ restartAt: null, undo: null })
  const goesBack = { state: 'back', from, reason: blamed, next, deadline: null } as const
  turn.edge(edge, { ...op, ...goesBack })
  if (next === null) empty(turn)
  else {
    leave(turn, slot)
    turn.flip(next)
  }
}

/** The new version's place is taken at once where the old one is warm. */
function leave(turn: Turn, slot: SlotName): void {
  const { op } = turn.state
  const old = turn.state.slots[other(slot)]
  const isExclusive = (op?.handover ?? turn.state.handover) === 'exclusive'
  if (old?.status === 'released') {
    turn.set({ live: other(slot) })
    // The old one may have its lock back when the new one is gone.
    if (isExclusive && isUp(turn.state.slots[slot]?.status)) turn.end(slot, false)
    else if (!isExclusive || turn.state.slots[slot]?.status !== 'ending') turn.resume(other(slot))
  } else if (old?.status === 'healthy' || old?.status === 'bad') {
    // Warm: it serves before anything is written about it.
    turn.set({ live: other(slot) })
    turn.route(other(slot))
  } else {
    if (old !== null && old.status !== 'taking') turn.end(other(slot), false)
    if (turn.state.slots[slot]?.status !== 'healthy') turn.route(null)
  }
}

/** Before state is made for the old version nobody may write it. */
export function empty(turn: Turn): void {
  turn.route(null)
  for (const name of ['a', 'b'] as const) {
    const slot = turn.state.slots[name]
    if (slot?.status !== 'ending') turn.end(name, slot?.status === 'healthy')
  }
  goDown(turn)
}

/** Told once, when the last process is gone. */
function goDown(turn: Turn): void {
  const { op, pointer, slots } = turn.state
  if (op?.state !== 'back' || op.from === null || pointer === null) return
  if (slots.a !== null || slots.b !== null) return
  const from = { release: pointer.release, gen: pointer.gen }
  turn.command({ tag: 'down', op: op.op, release: op.release, from, to: op.from })
}

/** State for the old version is there; what was written since may stay behind only if it may. */
export function backTo(turn: Turn, op: Op, gen: string): boolean {
  const { pointer } = turn.state
  if (op.from === null || pointer === null || pointer.release === op.from.release) return false
  const mayLose = op.loss || pointer.phase === 'trial'
  if (gen === op.from.gen && !mayLose) return downFailed(turn, op)
  const from = { release: op.from.release, gen }
  const next = target(turn, op, from)
  turn.edge(edgeOf(op), { ...op, from, next })
  turn.flip(next)
  return true
}

/** No state could be made: an operator who accepted the loss goes back, others stay. */
export function downFailed(turn: Turn, op: Op): boolean {
  const { pointer } = turn.state
  if (op.from === null || pointer === null || op.next !== null) return false
  if (pointer.release === op.from.release) return false
  if (op.loss) return backTo(turn, op, op.from.gen)
  stuck(turn, 34, op)
  return true
}

/** A process while a take-back is under way; `before`: how it stood until now. */
export function slotGoingBack(turn: Turn, before: Slot, name: SlotName, event: SlotEvent): void {
  const { op, pointer } = turn.state
  assert(op?.state === 'back', 'a take-back is under way')
  if (op.next === null && pointer?.release !== op.from?.release) {
    if (turn.state.slots[name]?.status === 'down') turn.slot(name, null)
    goDown(turn)
    return
  }
  const isOld = before.release === op.from?.release
  const isCold = op.next === null && before.status === 'starting'
  const fails = event.tag === 'exited' || event.tag.startsWith('start-') // never served
  if (isOld && isCold && (fails || event.tag === 'unhealthy')) oldDoesNotServe(turn)
  else if (isOld && event.tag === 'takeover-timeout') turn.end(name, false)
  else proceedBack(turn)
}

/** Goes on with a take-back whose pointer is durable; every slot event comes here again. */
export function proceedBack(turn: Turn): void {
  const { op, pointer } = turn.state
  assert(op?.state === 'back' && op.from !== null, 'a take-back knows its goal')
  if (op.next !== null || pointer?.release !== op.from.release) return
  const slot = slotOf(turn, op)
  const old = turn.state.slots[other(slot)]
  const mine = turn.state.slots[slot]
  if (old !== null && old.release !== op.from.release) return
  const isExclusive = (op.handover ?? turn.state.handover) === 'exclusive'
  if (old?.status === 'healthy') takenBack(turn, other(slot))
  else if (old === null || old.status === 'down' || old.status === 'released') {
    if (isExclusive && mine !== null && mine.status !== 'down') {
      turn.route(null)
      if (mine.status !== 'ending') turn.end(slot, mine.status === 'healthy')
    } else if (old?.status === 'released') turn.resume(other(slot))
    else turn.start(other(slot), op.from, { restart: true })
  }
}

/** Edge 34: the old version does not serve either. */
function oldDoesNotServe(turn: Turn): void {
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
  turn.report(op, isUndo(reason) ? 'undone' : 'failed', reason)
}

/** It stays as it is, as well as it can, and an operator is told. */
function stuck(turn: Turn, edge: 31 | 32 | 34 | 35, op: Op): void {
  const { dead, barred, pointer } = turn.state
  turn.edge(edge, { ...op, state: 'stuck', next: null, deadline: null })
  const prev = pointer?.prev?.release ?? ''
  const isClosed = dead.includes(prev) || barred.includes(prev)
  turn.command({ tag: 'alarm', what: isClosed ? 'kept' : 'stuck', release: op.release })
  turn.report(op, 'failed', op.reason)
  const { slots, live } = turn.state
  const status = slots[live]?.status
  if (pointer !== null && (status === 'down' || status === undefined)) {
    turn.set({ restartAt: turn.nowMs })
  } else turn.command({ tag: 'keep', slot: live, restart: true })
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

function target(turn: Turn, op: Op, pair: Pair): Pointer {
  const seq = nextSeq(turn.state)
  return { v: 1, seq, op: op.op, ...pair, phase: 'committed', prev: null }
}

function edgeOf(op: Op): 31 | 32 {
  return op.reason !== null && isUndo(op.reason) ? 32 : 31
}

function isUndo(reason: Reason): boolean {
  return reason === 'operator' || whyOf(reason) === 'fleet'
}
