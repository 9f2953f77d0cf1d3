import { DAY, MINUTE, OtaError, PPM, SECOND } from '../../base/index.ts'
import type { Policy, Stage } from '../../records/index.ts'
import { reportersPerRolloutMax } from './defaults.ts'
import { metricsOf, metricsTag, stopsOf, stopsTag } from './extras.ts'

/** Reporters of one stage. */
const reportersPerStageMax = 3_200

/**
 * Judges a policy: at `propose`, where it is refused, and again on every node, which holds (S57).
 * Throws `POLICY_INVALID` with the path of the first bad field. What is not built yet is refused
 * as well: unknown means hold.
 */
export function checkPolicy(policy: Policy): void {
  checkPlan(policy.plan)
  checkGate(policy.gate)
  const { halt, others, time, how } = policy
  between('halt.undoUpTo', halt.undoUpToPpm, 0, 100_000)
  between('halt.undoSpread', halt.undoSpreadMs, 0, DAY)
  between('shadow.first', others.first, 1, 64)
  between('shadow.failures', others.failures, 1, others.first)
  between('shadow.wait', others.waitMs, 0, 14 * DAY)
  between('deadlines.report', time.reportMs, 1, 14 * DAY)
  between('deadlines.start', time.startMs, 1, DAY)
  for (const name of ['downloadMs', 'migrateMs', 'shadowMs', 'trialMs'] as const) {
    between(`deadlines.${name.slice(0, -2)}`, time[name], 0, 14 * DAY)
  }
  between('retry.host', time.retryHost, 0, 10)
  between('retry.timedOut', time.retryTimedOut, 0, 10)
  const { protoLow, protoHigh } = policy.who.requires
  between('requires.protocol', protoLow, 1, protoHigh)
  if (how.control !== 'observe') unbuilt('control', how.control)
  if (time.windows.length > 0) unbuilt('windows', 'maintenance windows')
  if (policy.who.selector !== '') unbuilt('selector', policy.who.selector)
  if (policy.who.requires.eras.length > 0) unbuilt('requires.eras', 'eras')
  checkExtras(policy)
}

/** Critical extensions are read whole, or the policy is not one this version can follow. */
function checkExtras(policy: Policy): void {
  const known: readonly number[] = [metricsTag, stopsTag]
  const critical = policy.ext.find(({ tag }) => tag < 128 && !known.includes(tag))
  if (critical !== undefined) unbuilt('ext', `tag ${critical.tag}`)
  if (metricsOf(policy) === null) bad('gate.metrics', 'the list cannot be read')
  if (stopsOf(policy) === null) bad('extraStop', 'the list cannot be read')
  const names = metricsOf(policy)?.map(({ name }) => name) ?? []
  if (new Set(names).size < names.length) bad('gate.metrics', 'two have one name')
}

function checkPlan(plan: Policy['plan']): void {
  between('plan.nodes', plan.nodes, 1, Number.MAX_SAFE_INTEGER)
  between('plan.stages', plan.stages.length, 1, 64)
  between('holdBack', plan.holdBackPpm, 0, 100_000)
  between('jitter', plan.jitter, 0, 1_000)
  between('prefetch', plan.prefetchMs, 0, 14 * DAY)
  between('fillWithin', plan.fillWithinMs, 1, 90 * DAY)
  if (plan.small) {
    between('plan.members', plan.members, 1, 1_000)
    if (plan.stages.length !== 1) bad('stages', 'plan small has one entry')
  } else if (plan.members !== 0) {
    bad('plan.members', 'only plan small names members')
  }
  let all = 0
  let before: Stage | null = null
  plan.stages.forEach((stage, i) => {
    checkStage(stage, i, plan.small)
    checkRise(stage, before, i)
    all += stage.kT + stage.kC
    before = stage
  })
  if (all > reportersPerRolloutMax) {
    bad('stages', `${all} reporters in all, at most ${reportersPerRolloutMax}`)
  }
  const last = plan.stages[plan.stages.length - 1]
  if (last?.sharePpm !== PPM) bad(`stages[${plan.stages.length - 1}].share`, 'the last is 100 %')
}

function checkStage(stage: Stage, i: number, small: boolean): void {
  const at = `stages[${i}]`
  between(`${at}.share`, stage.sharePpm, 1, PPM)
  between(`${at}.bake`, stage.bakeMs, SECOND, 14 * DAY)
  between(`${at}.who`, stage.who, 0, 1)
  between(`${at}.approve`, stage.approve, 0, 2)
  if (small) {
    between(`${at}.treated`, stage.kT, 1, 1_000)
    between(`${at}.controls`, stage.kC, 0, 0)
    return
  }
  between(`${at}.treated`, stage.kT, 25, 2_400)
  between(`${at}.controls`, stage.kC, 25, 2_400)
  between(`${at}.treated + controls`, stage.kT + stage.kC, 50, reportersPerStageMax)
  between(`${at}.qT`, stage.qT, 0, stage.kT)
  between(`${at}.qC`, stage.qC, 0, stage.kC)
}

/** Shares rise within one `who`; the nodes on the release that is fixed come first, to the end. */
function checkRise(stage: Stage, before: Stage | null, i: number): void {
  if (before === null) return
  const at = `stages[${i}].share`
  if (before.who === stage.who) {
    if (stage.sharePpm <= before.sharePpm) {
      bad(at, `shares rise, ${stage.sharePpm} ppm follows ${before.sharePpm} ppm`)
    }
    return
  }
  if (before.who < stage.who) bad(`stages[${i}].who`, 'the nodes of the fixed release come first')
  if (before.sharePpm !== PPM) bad(at, 'the entries before end at 100 %')
}

function checkGate(gate: Policy['gate']): void {
  between('gate.alpha', gate.alphaPpm, 1_000, 50_000)
  between('gate.beta', gate.betaPpm, 1_000, 200_000)
  between('gate.holdAt', gate.holdAt, 2_000, 100_000)
  between('gate.rho0', gate.rho0, 1_000, 3_000)
  between('gate.epsilon', gate.epsilonPpm, 100, 50_000)
  between('gate.hardCeiling', gate.hardCeilingPpm, 1_000, 500_000)
  between('gate.riskPerStage', gate.riskPerStagePpm, 100, 100_000)
  between('gate.coverage', gate.coveragePpm, 900_000, PPM)
  between('gate.liarBudget', gate.liarBudgetPpm, 0, 100_000)
  between('gate.operatorCap', gate.operatorCapPpm, 0, PPM)
  between('gate.settle', gate.settleMs, 100, DAY)
  between('gate.openHold', gate.openHoldMs, 0, 7 * DAY)
  between('gate.windowsOpen', gate.windowsOpenMs, 0, DAY)
  if (gate.checkpointsMs.length !== 5) bad('gate.checkpoints', 'exactly five ages')
  gate.checkpointsMs.forEach((age, i) => {
    between(`gate.checkpoints[${i}]`, age, 1, 90 * DAY)
    const before = gate.checkpointsMs[i - 1] ?? 0
    if (age <= before) bad(`gate.checkpoints[${i}]`, 'ages rise')
  })
}

/** Least time of a plan in ms: every bake and half of every jitter, without a hold. */
export function leastMs(policy: Policy): number {
  const { plan, gate } = policy
  if (!plan.small) return plan.stages.reduce((all, stage) => all + stage.bakeMs, 0)
  const step = (gate.checkpointsMs[1] ?? 15 * MINUTE) + gate.settleMs
  return widthSteps(plan.members) * step + (gate.checkpointsMs[2] ?? 0)
}

/** How many steps a fleet of `members` takes by rank: three singles, a pair, then quarters. */
export function widthSteps(members: number): number {
  let good = 0
  let steps = 0
  while (good < members) {
    good += smallWidth(good, members)
    steps++
  }
  return steps
}

/** Nodes that may be under way at once: 1 until three are good, 2 until five, then a quarter. */
export function smallWidth(good: number, members: number): number {
  if (good < 3) return 1
  return good < 5 ? 2 : Math.ceil(members / 4)
}

function between(path: string, value: number, low: number, high: number): void {
  // NaN fails both comparisons, so the test is for being inside
  if (Number.isSafeInteger(value) && value >= low && value <= high) return
  bad(path, `${value} is not a whole number between ${low} and ${high}`)
}

function unbuilt(path: string, what: string): never {
  return bad(path, `${what} is not something this version can follow`)
}

function bad(path: string, why: string): never {
  throw new OtaError('POLICY_INVALID', `policy ${path}: ${why}`, { facts: { path } })
}
