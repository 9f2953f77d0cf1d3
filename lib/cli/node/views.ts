import type { ReleaseView, StatusView, WhyView } from '../../node/index.ts'
import { escapeText, formatTime, table } from '../frame/index.ts'

/** `ota-node status` for a person: one fact a line. */
export function statusLines(view: StatusView): readonly string[] {
  const rows: (readonly [string, string])[] = [
    [
      'network',
      `${view.name === null ? 'not known yet' : escapeText(view.name)}  ${short(view.network)}`
    ],
    ['running', release(view.running)],
    ['state', view.held ? `${view.state}, held by the operator` : view.state]
  ]
  if (view.next !== null) rows.push(['next', release(view.next)])
  if (view.previous !== null) rows.push(['way back', release(view.previous)])
  if (view.app !== null) {
    const pid = view.app.pid === null ? 'not running' : `pid ${view.app.pid}`
    rows.push(['app', `${pid}, ${view.app.restarts} restarts, ${view.app.lost} requests cut`])
  }
  if (view.rollout !== null) {
    const { label, phase, treated, good, failed, controls, reasons } = view.rollout
    const counts = `${treated} treated, ${good} good, ${failed} failed, ${controls} controls`
    rows.push(['rollout', `${escapeText(label)} ${phase}: ${counts}`])
    for (const reason of reasons) rows.push(['', escapeText(reason)])
  }
  for (const { release: id, why } of view.quarantine)
    rows.push(['quarantine', `${short(id)} ${why}`])
  rows.push(['trust', trustLine(view)], ['peers', String(view.peers)])
  if (view.address !== null) rows.push(['address', view.address])
  for (const code of view.alarms) rows.push(['alarm', code])
  return table(rows)
}

function trustLine(view: StatusView): string {
  if (view.trust === null) return 'none yet: waiting for a peer'
  const { version, expiresMs, forked } = view.trust
  const fork = forked ? ', forked: no installs' : ''
  return `${version}, expires ${formatTime(expiresMs)}, freshness ${view.freshness}${fork}`
}

/** `ota-node why`: the sentence, then every condition in the order it is checked. */
export function whyLines(view: WhyView): readonly string[] {
  const marks = view.conditions.map(({ ok, text }) => {
    const mark = ok === null ? '?' : ok ? 'ok' : 'no'
    return `  ${mark.padEnd(3)} ${escapeText(text)}`
  })
  return [escapeText(view.sentence), ...marks]
}

function release(view: ReleaseView | null): string {
  if (view === null) return 'nothing'
  return `${escapeText(view.label)}  ${short(view.release)}  (epoch ${view.epoch} seq ${view.seq})`
}

function short(id: string): string {
  return id.slice(0, 8)
}
