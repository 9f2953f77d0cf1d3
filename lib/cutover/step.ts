import { assert, unreachable } from '../base/index.ts'
import {
  advance,
  dropEarly,
  fail,
  go,
  isBefore,
  retryFetch,
  want,
  withhold
} from './edges/forward.ts'
import { kept, oldDoesNotServe, proceedBack, takenBack, undoNow, wayBack } from './edges/back.ts'
import { beginTrial, commit, committed, cutOver, flipLater, newSlot } from './edges/handover.ts'
import { newSlotEvent, notCutOver, oldSlotEvent } from './edges/handover.ts'
import { backoffMs, noteExit } from './keepalive.ts'
import {
  liftedByCompletion,
  liftedByHand,
  liftedByPlan,
  liftedByResume,
  liftedByYes,
  previousStaysMs
} from './quarantine.ts'
import type { ReleaseName } from '../records/index.ts'
import type { Event, FromOutside, SlotEvent } from './events.ts'
import type { Slot, SlotName, State } from './state.ts'
import { tick } from './edges/tick.ts'
import { keptVersions, Turn, type Step } from './edges/turn.ts'

/**
 * One event, one step: the new state, the journal lines that must be durable first, and then the
 * commands. An event that meets no edge is ignored, never an error. `nowMs` is wall time, read
 * once by the caller.
 */
export function step(state: State, event: Event, nowMs: number): Step {
  const turn = new Turn(state, nowMs)
  return turn.result(!dispatch(turn, event))
}

function dispatch(turn: Turn, event: Event): boolean {
  switch (event.tag) {
    case 'want':
      return want(turn, event.release, event.kind)
    case 'preflighted':
    case 'fetched':
    case 'verified':
    case 'placed':
      return advance(turn, event.op, event.tag)
    case 'prepared':
      return advance(turn, event.op, event.tag, event.plan)
    case 'no-source':
    case 'hash-differs':
      return retryFetch(turn, event.op, event.tag === 'hash-differs')
    case 'failed':
      return fail(turn, event.op, event.reason)
    case 'go':
      return go(turn, event.release)
    case 'confirmed':
      return cutOver(turn, event.op)
    case 'withhold':
      return withhold(turn, event.release) || stopCutover(turn, event.release)
    case 'healthy':
    case 'unhealthy':
    case 'start-timeout':
    case 'start-failed':
    case 'exited':
    case 'ended':
    case 'watchdog':
    case 'released':
    case 'release-timeout':
    case 'primary':
    case 'takeover-timeout':
      return slotEvent(turn, event.slot, event)
    case 'flipped':
      return flipped(turn, event.seq)
    case 'flip-failed':
      return flipFailed(turn, event)
    case 'tick':
      return tick(turn)
    case 'shadow':
    case 'snapped':
    case 'rehearsed':
    case 'retry-later':
    case 'unavailable':
    case 'shadow-ready':
    case 'shadowed':
    case 'sealed':
      return false
    case 'halted':
    case 'undo':
    case 'resume':
    case 'completed':
    case 'superseded':
    case 'hold':
    case 'floor':
    case 'rollback':
    case 'keep':
    case 'clear':
    case 'apply':
    case 'retry':
      return fleetOrOperator(turn, event)
    default:
      return unreachable(event)
  }
}

function fleetOrOperator(turn: Turn, event: FromOutside): boolean {
  // Nothing may be added to a journal that cannot be read; a floor is not journaled.
  if (turn.state.fault !== null && event.tag !== 'floor') return false
  switch (event.tag) {
    case 'halted':
      return halted(turn, event.release, event.why)
    case 'undo':
      return undo(turn, event)
    case 'resume':
      return resume(turn, event.release, event.by)
    case 'completed':
      return completed(turn, event.release)
    case 'superseded':
      return dropEarly(turn, event.release, 'superseded') || outlived(turn, event.release)
    case 'hold': {
      if (turn.state.held === event.on) return false
      turn.line({ tag: 'hold', on: event.on })
      if (event.on && !withhold(turn, null)) stopCutover(turn, null)
      return true
    }
    case 'floor':
      turn.set({ barred: event.barred, dead: event.dead ?? [] })
      return true
    case 'rollback':
      return rollback(turn)
    case 'keep':
      return keep(turn)
    case 'clear':
    case 'apply':
    case 'retry': {
      const lifted = lifts[event.tag](turn.state, event.release)
      turn.lines(lifted)
      return lifted.length > 0
    }
    default:
      return unreachable(event)
  }
}

const lifts = { clear: liftedByHand, apply: liftedByYes, retry: liftedByPlan }

function slotEvent(turn: Turn, name: SlotName, event: SlotEvent): boolean {
  const before = turn.state.slots[name]
  if (before === null) return false
  const after = slotAfter(before, event, turn.nowMs)
  turn.slot(name, after)
  const { op, live } = turn.state
  // What we ended ourselves is gone; it no longer says anything about its release.
  const gone = before.status === 'ending' && (event.tag === 'ended' || event.tag === 'exited')
  if (before.status === 'ending' && !gone) {
    turn.slot(name, before)
    return true
  }
  if (op?.state === 'cutover' || op?.state === 'trial') {
    const isNew = before.release === op.release && newSlot(turn, op) === name
    return isNew ? newSlotEvent(turn, event) : oldSlotEvent(turn, event)
  }
  if (op?.state === 'back') return backSlotEvent(turn, name, event)
  if (name !== live) {
    if (after?.status === 'down') turn.slot(name, null)
    return true
  }
  if (op?.state === 'stuck' && event.tag === 'healthy') {
    turn.route(name)
    if (before.release === op.from?.release) takenBack(turn, name)
    return true
  }
  return servingSlotEvent(turn, name, event)
}

/** Nothing is being handed over: keep what the pointer names alive (edge 19). */
function servingSlotEvent(turn: Turn, name: SlotName, event: SlotEvent): boolean {
  const { pointer, slots } = turn.state
  if (event.tag === 'healthy' || event.tag === 'start-timeout') turn.route(name)
  if (pointer === null) {
    if (event.tag === 'exited' || event.tag === 'ended') turn.slot(name, null)
    return true
  }
  if (event.tag === 'ended') turn.start(name, pointer, true)
  const restarts = event.tag === 'exited' && event.restarting
  if (!restarts && slots[name]?.status === 'down') {
    turn.set({ restartAt: turn.nowMs + backoffMs(slots[name].exits.length) })
  }
  return true
}

function backSlotEvent(turn: Turn, name: SlotName, event: SlotEvent): boolean {
  const { op, slots } = turn.state
  const isOld = slots[name] !== null && slots[name].release === op?.from?.release
  const cold = op?.next === null
  const failed = event.tag === 'exited' || event.tag.startsWith('start-') // never served
  if (isOld && cold && (failed || event.tag === 'unhealthy')) oldDoesNotServe(turn)
  else proceedBack(turn)
  return true
}

function slotAfter(slot: Slot, event: SlotEvent, nowMs: number): Slot | null {
  switch (event.tag) {
    case 'healthy':
      return { ...slot, status: 'healthy' }
    case 'primary':
      return { ...slot, status: 'healthy' }
    case 'released':
      return { ...slot, status: 'released' }
    case 'release-timeout':
      return slot
    case 'unhealthy':
    case 'start-timeout':
    case 'takeover-timeout':
    case 'watchdog':
      return { ...slot, status: 'bad' }
    case 'exited': {
      if (slot.status === 'ending') return null
      const exits = noteExit(slot.exits, nowMs)
      return { ...slot, status: event.restarting ? 'starting' : 'down', exits }
    }
    case 'start-failed':
      return { ...slot, status: 'down', exits: noteExit(slot.exits, nowMs) }
    case 'ended':
      return null
    default:
      return unreachable(event)
  }
}

function flipped(turn: Turn, seq: number): boolean {
  const { op, pending } = turn.state
  if (pending?.seq === seq) {
    turn.set({ pointer: pending, pending: null })
    turn.command({ tag: 'gc', keep: keptVersions(turn.state) })
    return true
  }
  if (op?.next?.seq !== seq) return false
  if (op.state === 'cutover') beginTrial(turn)
  else if (op.state === 'committed') committed(turn)
  else {
    assert(op.state === 'back', 'only a hand-over, a commit and a take-back write a pointer')
    turn.set({ pointer: op.next, op: { ...op, next: null, deadline: null } })
    proceedBack(turn)
  }
  return true
}

function flipFailed(turn: Turn, event: Extract<Event, { tag: 'flip-failed' }>): boolean {
  const { op, pending } = turn.state
  if (pending?.seq === event.seq) {
    turn.set({ pending: null })
    return true
  }
  if (op?.next?.seq !== event.seq) return false
  if (op.state === 'cutover') notCutOver(turn, event.reason)
  else flipLater(turn)
  return true
}

/** Edge 30 for a hand-over that has flipped nothing yet. */
function stopCutover(turn: Turn, release: ReleaseName | null): boolean {
  const { op } = turn.state
  if (op?.state !== 'cutover' || op.next !== null) return false
  if (release !== null && op.release !== release) return false
  notCutOver(turn, 'held')
  return true
}

function halted(turn: Turn, release: ReleaseName, why: 'halted' | 'aborted'): boolean {
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

function undo(turn: Turn, event: Extract<Event, { tag: 'undo' }>): boolean {
  const { release, atMs, why } = event
  const { pointer, op } = turn.state
  if (pointer?.release !== release) return halted(turn, release, why)
  if (turn.state.undo?.release === release) return false
  if (op?.state === 'back' || op?.state === 'stuck') return false
  if (wayBack(turn, why) === null) {
    kept(turn, { release, atMs, why })
    return true
  }
  turn.set({ undo: { release, atMs, why } })
  turn.edge(32, op)
  return true
}

/** Edges 36 and 37: what the fleet said is lifted; what was seen here stays. */
function resume(turn: Turn, release: ReleaseName, by: string): boolean {
  const lifted = liftedByResume(turn.state, release, by)
  const cancels = turn.state.undo?.release === release
  turn.lines(lifted)
  if (cancels) {
    turn.set({ undo: null })
    turn.edge(36, turn.state.op)
  }
  return cancels || lifted.length > 0
}

/** An operator's way back is not delayed. */
function rollback(turn: Turn): boolean {
  const { pointer, op } = turn.state
  if (pointer === null || op?.state === 'back' || wayBack(turn, 'operator') === null) return false
  return undoNow(turn, { release: pointer.release, atMs: turn.nowMs, why: 'operator' })
}

function completed(turn: Turn, release: ReleaseName): boolean {
  const lifted = liftedByCompletion(turn.state, release)
  turn.lines(lifted)
  const { pointer, lastGood } = turn.state
  if (pointer?.release !== release || lastGood === release) return lifted.length > 0
  noteEnd(turn, release, 'completed')
  return true
}

function outlived(turn: Turn, release: ReleaseName): boolean {
  const { pointer, gcAt } = turn.state
  if (pointer?.release !== release || pointer.prev === null || gcAt !== null) return false
  noteEnd(turn, release, 'superseded')
  return true
}

/** Edge 38: from now the predecessor stays a day longer, however long ago the own trial ended. */
function noteEnd(turn: Turn, release: ReleaseName, how: 'completed' | 'superseded'): void {
  const prev = turn.state.pointer?.prev ?? null
  const gcAt = prev === null ? null : (turn.state.gcAt ?? turn.nowMs + previousStaysMs)
  turn.line({ tag: 'completed', release, how, gcAt })
}

function keep(turn: Turn): boolean {
  const { op, pointer, live } = turn.state
  if (op?.state !== 'stuck' || pointer === null) return false
  if (pointer.release === op.release) commit(turn, 35)
  else takenBack(turn, live)
  return true
}
