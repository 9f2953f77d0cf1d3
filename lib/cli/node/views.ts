import { DAY } from '../../base/index.ts'
import type { MirrorView } from '../../feed/index.ts'
import type { ReleaseView, StatusView, WhyView } from '../../node/index.ts'
import { amount, escapeText, formatDuration, formatTime, table } from '../frame/index.ts'
import { sentenceOf } from './alarms.ts'
import { placeLines } from './place.ts'
import { machineRows, type MachineView } from './machine.ts'
import type { SlotView } from './slot.ts'

/** What the control socket answers to `status`. */
export interface NodeStatus extends StatusView {
  /** The slot of its invite; null in an open network, or without an invite. */
  readonly slot: SlotView | null
  /** Mirrors of the configuration; absent where there are none. */
  readonly mirrors?: readonly MirrorView[]
  /** What this machine holds the app to, and what the last shadow found; absent: not asked. */
  readonly machine?: MachineView
}

/** `ota-node status` for a person: one fact a line. */
export function statusLines(view: NodeStatus, nowMs: number): readonly string[] {
  const rows: (readonly [string, string])[] = [
    [
      'network',
      `${view.name === null ? 'not known yet' : escapeText(view.name)}  ${short(view.network)}`
    ],
    ['running', release(view.running)],
    ['state', view.hold === null ? view.state : `${view.state}, ${holdText(view.hold)}`]
  ]
  if (view.next !== null) rows.push(['next', release(view.next)])
  if (view.previous !== null) rows.push(['way back', wayBack(view.previous, view.wayBack)])
  else if (view.running !== null) rows.push(['way back', 'none: no version before it is kept'])
  if (view.gen !== null) rows.push(['generation', escapeText(view.gen)])
  if (view.rehearsal !== null) {
    const { shadow, phoneHome } = view.rehearsal
    rows.push(['rehearsal', `shadow ${shadow}, phone-home ${phoneHome}`])
  }
  if (view.app !== null) {
    const pid = view.app.pid === null ? 'not running' : `pid ${view.app.pid}`
    rows.push(['app', `${pid}, ${view.app.restarts} restarts, ${view.app.lost} requests cut`])
  }
  if (view.machine !== undefined) rows.push(...machineRows(view.machine))
  if (view.rollout !== null) {
    const { label, phase, treated, good, failed, controls, reasons } = view.rollout
    const counts = `${treated} treated, ${good} good, ${failed} failed, ${controls} controls`
    rows.push(['rollout', `${escapeText(label)} ${phase}: ${counts}`])
    for (const reason of reasons) rows.push(['', escapeText(reason)])
  }
  if (view.pinned !== null) rows.push(['pinned', `${short(view.pinned)}: no other is taken`])
  if (view.skipped.length > 0) rows.push(['skipped', view.skipped.map(short).join(', ')])
  const labels = Object.entries(view.labels).map(([name, value]) => `${name}=${value}`)
  if (labels.length > 0) rows.push(['labels', labels.join(' ')])
  for (const { release: id, why, code } of view.quarantine)
    rows.push(['quarantine', `${short(id)} ${why}, ${code}`])
  rows.push(['trust', trustLine(view, nowMs)])
  if (view.trust !== null) rows.push(['freshness', freshnessLine(view)])
  rows.push(['peers', String(view.peers)])
  if (view.slot !== null) rows.push(['slot', slotLine(view.slot)])
  if (view.address !== null) rows.push(['address', view.address])
  for (const { url, dropped } of view.mirrors ?? []) {
    const state = dropped === null ? '' : `, not asked now: ${escapeText(dropped.text)}`
    rows.push(['mirror', `${escapeText(url)}${state}`])
  }
  const codes = new Set([...view.alarms, ...(view.worst === null ? [] : [view.worst])])
  for (const code of codes) rows.push(['alarm', `${code}: ${sentenceOf(code)}`])
  return table(rows)
}

function wayBack(view: ReleaseView, back: StatusView['wayBack']): string {
  const how = {
    code: '',
    snapshot: ', with the state made back',
    none: ', only with --accept-loss'
  }
  return `${release(view)}${back === null ? '' : how[back]}`
}

function holdText({ untilMs, reason }: NonNullable<StatusView['hold']>): string {
  const until = untilMs === null ? '' : ` until ${formatTime(untilMs)}`
  const why = reason === '' ? '' : `: ${escapeText(reason)}`
  return `held by the operator${until}${why}`
}

function trustLine({ trust }: StatusView, nowMs: number): string {
  if (trust === null) return 'none yet: waiting for a peer'
  const { version, expiresMs, forked } = trust
  const days = Math.floor((expiresMs - nowMs) / DAY)
  const left = expiresMs <= nowMs ? 'expired' : `${amount(days, 'day')} left`
  const fork = forked ? ', forked: no installs' : ''
  return `${version}, expires ${formatTime(expiresMs)}, ${left}${fork}`
}

function freshnessLine({ freshness }: StatusView): string {
  const { state, ageMs, claim } = freshness
  if (state === 'none') return 'none: no beacon is listed, the expiry of the trust alone counts'
  const age = ageMs === null ? 'no beacon heard yet' : formatDuration(ageMs)
  const line = state === 'expired' ? 'expired with the trust' : `${state} ${age}`
  if (claim === null) return line
  const who = claim.by.map(escapeText).join(', ')
  const what = claim.code === 'TRUST_WITHHELD' ? `trust ${claim.trustVersion}` : 'statements'
  const waits = claim.majority ? ': nothing is installed until it is shown' : ''
  return `${line}; ${who} names ${what} that no peer shows${waits}`
}

function slotLine({ slot, invite, state, reason }: SlotView): string {
  const name = `${slot} of invite ${short(invite)}`
  if (state === 'held') return name
  if (state === 'doubled') {
    return `${name}: another node claims it too, so neither is counted; join with another --slot`
  }
  return `${name}: not counted, ${escapeText(reason)}`
}

/** `ota-node why`: the sentence, then every condition in the order it is checked. */
export function whyLines(view: WhyView): readonly string[] {
  const marks = grouped(view.conditions)
  return [escapeText(view.sentence), ...marks, ...placeLines(view)]
}

/** One line a condition; those that nobody looked at yet stand together by their names. */
function grouped(conditions: WhyView['conditions']): readonly string[] {
  const lines: string[] = []
  let open: string[] = []
  const close = (text: string): void => {
    if (open.length > 0) lines.push(`  ?   ${open.join(', ')} (${escapeText(text)})`)
    open = []
  }
  for (const [at, { id, ok, text }] of conditions.entries()) {
    if (ok === null) {
      open.push(id)
      if (conditions[at + 1]?.ok !== null || conditions[at + 1]?.text !== text) close(text)
    } else lines.push(`  ${(ok ? 'ok' : 'no').padEnd(3)} ${escapeText(text)}`)
  }
  return lines
}

function release(view: ReleaseView | null): string {
  if (view === null) return 'nothing'
  return `${escapeText(view.label)}  ${short(view.release)}  (epoch ${view.epoch} seq ${view.seq})`
}

function short(id: string): string {
  return id.slice(0, 8)
}
