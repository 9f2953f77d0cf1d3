import { HOUR, type Bytes } from '../base/index.ts'
import {
  censusLine,
  censusMax,
  censusSalt,
  censusTicket,
  placeOf,
  prefetchMs,
  reporterRank,
  stageOf,
  verdictLine,
  verdictRank,
  type Rollout
} from '../crowd/index.ts'
import type { RolloutMemory } from '../rollout/index.ts'
import type { Agent } from './agent.ts'

type Run = RolloutMemory['runs'][string]
type Mine = Run['mine'][number]

/**
 * Whom to ask when. A decision of a node that neither moves nor speaks changes nothing but its own
 * memory, and that goes where the watcher's goes; so only those are asked who take their turn,
 * report, vote or are counted in this hour, and the others are told when they wake. The draws are
 * those of `crowd`; that nothing is lost by it is a test, which asks everybody and compares.
 */
export class Attention {
  readonly #rollout: Rollout
  readonly #network: Bytes
  readonly #agents: readonly Agent[]
  /** By index of the agent: the stage it moves in (0: the end of the rollout), and its vote. */
  readonly #stages: Uint8Array
  readonly #voters: Uint8Array
  readonly #controls: Uint8Array
  readonly #counted: Uint8Array
  #stage = 0

  constructor(rollout: Rollout, network: Bytes, agents: readonly Agent[]) {
    const { lottery, bands } = rollout
    this.#rollout = rollout
    this.#network = network
    this.#agents = agents
    this.#stages = new Uint8Array(agents.length)
    this.#voters = new Uint8Array(agents.length)
    this.#controls = new Uint8Array(agents.length)
    this.#counted = new Uint8Array(agents.length)
    const line = verdictLine(bands.nodes)
    for (const { index, key } of agents) {
      const u = placeOf(lottery.seed, key)
      this.#stages[index] = stageOf(bands, { u, who: 0, lag: 0 }) ?? 0
      this.#voters[index] = verdictRank(lottery, key) < line ? 1 : 0
    }
  }

  /** A stage has opened: who was drawn to report as control of it. */
  open(stage: number): void {
    if (stage === this.#stage) return
    this.#stage = stage
    const { lottery, bands } = this.#rollout
    const line = bands.list[stage - 1]?.lineC ?? 0n
    for (const { index, key } of this.#agents) {
      this.#controls[index] = reporterRank(lottery, stage, key) < line ? 1 : 0
    }
  }

  /** An hour has begun: who was drawn for its census, and perhaps a few more. */
  hour(interval: number): readonly Agent[] {
    const salt = censusSalt(this.#network, this.#rollout.id, interval)
    const line = censusLine(censusMax, this.#rollout.bands.nodes)
    return this.#agents.filter(({ index, key }) => {
      const isCounted = censusTicket(salt, key) < line
      this.#counted[index] = isCounted ? 1 : 0
      return isCounted
    })
  }

  /** Whether this node follows every event itself. */
  isAwake(agent: Agent, run: Run, nowMs: number): boolean {
    const { index, starts, failures } = agent
    if (this.#voters[index] === 1) return true
    const { census } = agent.memory
    const isToldHour = census !== null && census.said && census.interval * HOUR + HOUR > nowMs
    if (this.#counted[index] === 1 && !isToldHour) return true
    const mine = this.#mine(agent)
    // one that failed may be granted one retry, and waits for it
    if (starts > 0) return agent.isBusy || (failures > 0 && mine.some(({ over }) => !over))
    const stage = this.#stages[index] ?? 0
    if (run.stage < 1) return false
    if (stage > 0 && stage <= run.stage) return true
    return this.#controls[index] === 1 && !mine.some((one) => one.stage === run.stage)
  }

  /** When a node that does not follow the events has something to do of its own. */
  sleepsUntilMs(agent: Agent, run: Run): number {
    const { policy, id } = this.#rollout
    const { checkpointsMs } = policy.gate
    let untilMs = agent.handsMs
    for (const mine of this.#mine(agent)) {
      if (mine.over) continue
      const sinceMs = mine.arm === 'treated' ? agent.startedMs : mine.enrolMs
      untilMs = Math.min(untilMs, sinceMs + (checkpointsMs[mine.seq] ?? Infinity))
    }
    if (agent.hasBytes) return untilMs
    return Math.min(untilMs, run.seenMs + prefetchMs(id, agent.key, policy.plan.prefetchMs))
  }

  #mine({ memory }: Agent): readonly Mine[] {
    return memory.runs[this.#rollout.hex]?.mine ?? []
  }
}

/** What the fleet went through while a node slept, and what is its own. */
export function caughtUp(agent: Agent, watcher: Agent, hex: string): Agent['memory'] {
  const { memory } = agent
  const seen = watcher.memory.runs[hex]
  const own = memory.runs[hex]
  if (seen === undefined || own === undefined) return memory
  const { mine, failedMs, failedTries } = own
  const run: Run = { ...seen, mine, failedMs, failedTries }
  return { ...memory, runs: { ...memory.runs, [hex]: run } }
}
