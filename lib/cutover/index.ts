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
export type {
  Command,
  Event,
  HandoverPlan,
  Op,
  OpState,
  Quarantine,
  Report,
  Slot,
  SlotName,
  State,
  Undo
} from './state.ts'
export { step } from './step.ts'
export { dueMs } from './edges/tick.ts'
export type { Step } from './edges/turn.ts'
