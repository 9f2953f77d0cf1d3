import { unreachable } from '../base/index.ts'
import type { EdgeLine, JournalDraft, Pointer } from '../records/index.ts'
import { applyQuarantine } from './quarantine.ts'
import { isReason, type Reason } from './reasons.ts'
import type { Op, State, Undo } from './state.ts'

const takenBackEdge = 33

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
  dead: [],
  handover: 'overlap',
  level: 0,
  prevLevel: 0,
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
      const undo = undoOf(line)
      const after = { ...state, op: opOf(line), lastOp, undo }
      const { level, fromLevel } = line
      if (line.edge === takenBackEdge) return { ...after, level: fromLevel, prevLevel: 0 }
      if (line.state !== 'trial') return after
      return { ...after, handover: line.handover ?? state.handover, level, prevLevel: fromLevel }
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
      const { pointer, lastOp, lastGood, gcAt, held, handover, level, prevLevel } = line
      return { ...emptyState, pointer, lastOp, lastGood, gcAt, held, handover, level, prevLevel }
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
    level: op?.level ?? 0,
    fromLevel: op?.fromLevel ?? 0,
    split: op?.split ?? false,
    back: op?.back ?? 'code',
    transition: op?.transition ?? false,
    shadow: op?.shadow ?? 'off',
    phoneHome: op?.phoneHome ?? 'off',
    verdicts: op?.verdicts ?? null,
    loss: op?.loss ?? false,
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
  const { pointer, lastOp, lastGood, gcAt, held, handover, level, prevLevel } = state
  const quarantine: JournalDraft[] = state.quarantine.map(({ nextMs, ...rest }) => ({
    tag: 'quarantine',
    ...rest,
    next: nextMs
  }))
  const kept = { lastOp, pointer, lastGood, gcAt, held, handover, level, prevLevel }
  const base: JournalDraft = { tag: 'base', ...kept }
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
  const { op, state, release, from, gen, handover, warmMs, observeMs, level, fromLevel } = line
  const { split, back, transition, shadow, phoneHome, verdicts, loss, warm, turn } = line
  const { boots, rehearsals, tries, deadline, next } = line
  if (state === 'idle' || release === null) return null
  const plan = { handover, warmMs, observeMs, level, split, back, transition, shadow, phoneHome }
  const counts = { boots, rehearsals, tries, deadline }
  const reason = isReason(line.reason) ? line.reason : null
  const known = { op, release, state, from, gen, fromLevel, verdicts, loss, warm, turn, next }
  return { ...plan, ...counts, ...known, reason, quiet: false }
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
