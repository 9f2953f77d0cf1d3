import type { Policy } from '../../records/index.ts'
import { metricsOf } from '../plan/extras.ts'
import {
  log2q,
  mixq,
  thresholdq,
  type Fold,
  type Lg,
  type Rollout,
  type Silence
} from '../../crowd/index.ts'
import {
  both,
  combine,
  crashWeight,
  crashWeightBeside,
  silenceWeight,
  type Weighted
} from './combine.ts'
import { absolute, liarBudget, relative, share, type Block } from './evidence.ts'
import { ladderLg } from './ladder.ts'
import { isSafe, riskPpb } from './safe.ts'

type Gate = Policy['gate']

/** What the gate says of one fold; the same for everybody who holds the same evidence. */
export interface Judgement {
  /** Logarithm of Ē without silence: absence cannot be proven, so it never halts (S62). */
  readonly haltLg: Lg
  readonly crashLg: Lg
  /** Crashes and the metrics of the policy, with their weights. */
  readonly parts: readonly Weighted[]
  /** E_abs against the hard ceiling: answers controls that lie "failed". */
  readonly ceilingLg: Lg
}

/** Bounds of one policy, in logarithms. */
export interface Thresholds {
  readonly halt: Lg
  readonly hold: Lg
  /** A hold is left below a third of what it is entered at. */
  readonly holdLeft: Lg
  readonly safe: Lg
  readonly ceiling: Lg
}

/** Judges a fold once; a fold is a value, so a fleet that shares it pays once. */
export function judge(fold: Fold, rollout: Rollout): Judgement {
  const held = judged.get(fold)
  if (held !== undefined) return held
  const { gate } = rollout.policy
  const crashLg = crash(fold, gate)
  const out = {
    crashLg,
    parts: weighted(crashLg, fold, rollout),
    haltLg: combine(weighted(crashLg, fold, rollout)),
    ceilingLg: absolute(fold.x, fold.n, share(gate.hardCeilingPpm, 1_000_000))
  }
  judged.set(fold, out)
  return out
}

/**
 * Evidence that treated nodes fail too often: of all together, and half of it of each stratum
 * alone, so that a crash on one platform only is not diluted by the others (docs/gate.md §6).
 */
function crash(fold: Fold, gate: Gate): Lg {
  const whole = comparison(fold.blocks, fold, gate)
  const large = fold.strata.filter(({ n }) => n >= stratumMin)
  if (fold.strata.length < 2 || large.length === 0) return whole
  const parts = large.map((one) =>
    comparison(
      fold.blocks.filter(({ stratum }) => stratum === one.stratum),
      one,
      gate
    )
  )
  const count = BigInt(parts.length)
  return mixq([count, ...parts.map(() => 1n)], [whole, ...parts], 2n * count)
}

/** Crashes weigh 900 alone and 500 beside metrics, which share 400 evenly. */
function weighted(crashLg: Lg, fold: Fold, { policy }: Rollout): readonly Weighted[] {
  const metrics = metricsOf(policy) ?? []
  if (metrics.length === 0) return [{ weight: crashWeight, lg: crashLg }]
  const each = (1_000n - crashWeightBeside - silenceWeight) / BigInt(metrics.length)
  return [
    { weight: crashWeightBeside, lg: crashLg },
    ...metrics.map(({ margin }, i) => ({ weight: each, lg: ladderLg(fold.readings(i), margin) }))
  ]
}

/** Below this many treated nodes a stratum says nothing of its own. */
const stratumMin = 20

function comparison(
  blocks: readonly Block[],
  { x, n }: { readonly x: number; readonly n: number },
  gate: Gate
): Lg {
  // one share of an arm is believed to lie: taken off after the operator cap (S102)
  const lies = liarBudget(x, n, gate.liarBudgetPpm)
  const rel = relative(blocks, share(gate.rho0, 1_000), lies)
  return both(rel, absolute(x - lies, n, share(gate.epsilonPpm, 1_000_000)))
}

const judged = new WeakMap<Fold, Judgement>()

/** Ē with silence: what holds, locally, and never halts. */
export function holdLg(fold: Fold, rollout: Rollout, nowMs: number): Lg {
  const { parts, haltLg } = judge(fold, rollout)
  const silent = fold.silence(nowMs)
  if (silent.treated === 0) return haltLg
  const held = silences.get(fold)
  if (held?.treated === silent.treated && held.controls === silent.controls) return held.lg
  const { gate } = rollout.policy
  const block = { x: silent.treated, y: silent.controls, nT: fold.n, nC: fold.controlsEnrolled }
  const rel = relative([block], share(gate.rho0, 1_000))
  const abs = absolute(block.x, Math.max(block.x, block.nT), share(gate.epsilonPpm, 1_000_000))
  const lg = combine([...parts, { weight: silenceWeight, lg: both(rel, abs) }])
  silences.set(fold, { ...silent, lg })
  return lg
}

/** The last count of silent nodes of a fold: it changes with time, but seldom. */
const silences = new WeakMap<Fold, Silence & { readonly lg: Lg }>()

/** "95 % sure the next step adds at most R of the fleet": `stepPpm` wide (docs/gate.md §7). */
export function isNextStepSafe(
  fold: Fold,
  rollout: Rollout,
  step: { readonly stepPpm: number; readonly nowMs: number }
): boolean {
  if (step.stepPpm <= 0) return true
  const { gate, plan } = rollout.policy
  const controls = fold.distinctControls()
  const silent = fold.silence(step.nowMs)
  // silence above the controls' share counts as failed: widening is pessimistic, halting is not
  const expected =
    fold.controlsEnrolled === 0 ? 0 : Math.ceil((silent.controls * fold.n) / fold.controlsEnrolled)
  const missing = Math.max(0, silent.treated - expected)
  return isSafe(
    {
      x: fold.failed + missing,
      n: fold.done + missing,
      y: controls.failed,
      nC: controls.enrolled,
      stepPpm: step.stepPpm,
      riskPpb: riskPpb(gate.riskPerStagePpm, plan.nodes),
      epsilonPpm: gate.epsilonPpm,
      rho0: gate.rho0
    },
    thresholds(rollout).safe
  )
}

/** HALT at 1/α, HOLD at its own bound, SAFE at 1/β: each one above the floor. */
export function thresholds(rollout: Rollout): Thresholds {
  const held = bounds.get(rollout)
  if (held !== undefined) return held
  const { gate } = rollout.policy
  const out = {
    halt: thresholdq(1_000_000, gate.alphaPpm),
    hold: thresholdq(gate.holdAt, 1_000),
    holdLeft: log2q(BigInt(gate.holdAt), 3_000n),
    safe: thresholdq(1_000_000, gate.betaPpm),
    ceiling: thresholdq(10, 1)
  }
  bounds.set(rollout, out)
  return out
}

const bounds = new WeakMap<Rollout, Thresholds>()
