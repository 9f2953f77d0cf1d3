import { isCovered, type Scene } from './scene.ts'
import { stepSmall } from './small.ts'
import { stepStaged } from './staged.ts'
import type { Run } from '../decide/types.ts'

/** Steps in one look: a node that slept crosses each stage at most a few times. */
const stepsMax = 256

/** Repeats the step until nothing moves. */
export function advance(scene: Scene, run: Run): Run {
  const step = scene.facts.rollout.bands.small ? stepSmall : stepStaged
  let held = run
  for (let i = 0; i < stepsMax; i++) {
    const next = step(scene, held)
    if (next === held) return held
    held = next
  }
  return held
}

/**
 * The end of a rollout as the majority of drawn voters tells it, for a node that was away or does
 * not hold the evidence itself. Who holds full evidence of its own uses that (S105).
 */
export function adopt(scene: Scene, run: Run): Run {
  const { input, facts } = scene
  const reading = input.pool.verdicts(facts.hex)
  if (reading.tag !== 'halted' && reading.tag !== 'completed') return run
  if (run.phase === 'halted' || run.phase === 'completed' || run.phase === 'ended') return run
  const isLost = run.away || run.phase === 'waiting' || !isCovered(scene, run)
  if (!isLost) return run
  return reading.tag === 'halted'
    ? { ...run, phase: 'halted', haltStage: reading.stage, away: true }
    : { ...run, phase: 'completed', away: true }
}
