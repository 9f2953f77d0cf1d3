import type { Run } from '../decide/types.ts'
import { stillOf, type Scene } from './scene.ts'

/**
 * Brake, pause and everything that is not fresh lie over a rollout: measuring goes on, stages stand
 * still (docs/gate.md §8). What people stopped bakes again from zero afterwards (S104); what stood
 * for want of news goes on where it was, because its clock runs only while something is fresh
 * (S37). Time that stood is no time of a hold: nothing stalls by it.
 */
export function overlay(scene: Scene, run: Run): Run {
  const { nowMs } = scene.input
  const still = stillOf(scene)
  const stood = run.stood ?? null
  if (still !== null) {
    const byPeople = still.byPeople || stood?.byPeople === true
    if (stood?.byPeople === byPeople) return run
    const sinceMs = stood?.sinceMs ?? nowMs
    return { ...run, stood: { sinceMs, byPeople }, heldSinceMs: null, nextMs: null }
  }
  if (stood !== null) {
    return stood.byPeople ? again(scene, run, nowMs) : goOn(run, stood.sinceMs, nowMs)
  }
  const { lastEndMs } = scene.input.pool.brakes(scene.facts.hex, nowMs)
  // it came and went while this node was switched off
  const isMissed = lastEndMs !== null && lastEndMs <= nowMs && lastEndMs > clockOf(run)
  return isMissed ? again(scene, run, lastEndMs) : run
}

/** The stage from zero: its bake if that had begun, its drawn delays if it was filling. */
function again({ input, facts }: Scene, run: Run, atMs: number): Run {
  const fresh = { stood: null, lapsedMs: atMs, heldSinceMs: null, nextMs: null, front: {} }
  if (run.bakeMs === null) return { ...run, ...fresh, startMs: atMs }
  const enrolledAtBake = input.pool.fold(facts.hex).stages[run.stage]?.treated ?? 0
  return { ...run, ...fresh, bakeMs: atMs, enrolledAtBake }
}

/** The clock of the stage goes on where it stood; it never goes back, as a clock may (S47). */
function goOn(run: Run, sinceMs: number, nowMs: number): Run {
  const later = (ms: number) => ms + Math.max(0, nowMs - Math.max(ms, sinceMs))
  const fresh = { stood: null, heldSinceMs: null, nextMs: null, front: {} }
  if (run.bakeMs === null) return { ...run, ...fresh, startMs: later(run.startMs) }
  return { ...run, ...fresh, bakeMs: later(run.bakeMs) }
}

function clockOf({ bakeMs, startMs }: Run): number {
  return bakeMs ?? startMs
}
