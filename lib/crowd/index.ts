/**
 * What the fleet looks like, from signed evidence alone: draws by hash (order, arm, reporters,
 * verdict lottery, census), the bounded sets that keep the smallest ranks, their fold into sums of
 * integers, the majority of verdicts, the size of the fleet, and the fixed-point logarithms all of
 * it is judged with. It knows no wire and no disk, and never decides what to do.
 */
export { armOf, bandsOf, stageOf, whoOf, type Arm, type Band, type Bands } from './bands.ts'
export { operatorCaps, operatorsMin, type OperatorCount } from './cap.ts'
export { censusInterval, censusMax, censusTtlMs, estimateSize, type Member } from './census.ts'
export type { CensusEstimate } from './census-book.ts'
export {
  censusLine,
  censusSalt,
  censusTicket,
  jitterDraw,
  jitterMs,
  placeOf,
  prefetchMs,
  reporterRank,
  senderLine,
  undoMs,
  verdictLine,
  verdictRank,
  type Lottery,
  type U64
} from './draws.ts'
export type { Fold, FoldBlock, Silence, StageCount } from './fold.ts'
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
export { setKey } from './ports.ts'
export { Pool, type PoolOptions, type PoolView } from './pool.ts'
export type { Reporter } from './reporter.ts'
export { inBakeOf } from './room.ts'
export { rolloutsOf, type Rollout } from './rollouts.ts'
export type { PoolSeat } from './seats.ts'
export type { Reading, Word } from './verdicts.ts'
