import { EXIT, HOUR, toHex, type Code } from '../base/index.ts'
import { codeOf, type State } from '../cutover/index.ts'
import type { LauncherView } from '../host/index.ts'
import type { Decision, Moment } from '../rollout/index.ts'
import {
  equalNumbers,
  expired,
  fromName,
  refusals,
  releaseOf,
  toName,
  type Believed
} from '../trust/index.ts'
import type { Remembered } from './remembered.ts'
import type { Shown } from './shown.ts'
import type { AppView, FreshnessView, ReleaseView, RolloutStatus, StatusView } from './views.ts'

/** `status` as a value; nothing of it is computed for show only. */
export function statusOf(shown: Shown): StatusView {
  const { options, moment, state, remembered, decision, launcher, wire, words } = shown
  const { believed } = moment
  const { op, pointer } = state
  const release = (name: string | null | undefined) => releaseView(believed, name ?? null)
  const alarms = alarmsOf(shown)
  return {
    network: toName(options.network),
    name: believed.trust?.body.name ?? null,
    node: toName(options.pair.key),
    member: shown.member,
    state: op?.state ?? 'idle',
    channel: options.channel,
    level: options.level,
    held: state.held,
    hold: state.held ? (words.hold ?? { untilMs: null, reason: '' }) : null,
    pinned: words.pinned,
    skipped: words.skipped,
    labels: words.labels,
    running: release(pointer?.release),
    previous: release(pointer?.prev?.release),
    next: op?.release === pointer?.release ? null : release(op?.release),
    gen: pointer?.gen ?? null,
    wayBack: pointer?.prev?.back ?? null,
    rehearsal: op?.verdicts ?? null,
    app: appView(launcher, state),
    treatment: treatmentView(remembered),
    rollout: decision === null ? null : rolloutView(believed, decision),
    quarantine: state.quarantine
      .filter(({ active }) => active)
      .map(({ release: name, why, code, nextMs }) => ({
        release: name,
        why,
        code: codeOf(code),
        retryMs: nextMs
      })),
    attempts: Object.entries(remembered.attempts).map(([name, count]) => ({
      release: name,
      count
    })),
    trust: trustView(believed),
    freshness: freshnessView(moment),
    worst: worstOf([...alarms, ...statesOf(shown)]),
    peers: wire.peers().length,
    clockSkewMs: moment.clockSkewMs,
    daemon: options.daemon,
    address: wire.address(),
    pids: options.pids,
    alarms
  }
}

function releaseView(believed: Believed, name: string | null): ReleaseView | null {
  if (name === null) return null
  const known = releaseOf(believed, fromName(name))
  // What runs here may be older than anything that is still believed.
  if (known === null) return { release: name, label: '', epoch: 0, seq: 0 }
  const { label, epoch, seq } = known.body
  return { release: name, label, epoch, seq }
}

function treatmentView({ treatment }: Remembered): StatusView['treatment'] {
  if (treatment === null) return null
  const { release, startedMs, state, tries } = treatment
  return { release, startedMs, state, tries }
}

function appView({ slots, traffic }: LauncherView, state: State): AppView | null {
  const slot = slots[state.live]
  if (slot === null) return null
  return {
    pid: slot.pid,
    restarts: slot.exits.length,
    lost: traffic.a.lost + traffic.b.lost
  }
}

function rolloutView(believed: Believed, { view }: Decision): RolloutStatus | null {
  if (view.release === null) return null
  return {
    release: toName(view.release),
    label: releaseOf(believed, view.release)?.body.label ?? '',
    phase: view.phase,
    stage: view.stage,
    stages: view.stages,
    widthPpm: view.widthPpm,
    treated: view.treated,
    good: view.good,
    failed: view.failures,
    controls: view.controls,
    e: view.e,
    reasons: view.reasons
  }
}

function trustView({ trust, fork }: Believed): StatusView['trust'] {
  if (trust === null) return null
  const { version, expiresMs } = trust.body
  return { version, expiresMs, forked: fork.length > 0 }
}

/** Without beacons nothing but the expiry of the trust says how old news may be. */
function freshnessView({ believed, pool, nowMs }: Moment): FreshnessView {
  const fresh = pool.freshness(nowMs)
  const claim = pool.claim(nowMs)
  return {
    state: expired(believed, nowMs) ? 'expired' : fresh.state,
    ageMs: fresh.state === 'none' ? null : fresh.ageMs,
    claim: claim && {
      code: claim.code,
      by: claim.by,
      majority: claim.majority,
      trustVersion: claim.trustVersion
    }
  }
}

function alarmsOf({ moment, alarms, doubled }: Shown): readonly string[] {
  const { believed, nowMs, clockSkewMs } = moment
  const codes = new Set(alarms)
  if (believed.fork.length > 0) codes.add('TRUST_FORK')
  if (expired(believed, nowMs)) codes.add('TRUST_EXPIRED')
  if (believed.releases.some((known) => equalNumbers(believed, known).length > 0)) {
    codes.add('EQUIVOCATION')
  }
  if (doubled > 0) codes.add('SLOT_CLASH')
  if (clockSkewMs !== null && Math.abs(clockSkewMs) > HOUR) codes.add('CLOCK_SKEW')
  return [...codes]
}

/** States that are nobody's fault and yet an answer to "is all well". */
function statesOf({ moment, state, decision }: Shown): readonly Code[] {
  const { believed, pool, nowMs } = moment
  const codes: Code[] = []
  if (believed.trust === null) codes.push('TRUST_UNSETTLED')
  const fresh = pool.freshness(nowMs).state
  if (fresh === 'stale') codes.push('STALE')
  if (fresh === 'frozen') codes.push('FROZEN')
  const claim = pool.claim(nowMs)
  if (claim?.majority === true) codes.push(claim.code)
  if (state.fault !== null) codes.push('JOURNAL_DAMAGED')
  if (state.held) codes.push('HELD')
  const phase = decision?.view.phase
  if (phase === 'halted' || phase === 'pending-halt') codes.push('HALTED')
  const { release } = decision?.view ?? { release: null }
  const isOpen = phase !== 'completed' && phase !== 'ended' && phase !== 'none'
  if (release !== null && isOpen) {
    const isPaused = refusals(believed, release).paused.length > 0
    if (isPaused || pool.brakes(toHex(release), nowMs).acts) codes.push('PAUSED')
  }
  return codes
}

/** Exit numbers of `status`, the worst first. */
const worstFirst: readonly number[] = [40, 22, 12, 13, 30, 17]

function worstOf(codes: readonly string[]): Code | null {
  for (const number of worstFirst) {
    const found = codes.find((code): code is Code => isCode(code) && EXIT[code] === number)
    if (found !== undefined) return found
  }
  return null
}

function isCode(text: string): text is Code {
  return Object.hasOwn(EXIT, text)
}
