import { DAY } from '../../../base/index.ts'
import type { Trust } from '../../../records/index.ts'
import { toShortName } from '../../../trust/index.ts'
import {
  amount,
  escapeText,
  formatDuration,
  formatShare,
  formatTime,
  type Context,
  type Value
} from '../../frame/index.ts'
import type { Row, Word } from '../online/sight.ts'
import { planWord } from '../show.ts'

/** A rollout for `--json`. */
export function dataOf(row: Row) {
  const { channel, release, view, nodes, running } = row
  const { body, id } = release
  const { phase, stage, stages, widthPpm, treated, controls, failures, good, e, reasons } = view
  return {
    channel,
    release: id,
    label: body.label,
    nodes,
    running,
    state: stateOf(row),
    phase,
    stage,
    stages,
    widthPpm,
    treated,
    controls,
    failures,
    good,
    evidence: e,
    verdict: view.reading.tag,
    reasons: [...reasons],
    queued: [...view.queued],
    brakes: brakesData(row),
    braked: row.brakes.acts,
    attested: {
      need: row.attestNeed,
      organisations: organisationsOf(row),
      disputes: disputesData(row)
    },
    next: row.halted && !row.aborted ? abortCommand(row) : null
  }
}

function brakesData({ brakes }: Row): Value {
  return brakes.live.map(({ id, label, reason, note, untilMs }) => {
    return { id, label, reason, note, until: untilMs }
  })
}

function disputesData(row: Row): Value {
  return disputesOf(row).map(({ id, label, organisation, treeDigest }) => {
    return { id, label, organisation, treeDigest }
  })
}

/** Organisations that attest every platform of the release. */
function organisationsOf({ attested }: Row): readonly string[] {
  const [first, ...rest] = attested.map(({ organisations }) => organisations)
  return (first ?? []).filter((name) => rest.every((names) => names.includes(name)))
}

function disputesOf({ attested }: Row) {
  return attested.flatMap(({ conflicts }) => conflicts)
}

/** What ends a halted rollout for good, as it is typed. */
export function abortCommand(row: Row): string {
  return `ota-publish abort ${toShortName(row.release.id)} --reason "${haltWords(row)}"`
}

/** Why it was halted, as the reason of an abort. */
export function haltWords({ view }: Row): string {
  const control = view.small ? '' : ` beside ${view.controls} controls`
  const figures = `${amount(view.failures, 'failure')} in ${view.treated} treated${control}`
  return `halted: ${figures}`
}

function stateOf({ view, halted, aborted, completed }: Row): string {
  if (aborted) return 'aborted'
  if (halted) return 'halted'
  if (completed) return 'completed'
  return view.phase === 'none' ? 'no rollout' : view.phase
}

/** A rollout in one line, and one more for each brake and dispute. */
export function linesOf(context: Context, row: Row): readonly string[] {
  const { out } = context
  const { channel, release, view, nodes, running } = row
  const state = stateOf(row)
  const parts = [
    channel,
    out.id(release.id),
    `"${escapeText(release.body.label)}"`,
    amount(nodes, 'node'),
    `${running} running it`,
    state
  ]
  if (view.phase === 'none') parts.push(planWord(release.body.policy))
  else {
    const width = formatShare(view.widthPpm)
    parts.push(
      view.small
        ? `${view.good} good of ${view.treated}`
        : `stage ${view.stage} of ${view.stages} (${width})`
    )
    if (!view.small) parts.push(`${view.treated} treated ${view.controls} control`)
    parts.push(amount(view.failures, 'failure'))
    if (!view.small) parts.push(`evidence ${view.e.toFixed(1)}`)
    if (view.reading.tag !== 'none') parts.push(`verdict ${view.reading.tag}`)
  }
  if (view.queued.length > 0) parts.push(`waiting ${view.queued.map((id) => out.id(id)).join(' ')}`)
  if (row.attestNeed > 0) {
    parts.push(`${organisationsOf(row).length} of ${row.attestNeed} organisations attest`)
  }
  const reasons = view.reasons.length === 0 ? '' : `  (${view.reasons.join('; ')})`
  return [parts.join('  ') + reasons, ...againstLines(context, row)]
}

function againstLines({ out }: Context, row: Row): readonly string[] {
  const brakes = row.brakes.live.map(({ id, label, reason, note, untilMs }) => {
    const why = escapeText(reason === 'other' ? note : `${reason}: ${note}`)
    const until = formatTime(untilMs)
    const acts = row.brakes.acts ? '' : ', too few keys to act'
    return `  brake ${out.id(id)} by ${escapeText(label)}  "${why}"  until ${until}${acts}`
  })
  const disputes = disputesOf(row).map(({ id, label, organisation, treeDigest }) => {
    const who = `${escapeText(organisation)} (${escapeText(label)})`
    return `  DISPUTE ${out.id(id)} of ${who}: built ${out.id(treeDigest)}, the release is blocked`
  })
  return [...brakes, ...disputes]
}

/** Freshness for `--json`. */
export function wordData({ freshness, claim }: Word): { readonly [key: string]: Value } {
  const age = freshness.state === 'none' ? null : freshness.ageMs
  const named =
    claim === null
      ? null
      : { code: claim.code, by: [...claim.by], majority: claim.majority, trust: claim.trustVersion }
  return { state: freshness.state, ageMs: age, claim: named }
}

/** What beacons say in one sentence; without them the expiry of the trust is all there is. */
export function wordLine({ freshness, claim }: Word, trust: Trust | null, nowMs: number): string {
  const days = trust === null ? 0 : Math.floor((trust.expiresMs - nowMs) / DAY)
  const none = `freshness none: no beacon, trust expires in ${amount(days, 'day')}`
  if (freshness.state === 'none') return none
  const old = freshness.ageMs === null ? 'none was heard' : `${formatDuration(freshness.ageMs)} old`
  const age = freshness.state === 'fresh' ? '' : `: the newest beacon is ${old}`
  const what = claim?.code === 'TRUST_WITHHELD' ? `trust ${claim.trustVersion}` : 'statements'
  const named =
    claim === null ? '' : `; ${claim.by.map(escapeText).join(', ')} names ${what} not seen here`
  return `freshness ${freshness.state}${age}${named}`
}
