import { toHex, unreachable } from '../../base/index.ts'
import { placeOf, type Member, type Reporter, type Rollout } from '../../crowd/index.ts'
import { smallWidth } from '../plan/policy.ts'
import { overlay } from './overlay.ts'
import { checkpointMs, isCovered, isSettled, standstill, type Scene } from './scene.ts'
import type { Run } from '../decide/types.ts'

/** What plan *small* looks like from here, recomputed at each step. */
export interface SmallView {
  /** Members without an enrolment, next first. */
  readonly waiting: readonly Member[]
  readonly good: number
  readonly inFlight: number
  /** Failed tries of the whole rollout. */
  readonly tries: number
  /** Silent past their deadline; the first is skipped, the second holds. */
  readonly silent: number
  readonly retrying: boolean
  /** How many of the waiting may go now. */
  readonly free: number
  readonly members: number
}

/** Members by their place, each with its reports (docs/gate.md §9). */
export function lookSmall(scene: Scene, run: Run): SmallView {
  const { input, facts } = scene
  const { rollout } = facts
  const prefix = facts.hex.slice(0, 16)
  const reporters = new Map(input.pool.reporters(facts.hex).map((one) => [one.hex, one]))
  const order = orderOf(rollout, input.pool.members(input.nowMs))
  const waiting = order.filter(
    (member) =>
      !reporters.has(member.hex) &&
      member.running !== prefix &&
      member.running !== noRelease &&
      !rollout.excluded.has(member.hex) &&
      input.pool.seatOf(member.key) !== null
  )
  let good = 0
  let inFlight = 0
  let tries = 0
  let silent = 0
  let retrying = false
  for (const reporter of reporters.values()) {
    tries += reporter.live.tries
    if (reporter.conflict || reporter.live.result === 'fail') continue
    if (isGood(reporter)) {
      good++
      continue
    }
    if (scene.alarm.reached(deadlineMs(scene, run, reporter))) {
      silent++
      continue
    }
    inFlight++
    if (reporter.live.tries > 0) retrying = true
  }
  const width = run.doubled ? 1 : smallWidth(good, rollout.policy.plan.members)
  const free = retrying ? 0 : Math.max(0, width - inFlight)
  const last = new Set(run.late)
  const ordered = [
    ...waiting.filter(({ hex }) => !last.has(hex)),
    ...waiting.filter(({ hex }) => last.has(hex))
  ]
  const members = order.length
  return { waiting: ordered, good, inFlight, tries, silent, retrying, free, members }
}

/** One look at a rollout by rank: a pure step, repeated until nothing moves. */
export function stepSmall(scene: Scene, run: Run): Run {
  switch (run.phase) {
    case 'waiting':
      return leaveWaiting(scene, run)
    case 'filling':
    case 'hold':
      return look(scene, overlay(scene, run))
    case 'pending-halt':
      return confirm(scene, run)
    case 'stalled':
      return scene.facts.widenTo > 0 ? { ...run, phase: 'filling', doubled: true } : run
    case 'shadow':
    case 'baking':
    case 'halted':
    case 'completed':
    case 'ended':
      return run
    default:
      return unreachable(run.phase)
  }
}

/** Why nobody goes although there is width. */
export function smallReasons(scene: Scene, view: SmallView): readonly string[] {
  const still = standstill(scene)
  const reasons = still === null ? [] : [still]
  if (view.silent > 1) reasons.push(`${view.silent} nodes switched and did not report in time`)
  if (view.retrying) reasons.push('a failed node waits for its one retry')
  return reasons
}

/** Whether this node may switch now: next twice, with two rounds of anti-entropy between. */
export function isMyTurn(scene: Scene, run: Run): boolean {
  const { input, facts, alarm } = scene
  if (run.phase !== 'filling' || run.nextMs === null || standstill(scene) !== null) return false
  // a lapsed brake bakes again from zero: here a step bakes until its report at checkpoint 1
  const lapsedMs = run.lapsedMs ?? null
  if (lapsedMs !== null && !alarm.reached(lapsedMs + checkpointMs(scene, 1))) return false
  const { settleMs } = facts.rollout.policy.gate
  return alarm.reached(run.nextMs + settleMs) && isSettled(scene, run.nextMs) && input.self.member
}

function leaveWaiting(scene: Scene, run: Run): Run {
  const { input, facts, alarm } = scene
  const { policy } = facts.rollout
  if (standstill(scene) !== null || !isSettled(scene, run.seenMs)) return run
  if (policy.time.startAtMs > 0 && !alarm.reached(policy.time.startAtMs)) return run
  if (policy.others.shadow === 'require') return run
  return { ...run, phase: 'filling', stage: 1, startMs: input.nowMs }
}

function look(scene: Scene, run: Run): Run {
  const { input, alarm } = scene
  const { nowMs } = input
  const view = lookSmall(scene, run)
  // two failed tries, by whomever: no number of good nodes outvotes them
  if (view.tries >= 2 && !input.pool.isOpen) {
    return { ...run, phase: 'pending-halt', crossedMs: nowMs, nextMs: null }
  }
  if (isCompleted(scene, view)) return { ...run, phase: 'completed' }
  const isSilent = view.silent > (run.doubled ? view.members : 1)
  if (run.stood || isSilent || view.tries >= 2) {
    // time that stands still is no time of a hold
    const since = run.stood ? null : (run.heldSinceMs ?? nowMs)
    const held: Run =
      run.phase === 'hold' && run.heldSinceMs === since && run.nextMs === null
        ? run
        : { ...run, phase: 'hold', heldSinceMs: since, nextMs: null }
    if (since === null || view.silent < 2) return held
    if (!alarm.reached(since + 4 * checkpointMs(scene, 1))) return held
    // without a failure it goes on, one at a time and with more patience; with one it asks
    return view.tries === 0
      ? { ...held, phase: 'filling', doubled: true, heldSinceMs: null }
      : { ...held, phase: 'stalled' }
  }
  const open: Run = run.phase === 'hold' ? { ...run, phase: 'filling', heldSinceMs: null } : run
  if (view.waiting.length === 0 && view.inFlight === 0 && view.tries > 0 && hasFailed(scene)) {
    return { ...open, phase: 'stalled', nextMs: null }
  }
  return queueUp(scene, open, view)
}

/** Notes who is next: this node to go after a second look, others to be passed over in time. */
function queueUp(scene: Scene, run: Run, view: SmallView): Run {
  const { input, alarm } = scene
  const { nowMs } = input
  const front: Record<string, number> = {}
  const late = [...run.late]
  const turn = 2 * checkpointMs(scene, 1)
  let isNext = false
  for (const { hex } of view.waiting.slice(0, view.free)) {
    if (hex === toHex(input.self.nodeKey)) {
      isNext = true
      continue
    }
    const since = run.front[hex] ?? nowMs
    if (late.includes(hex) || !alarm.reached(since + turn)) front[hex] = since
    else late.push(hex)
  }
  const nextMs = isNext ? (run.nextMs ?? nowMs) : null
  const same =
    nextMs === run.nextMs && late.length === run.late.length && equalFront(front, run.front)
  return same ? run : { ...run, nextMs, front, late }
}

/** All live members good, the last one at checkpoint 2. */
function isCompleted(scene: Scene, view: SmallView): boolean {
  const { input, facts } = scene
  if (view.good === 0 || view.inFlight > 0 || view.retrying) return false
  // who says itself that it holds is no reason to keep the channel waiting for ever
  if (view.waiting.some((member) => !member.heldBack)) return false
  const reporters = input.pool.reporters(facts.hex).filter(({ conflict }) => !conflict)
  const live = new Set(input.pool.members(input.nowMs).map(({ hex }) => hex))
  // who has just come back is one of those who wait, before its own census says so
  if (input.self.member && !live.has(toHex(input.self.nodeKey))) return false
  if (reporters.some((one) => live.has(one.hex) && !isGood(one))) return false
  const last = reporters.reduce((most, one) => Math.max(most, one.heardMs), 0)
  if (!reporters.every((one) => one.heardMs < last || one.live.seq >= 3)) return false
  // Who has just started knows itself alone: the end is seen on settled evidence only.
  return isSettled(scene, last)
}

function hasFailed({ input, facts }: Scene): boolean {
  return input.pool.reporters(facts.hex).some(({ live }) => live.result === 'fail')
}

function confirm(scene: Scene, run: Run): Run {
  const { input, facts, alarm } = scene
  const crossedMs = run.crossedMs ?? input.nowMs
  if (lookSmall(scene, run).tries < 2) {
    return { ...run, phase: 'hold', crossedMs: null, heldSinceMs: input.nowMs }
  }
  const { settleMs } = facts.rollout.policy.gate
  const isOver = alarm.reached(crossedMs + settleMs)
  if (isOver && isSettled(scene, crossedMs) && isCovered(scene, run)) {
    return { ...run, phase: 'halted' }
  }
  const patienceMs = Math.max(checkpointMs(scene, 1), 4 * settleMs)
  return alarm.reached(crossedMs + patienceMs) ? { ...run, phase: 'stalled' } : run
}

/** Good is a report at checkpoint 1; a retry is told at checkpoint 0, which proves nothing. */
export function isGood({ live, conflict }: Reporter): boolean {
  return !conflict && live.result === 'ok' && live.seq >= 2
}

function deadlineMs(scene: Scene, run: Run, { heardMs, live }: Reporter): number {
  const { time } = scene.facts.rollout.policy
  const grantMs = time.reportMs + time.migrateMs + time.startMs + time.shadowMs
  const retryMs = live.tries > 0 ? checkpointMs(scene, 0) + checkpointMs(scene, 1) + grantMs : 0
  return heardMs + (checkpointMs(scene, 1) + grantMs) * (run.doubled ? 2 : 1) + retryMs
}

const noRelease = '0000000000000000'

/** Members by u; sorted once per list, which the pool keeps while nothing changes. */
function orderOf(rollout: Rollout, members: readonly Member[]): readonly Member[] {
  const byRollout = orders.get(members) ?? new Map<string, readonly Member[]>()
  orders.set(members, byRollout)
  const held = byRollout.get(rollout.hex)
  if (held !== undefined) return held
  const { seed } = rollout.lottery
  const order = members
    .map((member) => ({ member, u: placeOf(seed, member.key) }))
    .toSorted((a, b) => (a.u < b.u ? -1 : a.u > b.u ? 1 : a.member.hex < b.member.hex ? -1 : 1))
    .map(({ member }) => member)
  byRollout.set(rollout.hex, order)
  return order
}

const orders = new WeakMap<readonly Member[], Map<string, readonly Member[]>>()

function equalFront(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>
): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
