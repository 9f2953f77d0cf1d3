import { DAY, HOUR, MINUTE } from '../../base/index.ts'
import type { Window } from '../../records/index.ts'

/**
 * What a time zone adds to universal time at a moment, in ms; null: there is no zone of that name.
 * Zones are tables of the machine, so they are handed in.
 */
export type ZoneOffset = (tz: string, atMs: number) => number | null

/** Whether windows are open at a moment, and when that changes. */
export interface WindowState {
  readonly open: boolean
  /** When it closes, or when the next one opens; null: not within eight days, and so never. */
  readonly changesMs: number | null
  /** A zone that this machine does not know: its window never opens. */
  readonly unknownZone: string | null
}

interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** A window lasts a week at most; so many days are looked at on both sides. */
const reachDays = 9
const knownDays = 8
/** No zone is further from universal time than this. */
const offsetMost = 15 * HOUR

/**
 * Weekly windows in the wall time of their zones; none: always open. A window starts when the clock
 * of its zone first shows its time on one of its days: where that time is left out in spring, when
 * the clock jumps past it; where it comes twice in autumn, the first time. From there it lasts its
 * length in real time, also past midnight and through a change of the clock.
 */
export function windowsAt(
  windows: readonly Window[],
  nowMs: number,
  zone: ZoneOffset
): WindowState {
  if (windows.length === 0) return { open: true, changesMs: null, unknownZone: null }
  const unknown = windows.find(({ tz }) => zone(tz, nowMs) === null)
  const spans = windows
    .flatMap((window) => spansOf(window, nowMs, zone))
    .toSorted((a, b) => a.startMs - b.startMs)
  const unknownZone = unknown?.tz ?? null
  const endMs = openUntil(spans, nowMs)
  if (endMs !== null) {
    // Windows are weekly: what has no gap for longer than a week has none, and what lies beyond
    // the days looked at is not known to be an end.
    const changesMs = endMs > nowMs + knownDays * DAY ? null : endMs
    return { open: true, changesMs, unknownZone }
  }
  const next = spans.find(({ startMs }) => startMs > nowMs)
  return { open: false, changesMs: next?.startMs ?? null, unknownZone }
}

/** The end of what is open now, through windows that follow without a gap; null: closed. */
function openUntil(spans: readonly Span[], nowMs: number): number | null {
  let endMs: number | null = null
  for (const span of spans) {
    const isOn = span.startMs <= (endMs ?? nowMs)
    if (isOn && span.endMs > (endMs ?? nowMs)) endMs = span.endMs
  }
  return endMs
}

function spansOf(
  { days, startMinute, lengthMs, tz }: Window,
  nowMs: number,
  zone: ZoneOffset
): readonly Span[] {
  const offset = (atMs: number): number | null => zone(tz, atMs)
  const here = offset(nowMs)
  if (here === null) return []
  const today = Math.floor((nowMs + here) / DAY)
  const spans: Span[] = []
  for (let day = today - reachDays; day <= today + reachDays; day++) {
    if ((days & (1 << weekday(day))) === 0) continue
    const startMs = instantOf(day * DAY + startMinute * MINUTE, offset)
    if (startMs !== null) spans.push({ startMs, endMs: startMs + lengthMs })
  }
  return spans
}

/** Monday is 0. Day 0, the first of January 1970, was a Thursday. */
function weekday(day: number): number {
  return (((day + 3) % 7) + 7) % 7
}

/** The first moment at which a clock of the zone shows `wallMs` or later. */
function instantOf(wallMs: number, offset: (atMs: number) => number | null): number | null {
  const before = offset(wallMs - offsetMost)
  const after = offset(wallMs + offsetMost)
  if (before === null || after === null) return null
  // In autumn, the first of two moments with one name.
  const byBefore = wallMs - before
  if (before === after || offset(byBefore) === before) return byBefore
  const byAfter = wallMs - after
  if (before > after || offset(byAfter) === after) return byAfter
  return jumpWithin({ fromMs: byAfter, toMs: byBefore }, wallMs, offset)
}

/** In spring the clock jumps over `wallMs`: the moment of the jump, to the millisecond. */
function jumpWithin(
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  wallMs: number,
  offset: (atMs: number) => number | null
): number {
  let [low, high] = [fromMs, toMs]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (middle + (offset(middle) ?? 0) >= wallMs) high = middle
    else low = middle
  }
  return high
}
