import { plainPlan, type Op, type OpState } from '../state.ts'

/** Starts that killed the whole machine, after which a release is given up. */
export const rehearsalsMax = 3

/** Whether `state` lies before `limit` on the way forward. */
export function isBefore(state: OpState, limit: OpState): boolean {
  return ORDER.indexOf(state) < ORDER.indexOf(limit)
}

const ORDER: readonly OpState[] = [
  'admitted',
  'fetched',
  'verified',
  'unpacked',
  'built',
  'waiting',
  'snapshot',
  'migrated',
  'shadow',
  'checked',
  'cutover',
  'trial',
  'committed',
  'back',
  'stuck'
]

/** What an op is before anything is known of it. */
export const blankOp: Omit<Op, 'op' | 'release' | 'from'> = {
  ...plainPlan,
  state: 'admitted',
  gen: null,
  handover: null,
  warmMs: 0,
  observeMs: 0,
  fromLevel: 0,
  warm: false,
  turn: 'no',
  boots: 0,
  rehearsals: 0,
  tries: 0,
  deadline: null,
  reason: null,
  verdicts: null,
  loss: false,
  quiet: false,
  next: null
}
