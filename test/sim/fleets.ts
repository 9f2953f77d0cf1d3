import process from 'node:process'
import type { Policy } from '../../lib/records/index.ts'
import { compilePlan, presetFor } from '../../lib/rollout/index.ts'
import { World, type Effect, type WorldOptions } from '../../lib/sim/index.ts'

/** Seed of a test: its own, or the one a failure printed: `OTA_SEED=7 npm test`. */
export function seedFor(own: number): number {
  const told = process.env['OTA_SEED']
  return told === undefined ? own : Number(told)
}

/** What a failure says, so that it can be played again. */
export function replay(seed: number): string {
  return `replay with OTA_SEED=${seed}`
}

/** Whole fleets on a busy machine take longer than one assertion does. */
export const patient = { timeout: 120_000 }

export const crash = (times: number): Effect => ({ tag: 'crash', times })
const none: Effect = { tag: 'none' }

/** The plan for a fleet of this size, as `propose` would compile it. */
export function planFor(nodes: number): Policy {
  return compilePlan(presetFor(nodes), { nodes })
}

/** Plan standard with fewer reporters: the same stages and rules in a quarter of the time. */
export function quickStandard(nodes: number): Policy {
  const policy = compilePlan('standard', { nodes })
  const stages = policy.plan.stages.map((stage) => ({
    ...stage,
    kT: 100,
    kC: 200,
    qT: Math.min(stage.qT, 50),
    qC: Math.min(stage.qC, 100)
  }))
  return { ...policy, plan: { ...policy.plan, stages } }
}

/** A fleet with a base rate of 1 %. */
export function worldOf(options: Partial<WorldOptions> & { readonly seed: number }): World {
  const nodes = options.nodes ?? 2_000
  return new World({ nodes, policy: planFor(nodes), basePpm: 10_000, effect: none, ...options })
}
