import { DAY, HOUR, MINUTE, SECOND } from '../../lib/base/index.ts'
import type { Policy, Stage } from '../../lib/records/index.ts'

/** A plan *standard* in small: four stages, bakes of minutes. Every field is in range. */
export const testStages: readonly Stage[] = [50_000, 250_000, 500_000, 1_000_000].map(
  (sharePpm) => ({
    who: 0,
    sharePpm,
    bakeMs: 10 * MINUTE,
    kT: 200,
    kC: 600,
    qT: 10,
    qC: 10,
    approve: 0
  })
)

export interface PolicyChanges {
  readonly how?: Partial<Policy['how']>
  readonly plan?: Partial<Policy['plan']>
  readonly gate?: Partial<Policy['gate']>
  readonly halt?: Partial<Policy['halt']>
  readonly others?: Partial<Policy['others']>
  readonly time?: Partial<Policy['time']>
  readonly who?: Partial<Policy['who']>
  readonly health?: Partial<Policy['health']>
}

/** A valid policy with the defaults of the schema; change groups of it by name. */
export function testPolicy(changes: PolicyChanges = {}): Policy {
  return {
    how: {
      level: 'auto',
      critical: false,
      urgent: false,
      consent: 'none',
      order: 'leastResponsible',
      bypass: 3,
      control: 'observe',
      ...changes.how
    },
    plan: {
      nodes: 2_000,
      small: false,
      members: 0,
      stages: testStages,
      holdBackPpm: 30_000,
      jitter: 250,
      prefetchMs: 30 * MINUTE,
      fillWithinMs: HOUR,
      ...changes.plan
    },
    gate: {
      alphaPpm: 10_000,
      betaPpm: 50_000,
      holdAt: 10_000,
      rho0: 1_200,
      epsilonPpm: 5_000,
      hardCeilingPpm: 50_000,
      riskPerStagePpm: 10_000,
      coveragePpm: 900_000,
      liarBudgetPpm: 10_000,
      operatorCapPpm: 10_000,
      settleMs: MINUTE,
      openHoldMs: DAY,
      windowsOpenMs: 5 * MINUTE,
      failFast: 'auto',
      checkpointsMs: [5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY],
      ...changes.gate
    },
    halt: { onHalt: 'undo', undoUpToPpm: 100_000, undoSpreadMs: 10 * MINUTE, ...changes.halt },
    others: {
      shadow: 'prefer',
      first: 5,
      failures: 2,
      waitMs: HOUR,
      attest: 0,
      votesNeedPpm: 0,
      votesAgainstPpm: 200_000,
      votesWithinMs: DAY,
      ...changes.others
    },
    time: {
      downloadMs: DAY,
      migrateMs: 10 * MINUTE,
      startMs: MINUTE,
      shadowMs: MINUTE,
      trialMs: 10 * MINUTE,
      reportMs: 10 * MINUTE,
      retryHost: 3,
      retryTimedOut: 2,
      maxParallel: 0,
      startAtMs: 0,
      endAtMs: 0,
      endBehavior: 'stop',
      windows: [],
      endOfLifeMs: 0,
      ...changes.time
    },
    who: {
      selector: '',
      from: null,
      barriers: [],
      deadends: [],
      requires: { daemon: '', protoLow: 1, protoHigh: 1, schemas: [], eras: [] },
      ...changes.who
    },
    health: {
      badForMs: 10 * SECOND,
      crashMax: 3,
      crashWithinMs: MINUTE,
      boots: 3,
      ...changes.health
    },
    ext: []
  }
}
