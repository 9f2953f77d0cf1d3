import { censusInterval, prefetchMs, type Rollout } from '../crowd/index.ts'
import type { RolloutMemory } from '../rollout/index.ts'
import type { Agent } from './agent.ts'
import type { Fate } from './fate.ts'

type Run = RolloutMemory['runs'][string]

/** A node that was not drawn for this hour's census has nothing to say in it. */
export function countedOut(memory: RolloutMemory, rollout: Rollout, nowMs: number): RolloutMemory {
  const { hex } = rollout
  const interval = censusInterval(nowMs)
  const census = { anchor: hex, interval, dueMs: nowMs, said: true, told: [hex] }
  return { ...memory, census }
}

interface Past {
  readonly rollout: Rollout
  readonly fate: Fate
  readonly run: Run
  readonly grid: (atMs: number) => number
  readonly nowMs: number
}

/** The bytes were fetched at the node's own moment after admission, whoever looked. */
export function assumeBytes(agent: Agent, { rollout, fate, run, grid, nowMs }: Past): void {
  if (agent.starts > 0) return
  const { policy, id } = rollout
  const askedMs = grid(run.seenMs + prefetchMs(id, agent.key, policy.plan.prefetchMs))
  if (askedMs >= nowMs) return
  agent.fetched(id, askedMs + fate.fetchMs(agent.index, 0))
}
