import type { ReleaseName } from '../../records/index.ts'
import type { Event } from '../events.ts'
import { liftedByResume } from '../quarantine.ts'
import type { Op, Undo } from '../state.ts'
import { takeBack, takenBack, wayBack } from './back.ts'
import { halted } from './forward.ts'
import { blankOp } from './op.ts'
import { commit } from './trial.ts'
import type { Turn } from './turn.ts'

/** Edge 32: the fleet says so; it comes at its own time. */
export function undo(turn: Turn, event: Extract<Event, { tag: 'undo' }>): boolean {
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
export function resume(turn: Turn, release: ReleaseName, by: string): boolean {
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
export function rollback(turn: Turn, loss: boolean): boolean {
  const { pointer, op } = turn.state
  if (pointer === null || op?.state === 'back') return false
  if (wayBack(turn, 'operator', loss) === null) return false
  return undoNow(turn, { release: pointer.release, atMs: turn.nowMs, why: 'operator' }, loss)
}

/** Edge 32 when an undo is due, or an operator's rollback. */
export function undoNow(turn: Turn, due: Undo, loss = false): boolean {
  const { pointer, op } = turn.state
  if (pointer === null || pointer.release !== due.release) return false
  if (op !== null && op.release !== due.release) {
    if (op.state === 'cutover') return false
    if (op.state !== 'stuck') turn.drop(24, 'superseded')
  }
  if (wayBack(turn, due.why, loss) === null) {
    kept(turn, due)
    return true
  }
  const mine = turn.state.op
  turn.set({ op: { ...(mine ?? committedOp(turn, due.release, pointer.gen)), loss } })
  takeBack(turn, mine?.state === 'stuck' ? 35 : 32, due.why)
  return true
}

/** Edge 35: an operator stays on what runs. */
export function keep(turn: Turn): boolean {
  const { op, pointer, live } = turn.state
  if (op?.state !== 'stuck' || pointer === null) return false
  if (pointer.release === op.release) commit(turn, 35)
  else takenBack(turn, live)
  return true
}

/** Edge 32 without a way back: it goes on, and an operator is told, once. */
function kept(turn: Turn, due: Undo): void {
  turn.set({ undo: { ...due, atMs: null } })
  turn.edge(32, turn.state.op)
  turn.command({ tag: 'alarm', what: 'kept', release: due.release })
}

/** The op of what runs, to be taken up again. */
function committedOp(turn: Turn, release: ReleaseName, gen: string): Op {
  const { lastOp, handover, level, prevLevel } = turn.state
  const known = { handover, level, fromLevel: prevLevel }
  return { ...blankOp, op: lastOp, release, state: 'committed', from: null, gen, ...known }
}
