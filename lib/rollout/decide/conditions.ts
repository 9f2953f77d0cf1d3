import { equal } from '../../base/index.ts'
import { compareOrder, refusals, releaseOf, toShortName } from '../../trust/index.ts'
import { standings } from './against.ts'
import { offerFor } from './offer.ts'
import { isOwnDelayOver, missedBarrier, operatorAnswers, unfitText } from './operator.ts'
import { statusOf, isNewer } from './queue.ts'
import { evidenceToHold } from '../stages/staged.ts'
import { momentOf, standstill, type Scene } from '../stages/scene.ts'
import type { Turn } from '../stages/turn.ts'
import { conditionOrder, type Condition, type ConditionId, type Run } from './types.ts'

/** How a release would come to this node: by the plan, outside of it, or after it. */
export type Way = 'live' | 'first' | 'catch-up'

export interface Asked {
  readonly way: Way
  readonly run: Run | null
  readonly turn: Turn | null
  /** Label of the rollout it waits behind. */
  readonly behind: string | null
}

type Answers = Partial<Record<ConditionId, Omit<Condition, 'id'>>>

/** Every condition in its fixed order; what was not looked at is null. */
export function conditionsOf(scene: Scene, asked: Asked): readonly Condition[] {
  const answers: Answers = {
    ...authority(scene, asked),
    ...eligibility(scene),
    ...operatorAnswers(scene, asked.way === 'first'),
    weight: line(true, 'no weights'),
    tier: line(true, `tier ${scene.input.self.tier}`),
    ...fleet(scene, asked)
  }
  return conditionOrder.map((id) => ({ id, ...(answers[id] ?? notReached) }))
}

/** Met, or of a kind that does not stop: nothing is false, and only what others judge is open. */
export function isMet(conditions: readonly Condition[], except: readonly ConditionId[]): boolean {
  return conditions.every(({ id, ok }) => ok === true || judgedLater.has(id) || except.includes(id))
}

/** Preflight on the machine, just before the install. */
const judgedLater: ReadonlySet<ConditionId> = new Set(['space'])

const notReached = { ok: null, text: 'not reached yet' }

function authority(scene: Scene, asked: Asked): Answers {
  const { input, facts } = scene
  const { network, node } = input
  const { drawers } = facts.known.body
  const first = asked.way === 'first'
  const judged = standings(momentOf(input), facts, { first, halted: isHalted(scene) })
  const isSettled = !first || network.trustSettled
  const blocking = node.quarantine.find((one) => isBlocking(one, scene, asked))
  return {
    ...judged,
    trust: judged.trust.ok && !isSettled ? unsettled : judged.trust,
    draw: line(
      true,
      drawers.length === 0 ? 'no drawer named' : `${drawers.length} drawers gave their value`
    ),
    order: orderLine(scene),
    quarantine: line(
      blocking === undefined,
      blocking === undefined ? 'not quarantined' : `quarantined: ${blocking.why}`
    ),
    queue: line(
      asked.behind === null,
      asked.behind === null ? 'no rollout before it' : `waits behind ${asked.behind}`
    )
  }
}

/** What runs here is not newer than itself, and nothing is wrong with that. */
function orderLine({ input, facts }: Scene): Omit<Condition, 'id'> {
  const { running } = input.node
  if (running !== null && equal(running, facts.id)) return line(true, 'the installed release')
  return either(isNewer(input, facts), [
    'newer than the installed release',
    'not newer than the installed release'
  ])
}

const unsettled = {
  ok: false,
  text: 'waiting for several sources to agree on the newest trust',
  code: 'TRUST_UNSETTLED'
} as const

function isHalted({ input, facts }: Scene): boolean {
  return statusOf(input, facts) === 'halted'
}

/** Quarantine `fleet` ends with a resume; `own` waits out the one retry a plan may grant. */
function isBlocking(
  one: Scene['input']['node']['quarantine'][number],
  { facts, alarm }: Scene,
  { run }: Asked
): boolean {
  if (!equal(one.release, facts.id)) return false
  if (one.why === 'fleet') return facts.rollout.resume === 0 || facts.aborted
  if (one.why === 'host') return one.retryAtMs === null || !alarm.reached(one.retryAtMs)
  return run === null || !awaitsRetry(run)
}

/** A first failed try that may be repeated once. */
export function awaitsRetry(run: Run): boolean {
  return run.failedTries === 1 && run.mine.some(({ arm, over }) => arm === 'treated' && !over)
}

function eligibility(scene: Scene): Answers {
  const { input, facts } = scene
  const { policy } = facts.rollout
  const { self } = input
  const { artifacts, channel } = facts.known.body
  const offer = offerFor(artifacts, self.platform)
  const hasTree = line(offer.artifact !== null, offer.text)
  const { requires } = policy.who
  const isNewEnough = requires.daemon === '' || isAtLeast(self.daemon, requires.daemon)
  const speaks = requires.protoLow <= 1 && requires.protoHigh >= 1
  const unfit = unfitText(scene)
  return {
    votes: either(policy.others.votesNeedPpm === 0, ['no vote asked for', 'a vote is asked for']),
    platform: offer.code === null ? hasTree : { ...hasTree, code: offer.code },
    channel: line(channel === self.channel, `channel ${channel}`),
    selector: either(policy.who.selector === '', ['no selector', 'a selector that needs labels']),
    requirements: line(
      isNewEnough && speaks && unfit === null,
      unfit ?? (requires.daemon === '' ? 'nothing required' : `requires daemon ${requires.daemon}`)
    ),
    ...waypoints(scene),
    policy: line(facts.invalid === null, facts.invalid ?? 'policy is in range'),
    era: line(true, 'no era')
  }
}

function waypoints({ input, facts }: Scene): Answers {
  const { deadends, from } = facts.rollout.policy.who
  const { running } = input.node
  const here = running === null ? null : releaseOf(input.believed, running)
  const isDeadEnd = running !== null && deadends.some(({ release }) => equal(release, running))
  const missed = missedBarrier(input, facts)
  const isInside =
    from === null ||
    (here !== null &&
      compareOrder(here.body, from.min) >= 0 &&
      compareOrder(here.body, from.max) <= 0)
  return {
    barrier: line(
      missed === null && isInside,
      missed !== null
        ? `${toShortName(missed)} comes first`
        : isInside
          ? 'no barrier'
          : 'not for those who run what runs here'
    ),
    'dead-end': either(!isDeadEnd, ['no dead end', 'what runs here is a dead end'])
  }
}

function fleet(scene: Scene, { way, run, turn }: Asked): Answers {
  const { input, facts } = scene
  // Past waiting, or running already: its tree is what it is tried or started from.
  const { staged, busy, running } = input.node
  const isStaged = [staged, busy, running].some((one) => one !== null && equal(one, facts.id))
  const ready = line(isStaged, isStaged ? 'tree is here' : 'tree is not here yet')
  if (way === 'first') {
    const outside = line(true, 'first install, outside the plan')
    return { place: outside, shadow: outside, gate: outside, jitter: outside, ready }
  }
  if (way === 'catch-up') {
    const after = line(true, 'the rollout is completed')
    const jitter = turn === null ? after : delay(scene, run, turn)
    return { place: after, shadow: after, gate: after, jitter, ready }
  }
  if (run === null || turn === null) return { ready }
  const evidence = facts.rollout.bands.small || turn.underHold ? [] : evidenceToHold(scene, run)
  const reasons = [...still(scene), ...evidence]
  const isNow = isAmong(facts.id, input.self.appliedNow ?? [])
  // a stage that nobody fills holds the fleet; it says nothing against who takes it by hand
  const stands = ['pending-halt', 'halted', 'stalled', 'ended'].includes(run.phase)
  const isStill = stands && !(isNow && run.phase === 'stalled')
  return {
    place: line(turn.place, turn.text),
    shadow: line(turn.shadow, run.solo ? 'unchecked: one node goes first, alone' : 'unchecked'),
    gate: line(reasons.length === 0 && !isStill, [run.phase, ...reasons].join(': ')),
    jitter: delay(scene, run, turn),
    ready
  }
}

function delay(scene: Scene, run: Run | null, turn: Turn): Omit<Condition, 'id'> {
  const isOver = isOwnDelayOver(scene, run)
  return line(turn.jitter && isOver, isOver ? 'drawn delay' : 'own drawn delay')
}

function still(scene: Scene): readonly string[] {
  const reason = standstill(scene)
  return reason === null ? [] : [reason]
}

function line(ok: boolean, text: string): Omit<Condition, 'id'> {
  return { ok, text }
}

/** One sentence if it is met, and one if it is not. */
function either(ok: boolean, [met, unmet]: readonly [string, string]): Omit<Condition, 'id'> {
  return line(ok, ok ? met : unmet)
}

function isAmong(id: Uint8Array, list: readonly Uint8Array[]): boolean {
  return list.some((one) => equal(one, id))
}

/** Versions as numbers with dots; what cannot be read is not enough. */
function isAtLeast(have: string | undefined, need: string): boolean {
  const a = have === undefined ? null : numbersOf(have)
  const b = numbersOf(need)
  if (a === null || b === null) return false
  const at = a.findIndex((value, i) => value !== b[i])
  return at < 0 || (a[at] ?? 0) > (b[at] ?? 0)
}

function numbersOf(text: string): readonly number[] | null {
  const match = /^(?:>=\s*)?(\d+)(?:\.(\d+))?(?:\.(\d+))?$/.exec(text.trim())
  return match === null ? null : [1, 2, 3].map((i) => Number(match[i] ?? 0))
}

/** A node may go below no floor: whether taking back to `previous` is allowed. */
export function mayReturnTo({ input }: Pick<Scene, 'input'>, previous: Uint8Array): boolean {
  return refusals(input.believed, previous).floor === null
}
