import { equal, PPM, toHex, type Bytes } from '../../base/index.ts'
import { jitterDraw, type Fold, type U64 } from '../../crowd/index.ts'
import { checkpointMs, type Scene, type Standing } from './scene.ts'
import { isMyTurn, lookSmall } from './small.ts'
import { evidenceToHold, turnMs } from './staged.ts'
import type { Run } from '../decide/types.ts'

/** Whether this node's turn has come, part by part. */
export interface Turn {
  readonly place: boolean
  readonly shadow: boolean
  readonly jitter: boolean
  readonly text: string
  /** Its hash says this stage, so its reports count. */
  readonly counted: boolean
  /** It may switch although the evidence holds: the one node by which a hold ends in a verdict. */
  readonly underHold: boolean
}

/** Where this node stands in a live rollout. */
export function turnOf(scene: Scene, run: Run, standing: Standing): Turn {
  const { input, facts } = scene
  if ((input.self.appliedNow ?? []).some((id) => equal(id, facts.id))) {
    const text = 'applied by hand, out of turn; reports of it count nowhere'
    return { place: true, shadow: true, jitter: true, text, counted: false, underHold: false }
  }
  return facts.rollout.bands.small ? smallTurn(scene, run) : stagedTurn(scene, run, standing)
}

function smallTurn(scene: Scene, run: Run): Turn {
  const base = { shadow: true, jitter: true, counted: !run.away, underHold: false }
  const mine = run.mine.find(({ arm }) => arm === 'treated')
  if (run.failedTries > 0 && run.failedMs !== null) {
    const isOver = scene.alarm.reached(run.failedMs + checkpointMs(scene, 0))
    return { ...base, place: isOver && run.phase === 'filling', text: 'waits to try once more' }
  }
  if (mine !== undefined)
    return { ...base, place: run.phase === 'filling', text: 'its turn has come' }
  if (run.phase === 'waiting')
    return { ...base, place: false, text: 'looking at what the fleet does' }
  const view = lookSmall(scene, run)
  const own = toHex(scene.input.self.nodeKey)
  const at = view.waiting.findIndex(({ hex }) => hex === own)
  const text =
    at < 0
      ? 'this node is no member yet: its census has not been heard'
      : at < view.free
        ? 'next in order, looks twice'
        : `${at} before it, ${view.inFlight} on their way, ${view.good} good`
  return { ...base, place: isMyTurn(scene, run), text }
}

function stagedTurn(scene: Scene, run: Run, { stage, u }: Standing): Turn {
  const { facts } = scene
  const share = Number((u * 1_000n) >> 64n) / 10
  const reach = (facts.rollout.bands.list[run.stage - 1]?.reachPpm ?? 0) / (PPM / 100)
  const text =
    stage === null
      ? `place ${share.toFixed(1)} %, kept as control until the last bake ends`
      : `place ${share.toFixed(1)} %, stage ${stage}; ${run.stage} reaches ${reach.toFixed(1)} %`
  const isOpen = run.phase === 'filling' || run.phase === 'baking' || run.phase === 'hold'
  const place = isOpen && stage !== null && stage <= run.stage
  // who comes late has waited: only the own stage is spread
  const isOwn = stage === run.stage
  const jitter = place && (!isOwn || scene.alarm.reached(turnMs(scene, run, run.stage)))
  const shadow = !run.solo || soloTurn(scene, run, u)
  const counted = isOwn && !run.away
  const underHold = counted && jitter && isOneMore(scene, run)
  return { place, shadow, jitter, text, counted, underHold }
}

/**
 * Two early failures hold, and a hold that lets nobody switch would never learn more: neither halt
 * nor clear. So under a hold by evidence the stage goes on by single nodes, in the order of their
 * delays, each after the report of the one before could be here, up to its reporters (S68).
 */
function isOneMore(scene: Scene, run: Run): boolean {
  const { input, facts, alarm } = scene
  const { rollout } = facts
  const band = rollout.bands.list[run.stage - 1]
  const fold = input.pool.fold(facts.hex)
  if (band === undefined || evidenceToHold(scene, run).length === 0) return false
  // S104: what people have stopped goes on by itself only when the evidence has cleared
  if ((run.lapsedMs ?? null) !== null) return false
  const most = run.calledUp === true ? band.moreT : band.kT
  if ((fold.stages[run.stage]?.treated ?? 0) >= most) return false
  if (run.mine.some(({ arm, stage }) => arm === 'treated' && stage === run.stage)) return true
  const last = lastSwitched(scene, run.stage)
  if (last === null) return true
  const openMs = last.heardMs + checkpointMs(scene, 0)
  if (!alarm.reached(openMs)) return false
  const { settleMs } = rollout.policy.gate
  // the window behind the last one doubles, as nodes in it may be switched off
  const arm = Math.max(1, Math.floor((rollout.bands.nodes * band.widthPpm) / PPM))
  const behind = delayOf(scene, run.stage, input.self.nodeKey) - last.delay
  let ticks = 0
  while (ticks < 64 && ((1n << 64n) << BigInt(ticks)) / BigInt(arm) < behind) ticks++
  return alarm.reached(openMs + ticks * settleMs)
}

interface Switched {
  readonly heardMs: number
  readonly delay: U64
}

/** The latest enrolment heard in a stage, and the longest delay drawn among those who switched. */
function lastSwitched(scene: Scene, stage: number): Switched | null {
  const fold = scene.input.pool.fold(scene.facts.hex)
  const byStage = switched.get(fold) ?? new Map<number, Switched | null>()
  switched.set(fold, byStage)
  const held = byStage.get(stage)
  if (held !== undefined) return held
  const last = scene.input.pool
    .reporters(scene.facts.hex)
    .filter((one) => one.arm === 'treated' && one.stage === stage)
    .map((one): Switched => ({ heardMs: one.heardMs, delay: delayOf(scene, stage, one.key) }))
    .reduce<Switched | null>(later, null)
  byStage.set(stage, last)
  return last
}

function later(a: Switched | null, b: Switched): Switched {
  if (a === null) return b
  return { heardMs: Math.max(a.heardMs, b.heardMs), delay: a.delay > b.delay ? a.delay : b.delay }
}

const switched = new WeakMap<Fold, Map<number, Switched | null>>()

function delayOf({ facts }: Scene, stage: number, nodeKey: Bytes): U64 {
  return jitterDraw({ lottery: facts.rollout.lottery, stage, nodeKey })
}

/**
 * Nobody could shadow, so the smallest place goes alone: the bound doubles each `settle` until
 * somebody is below it. Two failed ones leave it to a person.
 */
function soloTurn({ input, facts, alarm }: Scene, run: Run, u: U64): boolean {
  const { rollout } = facts
  const { settleMs } = rollout.policy.gate
  const own = toHex(input.self.nodeKey)
  const treated = input.pool
    .reporters(facts.hex)
    .filter(({ hex, arm }) => arm === 'treated' && hex !== own)
  if (run.mine.some(({ arm }) => arm === 'treated')) return true
  const failed = treated.filter(({ live }) => live.result === 'fail').length
  if (failed >= 2 || treated.length > failed) return false
  const ticks = Math.floor((input.nowMs - run.startMs) / settleMs)
  alarm.reached(run.startMs + (ticks + 1) * settleMs)
  const doublings = BigInt(Math.min(64, ticks))
  return u < ((1n << 64n) << doublings) / BigInt(rollout.bands.nodes)
}
