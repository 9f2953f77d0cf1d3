import { equal, HOUR, toHex, type Bytes } from '../base/index.ts'
import { rolloutsOf } from '../crowd/index.ts'
import type { State } from '../cutover/index.ts'
import type { LauncherView } from '../host/index.ts'
import type { Decision } from '../rollout/index.ts'
import {
  compareOrder,
  equalNumbers,
  expired,
  fromName,
  permission,
  refusals,
  releaseOf,
  toName,
  type Believed
} from '../trust/index.ts'
import type { NodeOptions, NodeParts } from './ports.ts'
import type { Standing } from './refusal.ts'
import type { Remembered } from './remembered.ts'
import type {
  AppView,
  ConditionView,
  ReleaseView,
  RolloutStatus,
  StatusView,
  WhyView
} from './views.ts'

/** Everything that is shown, gathered by the conductor. */
export interface Shown {
  readonly options: NodeOptions
  readonly believed: Believed
  readonly state: State
  readonly remembered: Remembered
  readonly decision: Decision | null
  readonly launcher: LauncherView
  readonly wire: Pick<NodeParts['wire'], 'peers' | 'address' | 'clockSkewMs'>
  readonly member: boolean
  /** Slots that two keys claim: nobody speaks for them. */
  readonly doubled: number
  readonly alarms: readonly string[]
  readonly nowMs: number
}

/** `status` as a value; nothing of it is computed for show only. */
export function statusOf(shown: Shown): StatusView {
  const { options, believed, state, remembered, decision, launcher, wire } = shown
  const { op, pointer } = state
  const release = (name: string | null | undefined) => releaseView(believed, name ?? null)
  return {
    network: toName(options.network),
    name: believed.trust?.body.name ?? null,
    node: toName(options.pair.key),
    member: shown.member,
    state: op?.state ?? 'idle',
    channel: options.channel,
    level: options.level,
    held: state.held,
    running: release(pointer?.release),
    previous: release(pointer?.prev?.release),
    next: op?.release === pointer?.release ? null : release(op?.release),
    app: appView(launcher, state),
    treatment: treatmentView(remembered),
    rollout: decision === null ? null : rolloutView(believed, decision),
    quarantine: state.quarantine
      .filter(({ active }) => active)
      .map(({ release: name, why }) => ({ release: name, why })),
    attempts: Object.entries(remembered.attempts).map(([name, count]) => ({
      release: name,
      count
    })),
    trust: trustView(believed),
    freshness: expired(believed, shown.nowMs) ? 'expired' : 'none',
    peers: wire.peers().length,
    address: wire.address(),
    pids: options.pids,
    alarms: alarmsOf(shown)
  }
}

/**
 * `why` as a value: about the release the node would take next, or about another one, of which
 * only what stands against it by itself is said.
 */
export function whyOf(shown: Shown, about: Bytes | null): WhyView {
  const { decision, believed, state } = shown
  const id = about ?? decision?.about ?? null
  if (decision === null || id === null) return whyNothing(believed)
  const release = toName(id)
  const known = releaseOf(believed, id)
  const label = known?.body.label ?? ''
  const isNext = decision.about !== null && equal(decision.about, id)
  const conditions = isNext
    ? decision.conditions.map(({ id: name, ok, text }) => ({ id: name, ok, text }))
    : ownConditions(shown, id)
  const first = conditions.find(({ ok }) => ok === false) ?? null
  const isRunning = state.pointer?.release === release
  const doing = isRunning ? 'running' : first === null ? 'ready' : 'waiting'
  const reason = first === null || isRunning ? label : first.text
  return {
    release,
    label,
    state: doing,
    sentence: `${doing}: ${reason}`,
    first: first?.id ?? null,
    conditions,
    nextAtMs: isNext ? decision.untilMs : null
  }
}

/** What `refusalOf` asks beside the conditions. */
export function standingOf({ believed, options, wire, nowMs }: Shown, id: Bytes): Standing {
  const asked = rolloutsOf(believed).get(toHex(id))?.policy.how.level
  return {
    forked: believed.fork.length > 0,
    expired: expired(believed, nowMs),
    skewMs: wire.clockSkewMs(),
    tellsOnly: options.level === 'notify' || asked === 'notify'
  }
}

function whyNothing(believed: Believed): WhyView {
  const hasTrust = believed.trust !== null
  const sentence = hasTrust ? 'there is no release' : 'waiting for the first trust of the network'
  const none = { release: null, label: '', first: null, conditions: [], nextAtMs: null }
  return { ...none, state: 'waiting', sentence }
}

/** What stands against a release that is not the next one here. */
function ownConditions(shown: Shown, id: Bytes): readonly ConditionView[] {
  const { believed, state, decision, options } = shown
  const known = releaseOf(believed, id)
  if (known === null) return []
  const { have, need } = permission(believed, known)
  const { aborted, paused, floor } = refusals(believed, id)
  const halted = decision?.halted.some((other) => equal(other, id)) ?? false
  const name = toName(id)
  const quarantine = state.quarantine.find(({ active, release }) => active && release === name)
  const running = state.pointer && releaseOf(believed, fromName(state.pointer.release))
  const isQueued = decision?.view.queued.some((other) => equal(other, id)) ?? false
  const offered = known.body.artifacts.map(({ platform }) => platform)
  const isOffered = offered.includes(options.platform)
  const equals = equalNumbers(believed, known).length
  const isOlder = running ? compareOrder(known.body, running.body) < 0 : false
  const { trust, fork } = believed
  const isTrusted = trust !== null && fork.length === 0 && !expired(believed, shown.nowMs)
  return [
    { id: 'trust', ok: isTrusted, text: isTrusted ? 'trust stands' : 'trust forked or expired' },
    { id: 'signatures', ok: have >= need, text: `${have} of ${need} signatures` },
    { id: 'order', ok: !isOlder, text: isOlder ? 'older than what runs here' : 'not older' },
    { id: 'equal', ok: equals === 0, text: `${equals} more with its number` },
    {
      id: 'quarantine',
      ok: quarantine === undefined,
      text: quarantine === undefined ? 'not quarantined' : `quarantined: ${quarantine.why}`
    },
    { id: 'abort', ok: aborted.length === 0 && !halted, text: halted ? 'halted' : 'not aborted' },
    { id: 'floor', ok: floor === null, text: floor === null ? 'above any floor' : 'below a floor' },
    { id: 'pause', ok: paused.length === 0, text: paused.length === 0 ? 'not paused' : 'paused' },
    { id: 'queue', ok: !isQueued, text: isQueued ? 'waits behind another rollout' : 'not queued' },
    { id: 'platform', ok: isOffered, text: `${options.platform}, offered: ${offered.join(', ')}` },
    { id: 'channel', ok: known.body.channel === options.channel, text: known.body.channel },
    { id: 'hold', ok: !state.held, text: state.held ? 'held here' : 'no hold' }
  ]
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

function alarmsOf({ believed, alarms, wire, nowMs, doubled }: Shown): readonly string[] {
  const codes = new Set(alarms)
  if (believed.fork.length > 0) codes.add('TRUST_FORK')
  if (expired(believed, nowMs)) codes.add('TRUST_EXPIRED')
  if (believed.releases.some((known) => equalNumbers(believed, known).length > 0)) {
    codes.add('EQUIVOCATION')
  }
  if (doubled > 0) codes.add('SLOT_CLASH')
  const skewMs = wire.clockSkewMs()
  if (skewMs !== null && Math.abs(skewMs) > HOUR) codes.add('CLOCK_SKEW')
  return [...codes]
}
