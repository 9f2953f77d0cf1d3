import { DAY, HOUR, MINUTE, SECOND, toHex } from '../../lib/base/index.ts'
import { Pool, rolloutsOf, type Fold, type PoolView } from '../../lib/crowd/index.ts'
import type { Policy } from '../../lib/records/index.ts'
import {
  compilePlan,
  emptyMemory,
  readPolicyFile,
  type DecideInput
} from '../../lib/rollout/index.ts'
import { releasesOf } from '../../lib/rollout/decide/facts.ts'
import type { Run } from '../../lib/rollout/decide/types.ts'
import { adopt, advance } from '../../lib/rollout/stages/advance.ts'
import { Alarm, newRun, type Scene } from '../../lib/rollout/stages/scene.ts'
import { SimDice, simEpochMs } from '../../lib/sim/index.ts'
import { foundNetwork } from '../../lib/sim/network.ts'

/** Counts of one stage: treated, controls, treated failed, controls failed, treated done. */
export type Counts = readonly [number, number, number, number, number]

/** What a node sees from a step on, until another step says otherwise. */
export interface Sight {
  readonly stages?: Readonly<Record<string, Counts>>
  readonly silent?: number
  readonly coverage?: number
  readonly settled?: boolean
  readonly census?: readonly [number, number]
  readonly verdict?: {
    readonly tag: 'halted' | 'completed' | 'stage'
    readonly stage: number
  } | null
  readonly paused?: boolean
  readonly braked?: boolean
  readonly widenTo?: number
  /** Treated with this many failed tries, for plans in which every node is looked at. */
  readonly tries?: number
  /** Controls with this many failed tries. */
  readonly controlTries?: number
  /** The one that went alone is well at the second age. */
  readonly soloOk?: boolean
  readonly skewMs?: number
}

export interface Step extends Sight {
  /** Since the release, like "6h". */
  readonly at: string
  readonly is: Run['phase']
  readonly stage?: number
  readonly held?: boolean
  readonly calledUp?: boolean
  readonly bakeTimes?: number
  readonly solo?: boolean
  readonly stood?: boolean
  readonly haltStage?: number
}

export interface Story {
  readonly story: string
  readonly nodes: number
  readonly plan?: 'standard' | 'short' | 'urgent'
  readonly file?: Readonly<Record<string, unknown>>
  readonly open?: boolean
  readonly away?: boolean
  readonly steps: readonly Step[]
}

const units: Readonly<Record<string, number>> = { s: SECOND, m: MINUTE, h: HOUR, d: DAY }

function timeMs(text: string): number {
  const [, count, unit] = /^([\d.]+)([smhd])$/.exec(text) ?? []
  return Number(count) * (units[unit ?? ''] ?? NaN)
}

function policyOf({ nodes, plan, file }: Story): Policy {
  if (file !== undefined) {
    return readPolicyFile({ plan: plan ?? 'standard', ...file }, { nodes }).policy
  }
  return compilePlan(plan ?? 'standard', { nodes })
}

/** Plays a story on the state machine alone: evidence is counts, and time is what a step says. */
export function playStory(story: Story): readonly Run[] {
  const policy = policyOf(story)
  const network = foundNetwork(new SimDice(1), policy)
  const hex = toHex(network.release)
  const pool = new Pool(network.believed)
  const facts = releasesOf(network.believed, 'stable').find((one) => one.hex === hex)!
  let run: Run = { ...newRun(0, simEpochMs), away: story.away === true }
  let sight: Sight = { settled: true, coverage: 100, census: [0, 0] }
  return story.steps.map((step) => {
    sight = { ...sight, ...step, stages: { ...sight.stages, ...step.stages } }
    const nowMs = simEpochMs + timeMs(step.at)
    const scene: Scene = {
      input: inputOf({ story, sight, nowMs, pool, network }),
      facts: { ...facts, paused: sight.paused === true, widenTo: sight.widenTo ?? 0 },
      alarm: new Alarm(nowMs)
    }
    const adopted = adopt(scene, run)
    run = adopted === run ? advance(scene, run) : adopted
    return run
  })
}

interface Play {
  readonly story: Story
  readonly sight: Sight
  readonly nowMs: number
  readonly pool: Pool
  readonly network: ReturnType<typeof foundNetwork>
}

function inputOf({ story, sight, nowMs, pool, network }: Play): DecideInput {
  const open = story.open === true
  const fold = foldOf(sight)
  const [before, nodes] = sight.census ?? [0, 0]
  const view: PoolView = {
    rollout: (hex) => rolloutsOf(network.believed).get(hex) ?? null,
    fold: () => fold,
    reporters: () => reportersOf(sight),
    verdicts: () => (sight.verdict ? { ...sight.verdict, voters: 64 } : { tag: 'none', voters: 0 }),
    members: () => [],
    census: () => ({ ...pool.census(nowMs), nodes, before }),
    isOpen: open,
    seatOf: () => null,
    lacksReport: () => false,
    lacksVerdict: () => false,
    brakes: (hex) => ({
      ...pool.brakes(hex, nowMs),
      ...(sight.braked === true ? { active: [], untilMs: nowMs + HOUR } : {})
    }),
    attestations: (hex, index) => pool.attestations(hex, index, nowMs),
    freshness: () => pool.freshness(nowMs),
    claim: () => null
  }
  return {
    nowMs,
    believed: network.believed,
    pool: view,
    self: {
      nodeKey: new Uint8Array(32).fill(9),
      member: true,
      platform: 'linux-x64',
      channel: 'stable',
      tier: 0,
      level: 'auto',
      hold: false,
      pinned: null,
      skipped: [],
      applied: []
    },
    node: {
      running: network.old,
      previous: null,
      quarantine: [],
      staged: null,
      busy: null,
      treatment: null
    },
    network: {
      peers: 9,
      settledSince: () => sight.settled === true,
      coverage: () => (sight.coverage ?? 100) * 10_000,
      clockSkewMs: sight.skewMs ?? null,
      trustSettled: true
    },
    memory: emptyMemory
  }
}

function foldOf({ stages = {}, silent = 0 }: Sight): Fold {
  const list = Object.entries(stages).map(([stage, counts]) => ({ stage: Number(stage), counts }))
  const sum = (at: number) => list.reduce((all, { counts }) => all + (counts[at] ?? 0), 0)
  const byStage: Fold['stages'][number][] = []
  for (const { stage, counts } of list) {
    const [treated, controls, treatedFailed, , treatedDone] = counts
    byStage[stage] = { stage, treated, controls, treatedFailed, treatedDone }
  }
  return {
    blocks: list.map(({ stage, counts: [nT, nC, x, y] }) => ({
      stage,
      checkpoint: 0,
      stratum: 0,
      x,
      y,
      nT,
      nC
    })),
    x: sum(2),
    n: sum(0),
    failed: sum(2),
    done: sum(4),
    controlsEnrolled: sum(1),
    strata: [{ stratum: 0, x: sum(2), n: sum(0) }],
    stages: byStage,
    readings: () => [],
    distinctControls: () => ({ failed: sum(3), enrolled: sum(1) }),
    silence: () => ({ treated: silent, controls: 0 })
  }
}

function reportersOf({
  tries = 0,
  controlTries = 0,
  soloOk
}: Sight): ReturnType<PoolView['reporters']> {
  const base = {
    hex: 'aa',
    key: new Uint8Array(32),
    arm: 'treated' as const,
    stage: 1,
    rank: 0n,
    ownStage: 0,
    operator: 'one',
    heardMs: simEpochMs,
    said: [],
    conflict: false
  }
  const live = {
    id: new Uint8Array(32),
    idHex: '',
    wire: new Uint8Array(0),
    seq: soloOk === true ? 2 : 0,
    dataMask: 0,
    result: soloOk === true ? ('ok' as const) : ('none' as const),
    cause: 'none' as const,
    tries,
    metrics: []
  }
  const control = { ...base, arm: 'control' as const, live: { ...live, tries: controlTries } }
  return [
    ...(tries > 0 || soloOk === true ? [{ ...base, live }] : []),
    ...(controlTries > 0 ? [control] : [])
  ]
}
