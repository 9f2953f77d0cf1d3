import { PPM, unreachable } from '../../base/index.ts'
import { jitterMs } from '../../crowd/index.ts'
import { holdLg, isNextStepSafe, judge, thresholds } from '../gate/judge.ts'
import { isPassed, stopsOf } from '../plan/extras.ts'
import { overlay } from './overlay.ts'
import {
  bandAt,
  checkpointMs,
  isCovered,
  isSettled,
  standstill,
  tinyNodes,
  type Scene
} from './scene.ts'
import type { Run } from '../decide/types.ts'

/** Stalled after this many bakes of waiting. */
const stallBakes = 3
/** Below this size a plan that is merely not SAFE goes on after a stall without any failure. */
const smallSampleNodes = 2_000
/** Stages of at most so many treated nodes judge a second failure at once. */
const failFastMax = 4

/**
 * One look at a rollout by stages (docs/gate.md §8): a pure step from run to run. The caller
 * repeats it until nothing moves, so that a node that slept catches up within one decision.
 */
export function stepStaged(scene: Scene, run: Run): Run {
  switch (run.phase) {
    case 'waiting':
      return leaveWaiting(scene, run)
    case 'shadow':
      return leaveShadow(scene, run)
    case 'filling':
    case 'baking':
    case 'hold':
      return measure(scene, overlay(scene, run))
    case 'pending-halt':
      return confirm(scene, run)
    case 'stalled':
      return widenByQuorum(scene, run) ?? run
    case 'halted':
    case 'completed':
    case 'ended':
      return run
    default:
      return unreachable(run.phase)
  }
}

/** Soft reasons keep a stage from widening; it goes on filling. */
export function reasonsToWait(scene: Scene, run: Run): readonly string[] {
  const { input, facts } = scene
  const { rollout } = facts
  const fold = input.pool.fold(facts.hex)
  const band = bandAt(scene, run.stage)
  const next = bandAt(scene, run.stage + 1)
  const reasons: string[] = []
  const done = fold.stages[run.stage]?.treatedDone ?? 0
  // nine of ten of those who had enrolled when the bake began
  const need = Math.ceil((run.enrolledAtBake * 9) / 10)
  if (done < need) reasons.push(`${done} of ${need} reports at the last checkpoint of the bake`)
  const stepPpm = (next?.reachPpm ?? PPM) - (band?.reachPpm ?? 0)
  // the nodes of a broken release have nothing better to stay on
  if (band?.who !== 1 && !isNextStepSafe(fold, rollout, { stepPpm, nowMs: input.nowMs })) {
    reasons.push('too few reports to be sure of the next step')
  }
  if (next?.approve === 1 && facts.widenTo < next.stage) {
    reasons.push(`stage ${next.stage} needs a widen by the signers`)
  }
  const census = input.pool.census(input.nowMs)
  if (census.before > 0 && census.nodes * 10 < census.before * 7) {
    reasons.push(`the fleet has shrunk from ${census.before} to ${census.nodes} nodes`)
  }
  return reasons
}

/** Hard reasons: time, trust, clock, pause, and the evidence. */
export function reasonsToHold(scene: Scene, run: Run): readonly string[] {
  const still = standstill(scene)
  return [...(still === null ? [] : [still]), ...evidenceToHold(scene, run)]
}

/** What the reports hold for: a fall behind the controls, or the ceiling. */
export function evidenceToHold(scene: Scene, run: Run): readonly string[] {
  const reasons: string[] = []
  if (run.held) reasons.push('treated nodes fail more often than controls')
  const { ceilingLg } = judge(scene.input.pool.fold(scene.facts.hex), scene.facts.rollout)
  if (ceilingLg >= thresholds(scene.facts.rollout).ceiling) {
    reasons.push('more treated nodes fail than the ceiling allows, whatever controls say')
  }
  return [...reasons, ...passedStops(scene)]
}

/** Fixed thresholds of the policy: the same for everybody, and a hold at most. */
function passedStops({ input, facts }: Scene): readonly string[] {
  const stops = stopsOf(facts.rollout.policy) ?? []
  if (stops.length === 0) return []
  const fold = input.pool.fold(facts.hex)
  return stops.flatMap((stop) => {
    const silent = () => fold.silence(input.nowMs).treated
    const bad = stop.what === 'failed' ? fold.failed : silent()
    if (!isPassed(stop, { bad, of: fold.n })) return []
    const bound = stop.sharePpm === null ? `${stop.count}` : `${stop.sharePpm / 10_000} %`
    return [`${bad} of ${fold.n} treated nodes ${stop.what}, more than ${bound}`]
  })
}

function leaveWaiting(scene: Scene, run: Run): Run {
  const { input, facts, alarm } = scene
  const { policy } = facts.rollout
  if (standstill(scene) !== null || !isSettled(scene, run.seenMs)) return run
  if (policy.time.startAtMs > 0 && !alarm.reached(policy.time.startAtMs)) return run
  if (bandAt(scene, 1)?.approve === 1 && facts.widenTo < 1) return run
  const reading = input.pool.verdicts(facts.hex)
  if (reading.tag === 'stage' && reading.stage > 1) {
    return { ...fill(run, reading.stage, input.nowMs), away: true }
  }
  if (policy.others.shadow === 'off') return fill(run, 1, input.nowMs)
  return { ...run, phase: 'shadow', startMs: input.nowMs }
}

/** No node here can shadow: that is recorded as unchecked, never as passed. */
function leaveShadow(scene: Scene, run: Run): Run {
  const { input, facts, alarm } = scene
  const { others } = facts.rollout.policy
  if (others.shadow === 'require' || standstill(scene) !== null) return run
  if (input.pool.fold(facts.hex).n > 0) return { ...fill(run, 1, input.nowMs), solo: true }
  if (!alarm.reached(run.startMs + others.waitMs)) return run
  return { ...fill(run, 1, input.nowMs), solo: true }
}

function fill(run: Run, stage: number, nowMs: number): Run {
  return {
    ...run,
    phase: 'filling',
    stage,
    startMs: nowMs,
    bakeMs: null,
    bakeTimes: 1,
    heldSinceMs: null,
    lapsedMs: null,
    calledUp: false
  }
}

/** Every look: crossing, hysteresis, then what the phase waits for. */
function measure(scene: Scene, run: Run): Run {
  const { input, facts } = scene
  const fold = input.pool.fold(facts.hex)
  const bounds = thresholds(facts.rollout)
  // open membership: evidence holds, it never halts, else sybils freeze the fleet (S61)
  if (!input.pool.isOpen && hasCrossed(scene)) {
    return { ...run, phase: 'pending-halt', crossedMs: input.nowMs }
  }
  const lg = holdLg(fold, facts.rollout, input.nowMs)
  const held = run.held ? lg >= bounds.holdLeft : lg >= bounds.hold
  const next = soloOver(scene, held === run.held ? run : { ...run, held })
  const widened = widenByQuorum(scene, next)
  if (widened !== null) return widened
  return next.phase === 'filling' ? leaveFilling(scene, next) : leaveBaking(scene, next)
}

/** The evidence is enough for a halt, once it is settled and covered. */
function hasCrossed(scene: Scene): boolean {
  const { input, facts } = scene
  const { haltLg } = judge(input.pool.fold(facts.hex), facts.rollout)
  return haltLg >= thresholds(facts.rollout).halt || failFast(scene)
}

/**
 * Tiny first stages: one failed try is repeated, a second failure is enough. Controls fail with
 * what ran before, and in a larger stage whoever reports first would own the release.
 */
function failFast({ input, facts }: Scene): boolean {
  const { policy, bands } = facts.rollout
  if (policy.gate.failFast === 'off') return false
  const isTiny = (stage: number) => {
    const band = bands.list[stage - 1]
    return (
      band !== undefined &&
      Math.min(band.kT * PPM, bands.nodes * band.widthPpm) <= failFastMax * PPM
    )
  }
  if (!isTiny(1)) return false
  const tries = input.pool
    .reporters(facts.hex)
    .filter(({ arm, stage }) => arm === 'treated' && isTiny(stage))
    .reduce((all, { live }) => all + live.tries, 0)
  return tries >= 2
}

/** The first node went alone; its report at checkpoint 1 opens the stage. */
function soloOver({ input, facts }: Scene, run: Run): Run {
  if (!run.solo) return run
  const ok = input.pool
    .reporters(facts.hex)
    .some(({ live }) => live.result === 'ok' && live.seq >= 2)
  return ok ? { ...run, solo: false, startMs: input.nowMs } : run
}

/**
 * `widen` skips waiting, never the first bake, a crossing to a halt or the signed list (S66): what
 * stalled before its halt was covered stays where it is.
 */
function widenByQuorum(scene: Scene, run: Run): Run | null {
  const { input, facts } = scene
  if (facts.widenTo <= run.stage || run.stage < 1 || standstill(scene) !== null) return null
  if (hasCrossed(scene)) return null
  const firstMs = (bandAt(scene, 1)?.bakeMs ?? 0) * run.bakeTimes
  const baked = run.stage > 1 || (run.bakeMs !== null && input.nowMs >= run.bakeMs + firstMs)
  return baked ? fill(run, facts.widenTo, input.nowMs) : null
}

function leaveFilling(scene: Scene, run: Run): Run {
  const { input, facts, alarm } = scene
  const band = bandAt(scene, run.stage)
  if (band === undefined) return followMajority(scene, run)
  const fold = input.pool.fold(facts.hex)
  const have = fold.stages[run.stage]
  const treated = have?.treated ?? 0
  const controls = have?.controls ?? 0
  const { nowMs } = input
  if (!run.solo && treated >= band.qT && controls >= band.qC) {
    return { ...run, phase: 'baking', bakeMs: nowMs, enrolledAtBake: treated }
  }
  if (run.stood) return run
  // a draw can leave a stage of a few nodes empty, and nobody to go alone in it; a larger one that
  // is silent is another thing
  const isTiny = facts.rollout.bands.nodes * band.widthPpm <= tinyNodes * PPM
  if (treated === 0 && isTiny && alarm.reached(run.startMs + band.bakeMs / 2)) {
    return bandAt(scene, run.stage + 1) === undefined ? run : fill(run, run.stage + 1, nowMs)
  }
  if (run.solo || !alarm.reached(run.startMs + facts.rollout.policy.plan.fillWithinMs)) {
    return followMajority(scene, run)
  }
  const half = treated * 2 >= band.qT && controls * 2 >= band.qC && fold.failed === 0
  return half
    ? { ...run, phase: 'baking', bakeMs: nowMs, bakeTimes: 2, enrolledAtBake: treated }
    : { ...run, phase: 'stalled' }
}

function leaveBaking(scene: Scene, run: Run): Run {
  const { input, facts, alarm } = scene
  const band = bandAt(scene, run.stage)
  if (band === undefined || run.bakeMs === null) return run
  if (run.stood) return run.phase === 'hold' ? run : { ...run, phase: 'hold', heldSinceMs: null }
  const jumped = followMajority(scene, run)
  if (jumped !== run) return jumped
  const hard = evidenceToHold(scene, run)
  const isBaked = alarm.reached(run.bakeMs + band.bakeMs * run.bakeTimes)
  const soft = isBaked ? reasonsToWait(scene, run) : []
  if (hard.length === 0 && soft.length === 0) {
    const baking: Run = run.phase === 'hold' ? { ...run, phase: 'baking', heldSinceMs: null } : run
    if (!isBaked) return baking
    if (bandAt(scene, run.stage + 1) === undefined) return { ...baking, phase: 'completed' }
    return fill(baking, run.stage + 1, input.nowMs)
  }
  const since = run.heldSinceMs ?? input.nowMs
  // more time alone may never tell: after one further bake as many reporters again speak
  const calledUp = run.calledUp === true || alarm.reached(since + band.bakeMs)
  const isSame = run.phase === 'hold' && run.heldSinceMs === since && run.calledUp === calledUp
  const held: Run = isSame ? run : { ...run, phase: 'hold', heldSinceMs: since, calledUp }
  if (!alarm.reached(since + stallBakes * band.bakeMs)) return held
  const isQuiet = hard.length === 0 && input.pool.fold(facts.hex).failed === 0
  const next = bandAt(scene, run.stage + 1)
  // a small sample cannot be SAFE: without any failure it goes on, with one it asks
  if (isQuiet && next !== undefined && next.approve === 0 && isSmallSample(scene)) {
    return { ...fill(run, run.stage + 1, input.nowMs), bakeTimes: 2 }
  }
  return { ...held, phase: 'stalled' }
}

function isSmallSample({ facts }: Scene): boolean {
  return facts.rollout.bands.nodes < smallSampleNodes
}

/** A node that was away goes where more than half of the drawn voters are. */
function followMajority({ input, facts }: Scene, run: Run): Run {
  if (!run.away) return run
  const reading = input.pool.verdicts(facts.hex)
  return reading.tag === 'stage' && reading.stage > run.stage
    ? fill(run, reading.stage, input.nowMs)
    : run
}

/** A bundle alone proves nothing: the own set must be settled and near-complete (S63). */
function confirm(scene: Scene, run: Run): Run {
  const { input, facts, alarm } = scene
  const { nowMs } = input
  const crossedMs = run.crossedMs ?? nowMs
  if (!hasCrossed(scene)) {
    return { ...run, phase: 'hold', crossedMs: null, heldSinceMs: nowMs, held: true }
  }
  const { settleMs } = facts.rollout.policy.gate
  const isOver = alarm.reached(crossedMs + settleMs)
  if (isOver && isSettled(scene, crossedMs) && isCovered(scene, run)) {
    return { ...run, phase: 'halted' }
  }
  const bakeMs = bandAt(scene, run.stage)?.bakeMs ?? 0
  const patienceMs = Math.max(bakeMs, 4 * settleMs)
  return alarm.reached(crossedMs + patienceMs) ? { ...run, phase: 'stalled' } : run
}

/** When this node's turn in `stage` comes: the drawn delay after the local start of the stage. */
export function turnMs({ input, facts }: Scene, run: Run, stage: number): number {
  const { lottery, policy } = facts.rollout
  const bakeMs =
    facts.rollout.bands.list[stage - 1]?.bakeMs ?? checkpointMs({ input, facts } as Scene, 1)
  const windowMs = (bakeMs * policy.plan.jitter) / 1_000
  return run.startMs + jitterMs({ lottery, stage, nodeKey: input.self.nodeKey }, windowMs)
}
