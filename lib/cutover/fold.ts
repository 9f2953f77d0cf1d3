import { unreachable } from '../base/index.ts'
import type { EdgeLine, JournalDraft, Pointer } from '../records/index.ts'
import { applyQuarantine } from './quarantine.ts'
import { isReason, type Reason } from './reasons.ts'
import type { Op, OpState, State, Undo } from './state.ts'

/** A node that never ran anything. */
export const emptyState: State = {
  pointer: null,
  op: null,
  lastOp: 0,
  quarantine: [],
  undo: null,
  lastGood: null,
  gcAt: null,
  held: false,
  barred: [],
  handover: 'overlap',
  live: 'a',
  routed: null,
  pending: null,
  slots: { a: null, b: null },
  restartAt: null,
  fault: null
}

/**
 * The state after a journal line. `step` makes its own changes by writing lines and applying them
 * here, so that a replay of the journal cannot end elsewhere.
 */
export function applyLine(state: State, line: JournalDraft): State {
  switch (line.tag) {
    case 'edge': {
      const lastOp = Math.max(state.lastOp, line.op)
      const handover = line.state === 'trial' ? line.handover : null
      return {
        ...state,
        op: opOf(line),
        lastOp,
        undo: undoOf(line),
        handover: handover ?? state.handover
      }
    }
    case 'exec': {
      const { op } = state
      const mine = op !== null && op.op === line.op
      return mine ? { ...state, op: { ...op, boots: line.boots } } : state
    }
    case 'quarantine':
    case 'unquarantine': {
      const code = line.tag === 'quarantine' ? reasonOf(line.code, line.why) : 'operator'
      return { ...state, quarantine: applyQuarantine(state.quarantine, line, code) }
    }
    case 'completed': {
      const lastGood = line.how === 'completed' ? line.release : state.lastGood
      return { ...state, lastGood, gcAt: line.gcAt }
    }
    case 'hold':
      return { ...state, held: line.on }
    case 'gc':
      return { ...state, gcAt: null }
    case 'base': {
      const { pointer, lastOp, lastGood, gcAt, held, handover } = line
      return { ...emptyState, pointer, lastOp, lastGood, gcAt, held, handover }
    }
    case 'note':
      return state
    default:
      return unreachable(line)
  }
}

/** The line of edge `edge` after which `state` holds. `ended` is the op that this edge ended. */
export function edgeLine(state: State, edge: number, ended: Op | null = null): EdgeLine {
  const op = state.op ?? ended
  const { undo } = state
  return {
    tag: 'edge',
    edge,
    op: op?.op ?? 0,
    state: state.op === null ? 'idle' : state.op.state,
    release: op?.release ?? null,
    gen: op?.gen ?? null,
    from: op?.from ?? null,
    handover: op?.handover ?? null,
    warmMs: op?.warmMs ?? 0,
    observeMs: op?.observeMs ?? 0,
    warm: op?.warm ?? false,
    boots: op?.boots ?? 0,
    rehearsals: op?.rehearsals ?? 0,
    tries: op?.tries ?? 0,
    turn: op?.turn ?? 'no',
    deadline: op?.deadline ?? null,
    reason: op?.reason ?? null,
    next: op?.next ?? null,
    undo: undo?.release ?? null,
    undoAt: undo?.atMs ?? null,
    undoWhy: undo?.why ?? null
  }
}

/** Everything persistent, as the lines of a fresh journal (without notes). */
export function compactLines(state: State): readonly JournalDraft[] {
  const { pointer, lastOp, lastGood, gcAt, held, handover } = state
  const quarantine: JournalDraft[] = state.quarantine.map(({ nextMs, ...rest }) => ({
    tag: 'quarantine',
    ...rest,
    next: nextMs
  }))
  const base: JournalDraft = { tag: 'base', lastOp, pointer, lastGood, gcAt, held, handover }
  return [base, ...quarantine, edgeLine(state, 0)]
}

/** The pointer a journal remembers, newest proposal first; for a `current` that cannot be read. */
export function pointerIn(lines: readonly JournalDraft[]): Pointer | null {
  for (const line of lines.toReversed()) {
    if (line.tag === 'edge' && line.next !== null) return line.next
    if (line.tag === 'base' && line.pointer !== null) return line.pointer
  }
  return null
}

function opOf(line: EdgeLine): Op | null {
  const state = stateOf(line)
  if (state === null || line.release === null) return null
  const { op, release, from, gen, handover, warmMs, observeMs, warm, boots, rehearsals } = line
  return {
    op,
    release,
    state,
    from,
    gen,
    handover,
    warmMs,
    observeMs,
    warm,
    turn: line.turn === 'go' ? 'go' : 'no',
    boots,
    rehearsals,
    tries: line.tries,
    deadline: line.deadline,
    reason: isReason(line.reason) ? line.reason : null,
    next: line.next
  }
}

/** Names reserved for steps of later versions read as the state before them. */
function stateOf({ state }: EdgeLine): OpState | null {
  switch (state) {
    case 'idle':
      return null
    case 'built':
      return 'unpacked'
    case 'snapshot':
    case 'migrated':
    case 'shadow':
    case 'checked':
      return 'waiting'
    case 'admitted':
    case 'fetched':
    case 'verified':
    case 'unpacked':
    case 'waiting':
    case 'cutover':
    case 'trial':
    case 'committed':
    case 'back':
    case 'stuck':
      return state
    default:
      return unreachable(state)
  }
}

function undoOf({ undo, undoAt, undoWhy }: EdgeLine): Undo | null {
  if (undo === null) return null
  const why = undoWhy === 'aborted' || undoWhy === 'operator' ? undoWhy : 'halted'
  return { release: undo, atMs: undoAt, why }
}

function reasonOf(code: string, why: 'host' | 'own' | 'fleet'): Reason {
  if (isReason(code)) return code
  return why === 'host' ? 'unavailable' : why === 'own' ? 'operator' : 'halted'
}
