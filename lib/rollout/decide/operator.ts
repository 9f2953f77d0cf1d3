import { equal, MINUTE, type Bytes } from '../../base/index.ts'
import { jitterMs } from '../../crowd/index.ts'
import type { Window } from '../../records/index.ts'
import { compareOrder, releaseOf, toShortName } from '../../trust/index.ts'
import { Alarm, type Scene } from '../stages/scene.ts'
import { releasesOf, type ReleaseFacts } from './facts.ts'
import type { Condition, ConditionId, DecideInput, Run } from './types.ts'
import { windowsAt, type WindowState, type ZoneOffset } from './windows.ts'

/** What the operator of a node wants beyond level, hold and pin; absent: nothing. */
export interface Wishes {
  readonly windows: readonly Window[]
  readonly zone: ZoneOffset
  /** Windows hold for urgent and critical releases as well. */
  readonly urgentWaits: boolean
  /** `apply --skip-window`. */
  readonly skipWindow: readonly Bytes[]
  readonly consent: 'none' | 'notify' | 'ask'
  /** A random delay of this node, up to so much, where the release asks for less. */
  readonly jitterMs: number
  /** Until when and why it is held, in words; "" where nothing was said. */
  readonly holdText: string
  /** Releases whose demands this machine does not meet, with what is lacking. */
  readonly unfit: readonly { readonly release: Bytes; readonly text: string }[]
}

const noWishes: Wishes = {
  windows: [],
  zone: () => 0,
  urgentWaits: false,
  skipWindow: [],
  consent: 'none',
  jitterMs: 0,
  holdText: '',
  unfit: []
}

type Line = Omit<Condition, 'id'>
type Answers = Partial<Record<ConditionId, Line>>

const levels = ['notify', 'stage', 'auto'] as const
const consents = ['none', 'notify', 'ask'] as const

/** Conditions by which an operator says no; the stricter of release and operator holds. */
export function operatorAnswers(scene: Scene, first: boolean): Answers {
  const { input, facts } = scene
  const { self } = input
  const { how } = facts.rollout.policy
  const wishes = self.wishes ?? noWishes
  const isApplied = isAmong(facts.id, [...self.applied, ...(self.appliedNow ?? [])])
  const at = Math.min(levels.indexOf(self.level), levels.indexOf(how.level))
  const level = levels[at] ?? 'notify'
  const asked = Math.max(consents.indexOf(wishes.consent), consents.indexOf(how.consent))
  const consent = consents[asked] ?? 'ask'
  const isSkipped = isAmong(facts.id, self.skipped)
  const held = wishes.holdText === '' ? 'held here' : `held here ${wishes.holdText}`
  const isPinned = self.pinned !== null && !equal(self.pinned, facts.id)
  const pinned = self.pinned === null ? 'no pin' : `pinned to ${toShortName(self.pinned)}`
  return {
    level: line(
      level === 'auto' || (level === 'stage' && isApplied),
      level === 'stage' && !isApplied ? 'level stage: waits for `ota-node apply`' : `level ${level}`
    ),
    hold: line(!self.hold && !isSkipped, self.hold ? held : isSkipped ? 'skipped' : 'no hold'),
    pin: line(!isPinned, pinned),
    window: windowNow(scene, wishes, first),
    consent: line(
      consent !== 'ask' || isApplied,
      consent === 'ask' && !isApplied
        ? 'asks first: waits for `ota-node apply`'
        : `consent ${consent}`
    )
  }
}

/** The order in which `why` shows them. */
const wishOrder = ['level', 'hold', 'pin', 'window', 'consent'] as const

/**
 * The first thing an operator wants that stands against a release now, or null: asked once more
 * just before it takes charge, since a window may have closed while it was rehearsed.
 */
export function wishAgainst(input: DecideInput, release: Bytes): Condition | null {
  const facts = releasesOf(input.believed, input.self.channel).find(({ id }) => equal(id, release))
  if (facts === undefined) return null
  const scene = { input, facts, alarm: new Alarm(input.nowMs) }
  const answers = operatorAnswers(scene, input.node.running === null)
  for (const id of wishOrder) {
    const answer = answers[id]
    if (answer?.ok === false) return { id, ...answer }
  }
  return null
}

/** Who keeps a release from this node for good: it is passed over while there is another. */
export function isOpenTo(input: DecideInput, facts: ReleaseFacts): boolean {
  const { self } = input
  const isPinned = self.pinned !== null && !equal(self.pinned, facts.id)
  const { unfit } = self.wishes ?? noWishes
  return (
    !isPinned &&
    !isAmong(facts.id, self.skipped) &&
    !unfit.some(({ release }) => equal(release, facts.id)) &&
    missedBarrier(input, facts) === null
  )
}

/** The release that has to be passed through first, or null (S50). */
export function missedBarrier(input: DecideInput, facts: ReleaseFacts): Bytes | null {
  const { running } = input.node
  const here = running === null ? null : releaseOf(input.believed, running)
  if (here === null) return null
  const missed = facts.rollout.policy.who.barriers.find(({ release }) => {
    const barrier = releaseOf(input.believed, release)
    return barrier === null || compareOrder(here.body, barrier.body) < 0
  })
  return missed?.release ?? null
}

/** What this machine lacks for the release, as it was found when its tree lay there; or null. */
export function unfitText({ input, facts }: Scene): string | null {
  const { unfit } = input.self.wishes ?? noWishes
  return unfit.find(({ release }) => equal(release, facts.id))?.text ?? null
}

/**
 * The node's own random delay for a release: drawn once from its key, so that it is the same after
 * a restart, and counted from when the stage, or for others the release, was first seen.
 */
export function isOwnDelayOver(scene: Scene, run: Run | null): boolean {
  const { input, facts, alarm } = scene
  const { self } = input
  const { jitterMs: mostMs } = self.wishes ?? noWishes
  if (mostMs === 0 || run === null || isAmong(facts.id, self.appliedNow ?? [])) return true
  const { lottery, bands } = facts.rollout
  const fromMs = run.learnedMs ?? (bands.small ? run.seenMs : run.startMs)
  const draw = { lottery, stage: run.stage, nodeKey: self.nodeKey }
  return alarm.reached(fromMs + jitterMs(draw, mostMs))
}

/** Windows of the release and of the operator must both be open; none is always open. */
function windowNow(scene: Scene, wishes: Wishes, first: boolean): Line {
  const { input, facts, alarm } = scene
  const { how, time } = facts.rollout.policy
  const isSkipped = isAmong(facts.id, wishes.skipWindow)
  // The signers say whether an operator may pass their windows; her own she may always.
  const theirs = isSkipped && (how.bypass & 1) !== 0 ? [] : time.windows
  const own = isSkipped ? [] : wishes.windows
  if (time.windows.length + wishes.windows.length === 0) return line(true, 'no window')
  if (first) return line(true, 'nothing runs here that a window would protect')
  const isUrgent = how.urgent || (how.critical && (how.bypass & 2) !== 0)
  if (isUrgent && !wishes.urgentWaits) return line(true, 'urgent: windows do not hold it')
  if (theirs.length + own.length === 0) return line(true, 'window skipped by the operator')
  const states = [theirs, own].map((list) => windowsAt(list, input.nowMs, wishes.zone))
  for (const { changesMs } of states) if (changesMs !== null) alarm.reached(changesMs)
  const closed = states.find(({ open }) => !open)
  return closed === undefined ? line(true, 'window open') : line(false, closedText(closed, input))
}

function closedText({ changesMs, unknownZone }: WindowState, { nowMs }: DecideInput): string {
  if (unknownZone !== null) return `window in the time zone "${unknownZone}", unknown here`
  if (changesMs === null) return 'window closed'
  const minutes = Math.ceil((changesMs - nowMs) / MINUTE)
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60]
  const wait = hours === 0 ? `${rest} min` : `${hours} h ${rest} min`
  return `window closed, opens in ${wait}`
}

function line(ok: boolean, text: string): Line {
  return { ok, text }
}

function isAmong(id: Bytes, list: readonly Bytes[]): boolean {
  return list.some((one) => equal(one, id))
}
