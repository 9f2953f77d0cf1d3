import { MINUTE } from '../base/index.ts'
import { censusInterval, prefetchMs, type Rollout } from '../crowd/index.ts'
import type { RolloutMemory } from '../rollout/index.ts'
import type { Agent } from './agent.ts'
import type { Fate } from './fate.ts'
import type { Ending } from './story.ts'

type Run = RolloutMemory['runs'][string]

/** A node that was not drawn for this hour's census has nothing to say in it. */
export function countedOut(memory: RolloutMemory, rollout: Rollout, nowMs: number): RolloutMemory {
  const { hex } = rollout
  const interval = censusInterval(nowMs)
  const census = { anchor: hex, interval, dueMs: nowMs, said: true, told: [hex] }
  return { ...memory, census }
}

/** After a halt the fleet takes back, after a completion the last ones follow: so long, in ms. */
export function restTimeMs({ bands, policy }: Rollout, ending: Ending, tickMs: number): number {
  const last = bands.list[bands.list.length - 1]?.bakeMs ?? 0
  if (ending === 'halted') return policy.halt.undoSpreadMs + 10 * tickMs
  return ending === 'completed' ? (last * policy.plan.jitter) / 1_000 + 30 * MINUTE : 0
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
