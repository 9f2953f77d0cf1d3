import { assert, unreachable } from '../base/index.ts'
import { advance, dropEarly, fail, halted, retryFetch, sealed, want } from './edges/forward.ts'
import { proceedBack } from './edges/back.ts'
import { notCutOver } from './edges/handover.ts'
import * as rehearsal from './edges/rehearse.ts'
import { slotEvent } from './edges/slots.ts'
import { beginTrial, committed, flipLater } from './edges/trial.ts'
import { keep, resume, rollback, undo } from './edges/undo.ts'
import {
  liftedByCompletion,
  liftedByHand,
  liftedByPlan,
  liftedByYes,
  previousStaysMs
} from './quarantine.ts'
import type { ReleaseName } from '../records/index.ts'
import type { Event, FromOutside, Rehearsed } from './events.ts'
import type { State } from './state.ts'
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
      return rehearsal.go(turn, event.release, 'go')
    case 'confirmed':
      return rehearsal.confirmed(turn, event.op)
    case 'withhold':
      return rehearsal.withhold(turn, event.release) || stopCutover(turn, event.release)
    case 'healthy':
    case 'unhealthy':
    case 'start-timeout':
    case 'start-failed':
    case 'exited':
    case 'over-limit':
    case 'starved':
    case 'ended':
    case 'watchdog':
    case 'loaded':
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
      return rehearse(turn, event)
    case 'sealed':
      return sealed(turn, event.op, event.gen)
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

function rehearse(turn: Turn, event: Rehearsed): boolean {
  switch (event.tag) {
    case 'shadow':
      return rehearsal.go(turn, event.release, 'shadow')
    case 'snapped':
      return rehearsal.snapped(turn, event.op)
    case 'rehearsed':
      return rehearsal.rehearsed(turn, event.op)
    case 'retry-later':
      return rehearsal.retryLater(turn, event.op)
    case 'unavailable':
      return rehearsal.unavailable(turn, event.op, event.what)
    case 'shadow-ready':
      return rehearsal.shadowReady(turn, event.op)
    case 'shadowed': {
      const { shadow, phoneHome } = event
      return rehearsal.shadowed(turn, event.op, { shadow, phoneHome })
    }
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
      if (event.on && !rehearsal.withhold(turn, null)) stopCutover(turn, null)
      return true
    }
    case 'floor':
      turn.set({ barred: event.barred, dead: event.dead ?? [] })
      return true
    case 'rollback':
      return rollback(turn, event.acceptLoss === true)
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
