import type { BrakeBook, BrakeGroup } from './brake-book.ts'
import type { Ground } from './ground.ts'
import type { Brakes, BrakeView } from './types.ts'

/** A stretch of time in which one key brakes a release: from receipt, the end not included. */
interface Span {
  readonly group: BrakeGroup
  readonly startMs: number
  readonly endMs: number
}

const none: Brakes = { live: [], acts: false, untilMs: null, lastEndMs: null }

/** What the brakes heard do to one release at `nowMs` (S104). */
export function brakesOf(book: BrakeBook, ground: Ground, hex: string, nowMs: number): Brakes {
  const groups = book.groupsOf(hex)
  if (groups.length === 0) return none
  const keys = new Set(groups.map(({ signer }) => signer))
  const rows = [...keys].map((key) =>
    spansOf(
      book,
      groups.filter(({ signer }) => signer === key)
    )
  )
  const live = rows.flatMap((spans) => spans.filter((span) => isIn(span, nowMs)))
  const need = ground.brakesNeeded
  const acts = live.length >= need
  const ends = live.map(({ endMs }) => endMs).toSorted((a, b) => b - a)
  return {
    live: live.flatMap((span) => viewOf(span, ground)).toSorted(byLabel),
    acts,
    untilMs: acts ? (ends[need - 1] ?? null) : null,
    lastEndMs: lastEndOf(rows, need, nowMs)
  }
}

/** One live brake per key and release: one of a higher seq takes the place of what was before. */
function spansOf(book: BrakeBook, groups: readonly BrakeGroup[]): readonly Span[] {
  const spans: Span[] = []
  let highest = -1
  const heard = groups.toSorted((a, b) => a.receivedMs - b.receivedMs || b.seq - a.seq)
  for (const group of heard) {
    if (group.seq <= highest) continue
    highest = group.seq
    const startMs = group.receivedMs
    const before = spans.pop()
    if (before !== undefined) spans.push({ ...before, endMs: Math.min(before.endMs, startMs) })
    if (book.isLifted(group)) continue
    const lastsMs = Math.min(...group.acts.map(({ said }) => said.lastsMs))
    spans.push({ group, startMs, endMs: startMs + lastsMs })
  }
  return spans
}

/** The last moment up to now at which fewer keys braked than before, and too few. */
function lastEndOf(rows: readonly (readonly Span[])[], need: number, nowMs: number): number | null {
  const count = (isLive: (span: Span) => boolean) =>
    rows.filter((spans) => spans.some(isLive)).length
  const ends = rows
    .flatMap((spans) => spans.map(({ endMs }) => endMs))
    .filter((endMs) => endMs <= nowMs)
    .filter((at) => count(({ startMs, endMs }) => startMs < at && at <= endMs) >= need)
    .filter((at) => count((span) => isIn(span, at)) < need)
  return ends.length === 0 ? null : Math.max(...ends)
}

function isIn({ startMs, endMs }: Span, atMs: number): boolean {
  return startMs <= atMs && atMs < endMs
}

function viewOf({ group, endMs }: Span, { brakers }: Ground): readonly BrakeView[] {
  const member = brakers.get(group.signer)
  const [act] = group.acts
  if (member === undefined || act === undefined) return []
  const { reason, note } = act.said
  const { key, label } = member
  const { receivedMs } = group
  return [{ id: act.id, key, label, receivedMs, untilMs: endMs, reason, note }]
}

function byLabel(a: BrakeView, b: BrakeView): number {
  return a.label < b.label ? -1 : 1
}
