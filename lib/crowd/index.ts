/**
 * What the fleet looks like, from signed evidence alone: draws by hash (order, arm, reporters,
 * verdict lottery, census), the bounded sets that keep the smallest ranks, their fold into sums of
 * integers, the majority of verdicts, the size of the fleet, and the fixed-point logarithms all of
 * it is judged with. It knows no wire and no disk, and never decides what to do.
 */
export type {
  Attestations,
  Brakes,
  BrakeView,
  Claim,
  Dispute,
  Freshness,
  Kept
} from './acts/types.ts'
export type { HadDigest } from './acts/claims.ts'
export { armOf, stageOf, whoOf, bandsOf, type Arm, type Band } from './bands.ts'
export {
  censusLine,
  censusSalt,
  censusTicket,
  isTicketBelow,
  jitterDraw,
  jitterMs,
  placeOf,
  prefetchMs,
  reporterRank,
  senderLine,
  undoMs,
  verdictLine,
  verdictRank,
  type U64
} from './draws.ts'
export {
  exp2q,
  lgOne,
  log2q,
  meanq,
  mixq,
  ratio,
  thresholdq,
  toE,
  type Lg,
  type Ratio
} from './kernel.ts'
export type { EvidencePool, Offer, SetRef, SetView } from './ports.ts'
export { Pool, type PoolView } from './pool.ts'
export { rolloutsOf, type Rollout } from './rollouts.ts'
export { operatorCaps } from './sets/cap.ts'
export { censusInterval, censusMax, censusTtlMs, estimateSize, type Member } from './sets/census.ts'
export type { Fold, Silence } from './sets/fold.ts'
export type { Readings } from './sets/readings.ts'
export type { CensusEstimate } from './sets/census-book.ts'
export type { Reporter } from './sets/reporter.ts'
export { inBakeOf } from './sets/room.ts'
export type { PoolSeat } from './sets/seats.ts'
export type { Reading } from './sets/verdicts.ts'
