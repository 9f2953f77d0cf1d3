import { HOUR, type Bytes } from '../base/index.ts'
import {
  censusLine,
  censusMax,
  censusSalt,
  isTicketBelow,
  jitterMs,
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
import type { Fleet } from './fleet.ts'

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
  readonly #fleet: Fleet
  /** By index of the node: the stage it moves in (0: the end of the rollout), and its vote. */
  readonly #stages: Uint8Array
  readonly #votes: Uint8Array
  readonly #controls: Uint8Array
  readonly #counted: Uint8Array
  /** Those who may vote: they follow everything. */
  readonly voters: readonly number[]

  constructor(rollout: Rollout, network: Bytes, fleet: Fleet) {
    const { lottery, bands } = rollout
    const { size } = fleet
    this.#rollout = rollout
    this.#network = network
    this.#fleet = fleet
    this.#stages = new Uint8Array(size)
    this.#votes = new Uint8Array(size)
    this.#controls = new Uint8Array(size)
    this.#counted = new Uint8Array(size)
    const line = verdictLine(bands.nodes)
    const voters: number[] = []
    for (let i = 0; i < size; i++) {
      const key = fleet.key(i)
      const u = placeOf(lottery.seed, key)
      this.#stages[i] = stageOf(bands, { u, who: 0, lag: 0 }) ?? 0
      if (verdictRank(lottery, key) >= line) continue
      this.#votes[i] = 1
      voters.push(i)
    }
    this.voters = voters
  }

  /** A stage has opened: who moves in it, and who was drawn to report as control of it. */
  open(stage: number): readonly number[] {
    const { lottery, bands } = this.#rollout
    const line = bands.list[stage - 1]?.lineMoreC ?? 0n
    const out: number[] = []
    for (let i = 0; i < this.#fleet.size; i++) {
      const own = this.#stages[i] ?? 0
      const isLater = own === 0 || own > stage
      const drawn = isLater && reporterRank(lottery, stage, this.#fleet.key(i)) < line
      this.#controls[i] = drawn ? 1 : 0
      if (drawn || own === stage) out.push(i)
    }
    return out
  }

  /** When a node switches, or enrols as control, in a stage that started at `startMs`. */
  turnMs(index: number, stage: number, startMs: number): number {
    const { lottery, bands, policy } = this.#rollout
    const windowMs = ((bands.list[stage - 1]?.bakeMs ?? 0) * policy.plan.jitter) / 1_000
    return startMs + jitterMs({ lottery, stage, nodeKey: this.#fleet.key(index) }, windowMs)
  }

  /** Who has not moved although all stages are over: the hold-back. */
  rest(): readonly number[] {
    const out: number[] = []
    for (let i = 0; i < this.#fleet.size; i++) if (!this.#fleet.hasStarted(i)) out.push(i)
    return out
  }

  /** An hour has begun: who was drawn for its census, and perhaps a few more. */
  hour(interval: number): readonly number[] {
    const salt = censusSalt(this.#network, this.#rollout.id, interval)
    const line = censusLine(censusMax, this.#rollout.bands.nodes)
    const out: number[] = []
    for (let i = 0; i < this.#fleet.size; i++) {
      const isCounted = isTicketBelow(salt, this.#fleet.key(i), line)
      this.#counted[i] = isCounted ? 1 : 0
      if (isCounted) out.push(i)
    }
    return out
  }

  isCounted(index: number): boolean {
    return this.#counted[index] === 1
  }

  /** It has switched, and has nothing to say of it: only its machine goes on. */
  isQuiet(agent: Agent): boolean {
    const { index, starts } = agent
    if (starts === 0 || this.#votes[index] === 1 || this.#counted[index] === 1) return false
    const mine = this.#mine(agent)
    return mine.length > 0 && mine.every(({ over, reserve }) => over && reserve !== true)
  }

  /** Whether this node follows every event itself. */
  isAwake(agent: Agent, run: Run, nowMs: number): boolean {
    const { index, starts, failures } = agent
    if (this.#votes[index] === 1) return true
    const { census } = agent.memory
    const isToldHour = census !== null && census.said && census.interval * HOUR + HOUR > nowMs
    if (this.#counted[index] === 1 && !isToldHour) return true
    const mine = this.#mine(agent)
    // a hold may call it up
    if (mine.some((one) => one.reserve === true && !one.speaks && one.stage === run.stage)) {
      return true
    }
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
  if (seen === undefined) return memory
  const own = memory.runs[hex]
  const { mine, failedMs, failedTries } = own ?? { mine: [], failedMs: null, failedTries: 0 }
  const run: Run = { ...seen, mine, failedMs, failedTries }
  return { ...memory, runs: { ...memory.runs, [hex]: run } }
}
