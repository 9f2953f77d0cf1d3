/**
 * The edges of the upgrade machine by number, as the journal writes them. Missing numbers belong
 * to building, rehearsal and state transitions, which a node learns later.
 */
export const EDGES = {
  0: 'recovered',
  1: 'admitted',
  2: 'fetched',
  3: 'verified',
  4: 'unpacked',
  6: 'waiting',
  7: 'go',
  13: 'cutover',
  14: 'flip',
  15: 'trial',
  16: 'warm-over',
  17: 'committed',
  18: 'idle',
  20: 'local-failure',
  21: 'hash-differs',
  22: 'tree-rule',
  24: 'superseded',
  25: 'halted',
  26: 'withheld',
  29: 'rehearsal-loop',
  30: 'not-cut-over',
  31: 'take-back',
  32: 'undo',
  33: 'taken-back',
  34: 'stuck',
  35: 'unstuck',
  36: 'resumed',
  38: 'noted'
} as const

export type Edge = keyof typeof EDGES
