import { retriesDue } from '../quarantine.ts'
import { letGo as letOldGo } from './handover.ts'
import { rehearsalDue } from './rehearse.ts'
import { startOnTrial, trialDue } from './trial.ts'
import { undoNow } from './undo.ts'
import type { Op, State } from '../state.ts'
import { nextSeq, type Turn } from './turn.ts'

/** When `tick` is needed next, as wall time in ms, or null. */
export function dueMs(state: State): number | null {
  const { op, undo, restartAt, gcAt, pending, fault } = state
  const times = [restartAt]
  if (fault === null) {
    times.push(op?.deadline ?? null)
    // An undo waits for another release's hand-over, and clean-up for any op.
    if (op?.state !== 'cutover' && op?.state !== 'back') times.push(undo?.atMs ?? null)
    if (op === null && pending === null) times.push(gcAt)
    for (const { active, nextMs } of state.quarantine) if (active) times.push(nextMs)
  }
  const set = times.filter((ms) => ms !== null)
  return set.length === 0 ? null : Math.min(...set)
}

/** Does the one thing that is due; called again until `dueMs` lies ahead. */
export function tick(turn: Turn): boolean {
  const { op, undo, restartAt, gcAt, pending, fault } = turn.state
  const { nowMs } = turn
  if (restartAt !== null && restartAt <= nowMs) return restart(turn)
  if (fault !== null) return false
  if (undo !== null && undo.atMs !== null && undo.atMs <= nowMs) {
    const free = op?.state !== 'cutover' && op?.state !== 'back'
    if (free) return undoNow(turn, undo) || forget(turn)
  }
  if (op !== null && op.deadline !== null && op.deadline <= nowMs) return opDue(turn)
  const retries = retriesDue(turn.state, nowMs)
  if (retries.length > 0) {
    turn.lines(retries)
    return true
  }
  if (gcAt !== null && gcAt <= nowMs && op === null && pending === null) return letGo(turn)
  return false
}

function opDue(turn: Turn): boolean {
  const { op } = turn.state
  if (op === null) return false
  if (op.state === 'trial') trialDue(turn)
  else if (op.state === 'waiting' || op.state === 'snapshot') rehearsalDue(turn, op)
  else if (op.state === 'cutover' && op.next === null) letOldGo(turn)
  else retryDue(turn, op)
  return true
}

function retryDue(turn: Turn, op: Op): void {
  turn.set({ op: { ...op, deadline: null } })
  if (op.state === 'admitted') turn.command({ tag: 'fetch', op: op.op, release: op.release })
  else if (op.next !== null) turn.flip(op.next)
}

function restart(turn: Turn): boolean {
  const { op, pointer, live } = turn.state
  turn.set({ restartAt: null })
  if (op?.state === 'trial') startOnTrial(turn)
  else if (pointer !== null) turn.start(live, pointer, { restart: true })
  return true
}

/** An undo is void once its release no longer runs. */
function forget(turn: Turn): boolean {
  turn.set({ undo: null })
  turn.edge(36, turn.state.op)
  return true
}

/** The way back closes: the predecessor has stayed its day. */
function letGo(turn: Turn): boolean {
  const { pointer } = turn.state
  turn.line({ tag: 'gc', release: pointer?.prev?.release ?? null })
  if (pointer === null || pointer.prev === null) return true
  const next = { ...pointer, seq: nextSeq(turn.state), prev: null }
  turn.set({ pending: next })
  turn.flip(next)
  return true
}
