/**
 * One node's upgrade as a pure machine: `step` takes an event and gives the next state, the journal
 * lines that must be durable first, and the commands to perform; `recover` finds the way on after a
 * crash at any point. It knows hand-over, trial, take-back, undo and quarantine. It does not know
 * who may release, how the fleet fares, or what a process, a file or a clock is.
 */
export { EDGES, type Edge } from './edges/names.ts'
export { applyLine, compactLines, emptyState, pointerIn } from './fold.ts'
export { isQuarantined } from './quarantine.ts'
export { codeOf, whyOf, type Reason } from './reasons.ts'
export { recover, type Found } from './recover.ts'
export type { Command, Report } from './commands.ts'
export type { Event } from './events.ts'
export type {
  HandoverPlan,
  Insistence,
  Op,
  OpState,
  Quarantine,
  Slot,
  SlotName,
  State,
  Undo,
  Verdict,
  Verdicts
} from './state.ts'
export { step } from './step.ts'
export { dueMs } from './edges/tick.ts'
export type { Step } from './edges/turn.ts'
export { plainPlan } from './state.ts'
