import { HOUR, MINUTE, PPM } from '../../base/index.ts'
import type { Policy, Stage } from '../../records/index.ts'
import { defaultPolicy, reportersPerRolloutMax } from './defaults.ts'

export type Preset = 'standard' | 'short' | 'small' | 'urgent'

/** What a plan is compiled from. */
export interface PlanCensus {
  /** Size of the fleet. */
  readonly nodes: number
}

/** A stage as a person writes it, before quotas are counted. */
export interface StageDraft {
  readonly who: number
  readonly sharePpm: number
  readonly bakeMs: number
  readonly kT: number
  readonly kC: number
  readonly approve: number
}

/** Fleets up to this size go by rank (docs/gate.md §9). */
const smallNodesMax = 50
/** From this size on the first steps are narrow enough to be measured at 5 %. */
const standardNodesMin = 2_000

/** The preset that fits a fleet of `nodes` when nobody names one. */
export function presetFor(nodes: number): Preset {
  if (nodes <= smallNodesMax) return 'small'
  return nodes < standardNodesMin ? 'short' : 'standard'
}

/** A whole policy with the plain list that is signed; nodes read the list, never the name. */
export function compilePlan(preset: Preset, census: PlanCensus): Policy {
  const nodes = Math.max(1, Math.floor(census.nodes))
  if (preset === 'small') return small(nodes, defaultPolicy)
  if (preset === 'urgent') {
    const urgent = { ...defaultPolicy, how: { ...defaultPolicy.how, urgent: true } }
    if (nodes <= smallNodesMax) return small(nodes, urgent)
    return staged(urgent, nodes, short(10 * MINUTE, 10 * MINUTE), 25_000)
  }
  if (preset === 'short') return staged(defaultPolicy, nodes, short(6 * HOUR, HOUR), 25_000)
  return staged(defaultPolicy, nodes, standard(nodes), 10_000)
}

/**
 * The list with its quotas for a fleet of `nodes`: half of the reporters that a stage can have
 * (docs/gate.md §7). The last stage counts with its hold-back, else it would have no controls.
 */
export function withQuotas(
  drafts: readonly StageDraft[],
  nodes: number,
  holdBackPpm: number
): readonly Stage[] {
  return drafts.map((draft, i) => {
    // how many run the broken release nobody knows when it is signed: they bake by the clock
    if (draft.who === 1) return { ...draft, qT: 0, qC: 0 }
    const before = drafts[i - 1]
    const low = before === undefined || before.who !== draft.who ? 0 : before.sharePpm
    const high = reach(draft.sharePpm, low, nodes, holdBackPpm)
    const drawn = (ppm: number) => Math.floor((nodes * Math.max(0, ppm)) / PPM)
    const treated = drawn(high - low)
    const qT = Math.min(treated, Math.max(1, quota(draft.kT, treated, 2)))
    return { ...draft, qT, qC: quota(draft.kC, drawn(PPM - high), 3) }
  })
}

/**
 * How many of `drawn` nodes a hash sends to an arm is a draw itself: a few standard deviations are
 * granted, else one fleet of 200 in twenty waits a week for three of its six hold-backs.
 */
function quota(reporters: number, drawn: number, deviations: number): number {
  const least = Math.max(0, Math.floor(drawn - deviations * Math.sqrt(drawn)))
  return Math.min(Math.ceil(Math.min(reporters, drawn) / 2), least)
}

/** Share a stage reaches while it bakes: all but the hold-back when it is the last. */
export function reach(
  sharePpm: number,
  lowPpm: number,
  nodes: number,
  holdBackPpm: number
): number {
  const kept = PPM - holdBackPpm
  const fits = nodes * holdBackPpm >= PPM && kept > lowPpm
  return sharePpm === PPM && fits ? kept : sharePpm
}

/**
 * The list of a release that `fixes` another: first a quarter and then all of the nodes on the
 * broken one, as a cohort of their own with the later bake of the plan, then the list for the
 * others (S69). Their number is not known when it is signed: quotas follow from the whole fleet.
 */
export function withFixed(drafts: readonly StageDraft[]): readonly StageDraft[] {
  const [first] = drafts
  const later = drafts[1] ?? first
  if (first === undefined || later === undefined) return drafts
  const own = [PPM / 4, PPM].map((sharePpm) => ({ ...later, who: 1, sharePpm, approve: 0 }))
  const all = [...own, ...drafts.map((draft) => ({ ...draft, who: 0 }))]
  // what is held of a rollout is bounded: the last stages, which know most, give up controls
  let over = all.reduce((sum, { kT, kC }) => sum + kT + kC, 0) - reportersPerRolloutMax
  return all
    .toReversed()
    .map((draft) => {
      const less = Math.max(0, Math.min(over, Math.floor(draft.kC / 3)))
      over -= less
      return { ...draft, kC: draft.kC - less }
    })
    .toReversed()
}

/** A compiled policy as the plan of a release that `fixes` another; by rank nothing changes. */
export function withFixes(policy: Policy): Policy {
  const { plan } = policy
  if (plan.small || plan.stages.some(({ who }) => who === 1)) return policy
  const stages = withQuotas(withFixed(plan.stages), plan.nodes, plan.holdBackPpm)
  return { ...policy, plan: { ...plan, stages } }
}

/** S18: 5 % steps to one half, then 30 % of the rest while at most 97 %, then everybody. */
export function s18(): readonly number[] {
  const shares: number[] = []
  for (let share = 50_000; share <= 500_000; share += 50_000) shares.push(share)
  for (let share = 650_000; share <= 970_000;) {
    shares.push(share)
    share += Math.floor(((PPM - share) * 3) / 10)
  }
  return [...shares, PPM]
}

function standard(nodes: number): readonly StageDraft[] {
  // below 3,000 nodes more controls make up for fewer treated (docs/gate.md 13.10)
  const controls = (i: number) => (nodes >= 3_000 ? 600 : i < 2 ? 1_800 : 400)
  return s18().map((sharePpm, i) => ({
    who: 0,
    sharePpm,
    bakeMs: i === 0 ? 6 * HOUR : HOUR,
    kT: 200,
    kC: controls(i),
    approve: 0
  }))
}

/**
 * No step is wider than what is known before it can vouch for: from a quarter to everybody, one
 * ordinary failure among fifty reports asked people (docs/gate.md §9).
 */
function short(firstMs: number, laterMs: number): readonly StageDraft[] {
  return [50_000, 100_000, 250_000, 500_000, PPM].map((sharePpm, i) => ({
    who: 0,
    sharePpm,
    bakeMs: i === 0 ? firstMs : laterMs,
    kT: 600,
    kC: 1_800,
    approve: 0
  }))
}

function staged(
  base: Policy,
  nodes: number,
  drafts: readonly StageDraft[],
  riskPerStagePpm: number
): Policy {
  const { holdBackPpm } = base.plan
  const stages = withQuotas(drafts, nodes, holdBackPpm)
  const prefetchMs = nodes <= 1_000 ? 30 * MINUTE : 6 * HOUR
  return {
    ...base,
    plan: { ...base.plan, nodes, small: false, members: 0, stages, prefetchMs },
    gate: { ...base.gate, riskPerStagePpm }
  }
}

/** One entry; a step bakes until its report at checkpoint 1. Few nodes may all fetch at once. */
export function small(nodes: number, base: Policy): Policy {
  const bakeMs = base.gate.checkpointsMs[1] ?? 15 * MINUTE
  const stage = { who: 0, sharePpm: PPM, bakeMs, kT: nodes, kC: 0, qT: 0, qC: 0, approve: 0 }
  return {
    ...base,
    plan: { ...base.plan, nodes, small: true, members: nodes, stages: [stage], prefetchMs: 0 }
  }
}
