import { DAY, HOUR, MINUTE } from '../base/index.ts'
import type {
  QuarantineLine,
  QuarantineWhy,
  ReleaseName,
  UnquarantineLine
} from '../records/index.ts'
import type { Reason } from './reasons.ts'
import type { Quarantine, State } from './state.ts'

/** A `host` cause is tried again by itself after these delays, then an operator is asked (S78). */
const hostRetriesMs = [30 * MINUTE, HOUR, 2 * HOUR]

/** Attempts that may fail here by the release's own doing: one, and one more after completion. */
const ownTriesMax = 2

/** Whether anything here keeps `release` from being started. */
export function isQuarantined(state: State, release: ReleaseName): boolean {
  return state.quarantine.some((entry) => entry.active && entry.release === release)
}

/** The line that puts `release` in quarantine, or null if the same one is in force already. */
export function quarantineLine(
  state: State,
  release: ReleaseName,
  cause: { readonly why: QuarantineWhy; readonly code: Reason },
  nowMs: number
): QuarantineLine | null {
  const held = find(state, release, cause.why)
  // S78: a quarantined release announced a thousand times leaves one line.
  if (held?.active === true) return null
  const tries = (held?.tries ?? 0) + 1
  const usual = cause.why === 'host' ? hostRetriesMs[tries - 1] : undefined
  // Room and rights are asked for before anything is fetched: that look a day costs nothing.
  const isCheap = cause.code === 'disk' || cause.code === 'denied'
  const delayMs = usual ?? (cause.why === 'host' && isCheap ? DAY : undefined)
  const next = delayMs === undefined ? null : nowMs + delayMs
  return { tag: 'quarantine', release, ...cause, tries, next, by: null, active: true }
}

/** Host quarantines whose next try is due. */
export function retriesDue(state: State, nowMs: number): readonly UnquarantineLine[] {
  return state.quarantine
    .filter(({ active, nextMs }) => active && nextMs !== null && nextMs <= nowMs)
    .map(({ release, why }) => ({ tag: 'unquarantine', release, why, by: 'retry' }))
}

/** A resume lifts what the fleet said, never what was seen here (S78). */
export function liftedByResume(
  state: State,
  release: ReleaseName,
  by: string
): readonly UnquarantineLine[] {
  const entry = find(state, release, 'fleet')
  return entry?.active === true ? [{ tag: 'unquarantine', release, why: 'fleet', by }] : []
}

/** A release that failed here is tried once more when the fleet completed it. */
export function liftedByCompletion(
  state: State,
  release: ReleaseName
): readonly UnquarantineLine[] {
  return liftedOnce(state, release, 'completed')
}

/** Where the plan fails fast, a first failure is tried once more (docs/gate.md, FAIL-FAST). */
export function liftedByPlan(state: State, release: ReleaseName): readonly UnquarantineLine[] {
  return liftedOnce(state, release, 'plan')
}

function liftedOnce(
  state: State,
  release: ReleaseName,
  by: 'completed' | 'plan'
): readonly UnquarantineLine[] {
  const entry = find(state, release, 'own')
  const again = entry?.active === true && entry.code !== 'operator' && entry.tries < ownTriesMax
  return again ? [{ tag: 'unquarantine', release, why: 'own', by }] : []
}

/** By hand, with force: whatever the reason. */
export function liftedByHand(state: State, release: ReleaseName): readonly UnquarantineLine[] {
  return state.quarantine
    .filter((entry) => entry.active && entry.release === release)
    .map(({ why }) => ({ tag: 'unquarantine', release, why, by: 'operator' }))
}

/** An operator's yes: what this machine was to blame for, if she has seen to it. */
export function liftedByYes(state: State, release: ReleaseName): readonly UnquarantineLine[] {
  const entry = find(state, release, 'host')
  const yes = { tag: 'unquarantine', release, why: 'host', by: 'operator' } as const
  return entry?.active === true ? [yes] : []
}

/** The list after a line. */
export function applyQuarantine(
  list: readonly Quarantine[],
  line: QuarantineLine | UnquarantineLine,
  code: Reason
): readonly Quarantine[] {
  const others = list.filter(({ release, why }) => release !== line.release || why !== line.why)
  if (line.tag === 'quarantine') {
    const { release, why, tries, next, by, active } = line
    return [...others, { release, why, code, tries, nextMs: next, by, active }]
  }
  const held = list.find(({ release, why }) => release === line.release && why === line.why)
  return held === undefined
    ? list
    : [...others, { ...held, active: false, nextMs: null, by: line.by }]
}

/** How long the predecessor stays after the fleet completed or superseded a release. */
export const previousStaysMs = DAY

function find(state: State, release: ReleaseName, why: QuarantineWhy): Quarantine | undefined {
  return state.quarantine.find((entry) => entry.release === release && entry.why === why)
}
