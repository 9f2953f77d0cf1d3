import { equal, toHex, type Bytes } from '../../base/index.ts'
import { jitterMs, prefetchMs, undoMs } from '../../crowd/index.ts'
import { isClockOff, isUnopposed } from './against.ts'
import { awaitsRetry, conditionsOf, isMet, mayReturnTo, type Way } from './conditions.ts'
import type { Draft } from './draft.ts'
import type { ReleaseFacts } from './facts.ts'
import { enrol } from '../say/own.ts'
import { isOpenTo } from './operator.ts'
import { isNewer, statusOf } from './queue.ts'
import {
  momentOf,
  standingOf,
  undoes,
  type Alarm,
  type Scene,
  type Standing
} from '../stages/scene.ts'
import { turnOf, type Turn } from '../stages/turn.ts'
import type { Act, Condition, ConditionId, Mine, Run } from './types.ts'

/** What a choice is made from: the decision so far, and the channel. */
export interface Choice {
  readonly draft: Draft
  readonly releases: readonly ReleaseFacts[]
  readonly live: ReleaseFacts | null
  readonly alarm: Alarm
}

export interface Chosen {
  readonly act: Act
  readonly about: Bytes | null
  /** Made when first asked for: most decisions are "not yet", and nobody asks them why. */
  readonly conditions: () => readonly Condition[]
}

/** The value of `make`, made at most once. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => (made ??= { value: make() }).value
}

/** Take back, else install first, else the live rollout, else what the fleet has completed. */
export function choose(choice: Choice): Chosen {
  const { draft, releases, live, alarm } = choice
  const undo = undoOf(choice)
  if (undo !== null) return { act: undo, about: null, conditions: () => [] }
  const { input } = draft
  if (input.node.running === null) return installFirst(choice)
  const asked = live === null ? null : takeTurn(choice, live)
  if (asked !== null && asked.act.tag !== 'wait') return asked
  const completed = releases.filter(
    (facts) => statusOf(input, facts) === 'completed' && isNewer(input, facts)
  )
  // S50: who has a barrier before it takes that one first; a pin or a skip leaves the others
  const late = completed.findLast((facts) => isOpenTo(input, facts)) ?? completed.at(-1)
  if (late !== undefined && late !== live) {
    const run = draft.runOf(late.hex)
    const turn = lateTurn({ input, facts: late, alarm }, run)
    const caught = tryRelease(choice, late, { way: 'catch-up', turn })
    if (asked === null || caught.act.tag !== 'wait') return caught
  }
  return asked ?? aboutNewest(choice)
}

/** Own failure is the node's; this is what the fleet or a quorum asks for, spread over minutes. */
function undoOf({ draft, releases, alarm }: Choice): Act | null {
  const { input } = draft
  const { running, previous } = input.node
  if (running === null || previous === null || !mayReturnTo({ input }, previous)) return null
  const facts = releases.find(({ id }) => equal(id, running))
  if (facts === undefined) return null
  const { policy } = facts.rollout
  const run = draft.runOf(facts.hex)
  const abortedMs = input.memory.aborted[facts.hex]
  const scene = { input, facts, alarm }
  const isHalt =
    run?.phase === 'halted' &&
    run.resume === facts.rollout.resume &&
    undoes(scene, run.haltStage ?? 1)
  const learnedMs = abortedMs ?? (isHalt ? run.learnedMs : null)
  if (learnedMs === null) return null
  const delay = undoMs(facts.id, input.self.nodeKey, policy.halt.undoSpreadMs)
  const atMs = learnedMs + delay
  alarm.reached(atMs)
  const why = abortedMs === undefined ? 'halted' : 'aborted'
  return { tag: 'undo', release: facts.id, atMs, why }
}

/**
 * Nothing installed: the newest completed release, else the newest not halted; own checks only. One
 * that is braked, paused, in dispute or below a floor is passed over while there is another (S46).
 */
function installFirst(choice: Choice): Chosen {
  const { draft, releases } = choice
  const { input } = draft
  const fits = releases.filter(
    (facts) =>
      facts.equals === 0 &&
      !input.node.quarantine.some(({ release, why }) => why === 'own' && equal(release, facts.id))
  )
  const moment = momentOf(input)
  const completed = fits.filter((facts) => statusOf(input, facts) === 'completed')
  const others = fits.filter((facts) => {
    const status = statusOf(input, facts)
    return status !== 'halted' && status !== 'ended'
  })
  const isFree = (facts: ReleaseFacts) => isUnopposed(moment, facts) && isOpenTo(input, facts)
  const facts =
    completed.findLast(isFree) ?? others.findLast(isFree) ?? completed.at(-1) ?? others.at(-1)
  return facts === undefined
    ? aboutNewest(choice)
    : tryRelease(choice, facts, { way: 'first', turn: null })
}

/** One node in a live rollout: enrol as control, or switch when its turn has come. */
function takeTurn(choice: Choice, facts: ReleaseFacts): Chosen | null {
  const { draft, alarm } = choice
  const scene = { input: draft.input, facts, alarm }
  const run = draft.runOf(facts.hex)
  const { running } = draft.input.node
  if (run === null) return null
  const standing = standingOf(scene)
  if (running !== null && equal(running, facts.id)) {
    enrolRunning(scene, draft, { run, standing })
    return null
  }
  const turn = turnOf(scene, run, standing)
  const chosen = tryRelease(choice, facts, { way: 'live', turn })
  if (chosen.act.tag === 'upgrade') {
    const stage = standing.stage ?? run.stage
    const counted = turn.counted && !isTreated(run)
    const spoken = counted
      ? enrol(scene, run, { arm: 'treated', stage, standing })
      : { run: isTreated(run) ? run : silently(run, stage, draft.input.nowMs), say: [] }
    draft.setRun(facts.hex, spoken.run)
    draft.say(spoken.say)
    return chosen
  }
  // whatever keeps a node from treatment keeps it from the control arm as well
  const stays = () =>
    chosen
      .conditions()
      .filter(({ id }) => staying.includes(id))
      .every(({ ok }) => ok === true)
  const isDue = isControl(scene, run, { stage: standing.stage, turn })
  if (isDue && !isClockOff(draft.input.network.clockSkewMs) && stays()) {
    const spoken = enrol(scene, run, { arm: 'control', stage: run.stage, standing })
    draft.setRun(facts.hex, spoken.run)
    draft.say(spoken.say)
  }
  return chosen
}

/** After a resume that undid nothing, who runs the release enrols as it runs. */
function enrolRunning(
  scene: Scene,
  draft: Draft,
  { run, standing }: { readonly run: Run; readonly standing: Standing }
): void {
  const { facts, input } = scene
  const { treatment } = input.node
  const isResumed = treatment !== null && treatment.resume < run.resume
  if (!isResumed || !equal(treatment.release, facts.id) || isTreated(run)) return
  // it failed here and had no way back: unwell before this treatment, it belongs in no arm
  if (treatment.state !== 'running') return
  if (run.phase !== 'filling' || run.stage < 1) return
  const stage = facts.rollout.bands.small ? 1 : standing.stage
  if (stage === null) return
  const spoken = enrol(scene, run, { arm: 'treated', stage, standing })
  draft.setRun(facts.hex, spoken.run)
  draft.say(spoken.say)
}

function isTreated(run: Run): boolean {
  return run.mine.some(({ arm }) => arm === 'treated')
}

/** It upgrades later than its hash says, or out of turn: that is remembered, and told to nobody. */
function silently(run: Run, stage: number, nowMs: number): Run {
  const mine: Mine = {
    arm: 'treated',
    stage,
    stratum: 0,
    enrolMs: nowMs,
    speaks: false,
    seq: 0,
    over: true
  }
  return { ...run, mine: [...run.mine, mine] }
}

/** A control of the stage enrols at its own drawn moment, like those who switch. */
function isControl(
  scene: Scene,
  run: Run,
  { stage }: { readonly stage: number | null; readonly turn: Turn }
): boolean {
  const { facts, input, alarm } = scene
  if (facts.rollout.bands.small || run.away || run.solo) return false
  if (run.phase !== 'filling' && run.phase !== 'baking' && run.phase !== 'hold') return false
  if (run.stage < 1 || (stage !== null && stage <= run.stage)) return false
  if (run.mine.some((mine) => mine.stage === run.stage)) return false
  const band = facts.rollout.bands.list[run.stage - 1]
  if (band === undefined) return false
  const { lottery, policy } = facts.rollout
  const windowMs = (band.bakeMs * policy.plan.jitter) / 1_000
  const delay = jitterMs({ lottery, stage: run.stage, nodeKey: input.self.nodeKey }, windowMs)
  return alarm.reached(run.startMs + delay)
}

/** A late joiner takes a completed release after its drawn delay, uncounted. */
function lateTurn({ facts, input, alarm }: Scene, run: Run | null): Turn {
  const { lottery, policy, bands } = facts.rollout
  const last = bands.list[bands.list.length - 1]
  const windowMs = ((last?.bakeMs ?? 0) * policy.plan.jitter) / 1_000
  const delay = jitterMs(
    { lottery, stage: bands.list.length, nodeKey: input.self.nodeKey },
    windowMs
  )
  const jitter = alarm.reached((run?.learnedMs ?? 0) + delay)
  return {
    place: true,
    shadow: true,
    jitter,
    text: 'late joiner',
    counted: false,
    underHold: false
  }
}

/** The deed that brings this release nearer: fetch, switch, or wait. */
function tryRelease(
  { draft, alarm }: Choice,
  facts: ReleaseFacts,
  { way, turn }: { readonly way: Way; readonly turn: Turn | null }
): Chosen {
  const { input } = draft
  const run = draft.runOf(facts.hex)
  const scene = { input, facts, alarm }
  const conditions = once(() => conditionsOf(scene, { way, run, turn, behind: null }))
  const wait: Chosen = { about: facts.id, conditions, act: { tag: 'wait', untilMs: null } }
  const { busy, staged } = input.node
  const isTurn = turn === null || (turn.place && turn.shadow && turn.jitter)
  if (busy !== null) return wait
  const isStaged = staged !== null && equal(staged, facts.id)
  if (!isStaged) {
    // who may take it at all fetches ahead of its turn, at a drawn moment
    const isNotify = input.self.level === 'notify' || facts.rollout.policy.how.level === 'notify'
    if (isNotify || !(isTurn || prefetches(scene, run))) return wait
    const fetches = isMet(conditions(), beforeTurn)
    return fetches ? { ...wait, act: { tag: 'fetch', release: facts.id } } : wait
  }
  if (!isTurn || !isMet(conditions(), [])) return wait
  const { treatment } = input.node
  const hasFailed =
    treatment !== null &&
    treatment.state === 'failed' &&
    treatment.resume === facts.rollout.resume &&
    equal(treatment.release, facts.id)
  // an own failure is final here, but for the one retry that a plan may grant
  if (hasFailed && way === 'live' && (run === null || !awaitsRetry(run))) return wait
  return { ...wait, act: { tag: 'upgrade', release: facts.id, first: way === 'first' } }
}

/** What keeps a node from taking a release at all, now and later. */
const staying: readonly ConditionId[] = [
  'level',
  'hold',
  'pin',
  'consent',
  'requirements',
  'platform',
  'quarantine'
]

/** What need not be met yet for the bytes to be fetched. */
const beforeTurn = [
  'place',
  'shadow',
  'gate',
  'jitter',
  'ready',
  'consent',
  'level',
  'window'
] as const

function prefetches({ input, facts, alarm }: Scene, run: Run | null): boolean {
  if (run === null) return true
  const { plan } = facts.rollout.policy
  return alarm.reached(run.seenMs + prefetchMs(facts.id, input.self.nodeKey, plan.prefetchMs))
}

/** Nothing to do: the conditions of the newest release say why. */
function aboutNewest({ draft, releases, live, alarm }: Choice): Chosen {
  const facts = releases[releases.length - 1]
  const act: Act = { tag: 'wait', untilMs: null }
  if (facts === undefined) return { act, about: null, conditions: () => [] }
  const behind = live !== null && live !== facts ? live.known.body.label || toHex(live.id) : null
  const run = draft.runOf(facts.hex)
  const scene = { input: draft.input, facts, alarm }
  const conditions = once(() => conditionsOf(scene, { way: 'live', run, turn: null, behind }))
  return { act, about: facts.id, conditions }
}
