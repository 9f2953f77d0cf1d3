/**
 * The edges of the upgrade machine by number, as the journal writes them. Of the missing ones 5 and
 * 23 are building, which belongs to fetching here; 19 and 37 are no edges of an upgrade: a restart
 * leaves no line, and the end of a quarantine has a line of its own.
 */
export const EDGES = {
  0: 'recovered',
  1: 'admitted',
  2: 'fetched',
  3: 'verified',
  4: 'unpacked',
  6: 'waiting',
  7: 'go',
  8: 'snapshot',
  9: 'migrated',
  10: 'shadow',
  11: 'checked',
  12: 'shadowed',
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
  27: 'blocked',
  28: 'failed-check',
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
