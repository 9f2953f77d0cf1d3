import { DAY, HOUR, MINUTE, SECOND } from '../../base/index.ts'
import type { Policy } from '../../records/index.ts'

/** Outcomes are said at these ages: 5 min, 15 min, 1 h, 4 h and 24 h (docs/gate.md §2). */
const defaultCheckpointsMs: readonly number[] = [5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY]

/** Reporters of a rollout: what a node keeps is bounded whatever is signed. */
export const reportersPerRolloutMax = 14_400

/** The defaults of docs/gate.md §12. A preset adds the plan, a file changes single values. */
export const defaultPolicy: Policy = {
  how: {
    level: 'auto',
    critical: false,
    urgent: false,
    consent: 'none',
    order: 'leastResponsible',
    bypass: 3,
    control: 'observe'
  },
  plan: {
    nodes: 1,
    small: true,
    members: 1,
    stages: [
      {
        who: 0,
        sharePpm: 1_000_000,
        bakeMs: 15 * MINUTE,
        kT: 1,
        kC: 0,
        qT: 0,
        qC: 0,
        approve: 0
      }
    ],
    holdBackPpm: 30_000,
    jitter: 250,
    prefetchMs: 0,
    fillWithinMs: 7 * DAY
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
    settleMs: 60 * SECOND,
    openHoldMs: DAY,
    windowsOpenMs: 5 * MINUTE,
    failFast: 'auto',
    checkpointsMs: defaultCheckpointsMs
  },
  halt: { onHalt: 'undo', undoUpToPpm: 100_000, undoSpreadMs: 10 * MINUTE },
  others: {
    shadow: 'prefer',
    first: 5,
    failures: 2,
    waitMs: HOUR,
    attest: 0,
    votesNeedPpm: 0,
    votesAgainstPpm: 200_000,
    votesWithinMs: DAY
  },
  time: {
    downloadMs: DAY,
    migrateMs: 10 * MINUTE,
    startMs: MINUTE,
    shadowMs: MINUTE,
    trialMs: 10 * MINUTE,
    reportMs: 5 * MINUTE,
    retryHost: 3,
    retryTimedOut: 2,
    maxParallel: 0,
    startAtMs: 0,
    endAtMs: 0,
    endBehavior: 'stop',
    windows: [],
    endOfLifeMs: 0
  },
  who: {
    selector: '',
    from: null,
    barriers: [],
    deadends: [],
    requires: { daemon: '', protoLow: 1, protoHigh: 255, schemas: [], eras: [] }
  },
  health: { badForMs: 10 * SECOND, crashMax: 3, crashWithinMs: MINUTE, boots: 3 },
  ext: []
}
