// Maintenance windows: wall time of any zone, across midnight and changes of the clock.
import test from 'brittle'
import { assert, constantFrom, integer, property, record } from 'fast-check'
import { DAY, HOUR, MINUTE } from '../../lib/base/index.ts'
import { zoneOffset } from '../../lib/cli/node/config/zone.ts'
import type { Window } from '../../lib/records/index.ts'
import { windowsAt } from '../../lib/rollout/index.ts'

const [sunday, everyDay] = [0b100_0000, 0b111_1111]
const berlin = (days: number, start: string, lengthMs: number): Window => {
  const [hours = 0, minutes = 0] = start.split(':').map(Number)
  return { days, startMinute: hours * 60 + minutes, lengthMs, tz: 'Europe/Berlin' }
}
const at = (text: string): number => Date.parse(text)
const state = (window: Window, text: string) => windowsAt([window], at(text), zoneOffset)
const next = (window: Window, text: string): string => {
  const { open, changesMs } = state(window, text)
  const when = changesMs === null ? 'never' : new Date(changesMs).toISOString()
  return `${open ? 'open until' : 'closed until'} ${when}`
}

test('without windows it is always open', (t) => {
  const none = { open: true, changesMs: null, unknownZone: null }
  t.alike(windowsAt([], at('2026-01-01T00:00:00Z'), zoneOffset), none)
})

test('a window opens at its wall time and stays open for its length', (t) => {
  const window = berlin(sunday, '02:00', 3 * HOUR)
  t.is(next(window, '2026-01-10T12:00:00Z'), 'closed until 2026-01-11T01:00:00.000Z')
  t.is(next(window, '2026-01-11T01:00:00Z'), 'open until 2026-01-11T04:00:00.000Z')
  t.is(next(window, '2026-01-11T03:59:59.999Z'), 'open until 2026-01-11T04:00:00.000Z')
  t.is(next(window, '2026-01-11T04:00:00Z'), 'closed until 2026-01-18T01:00:00.000Z')
  t.is(next(window, '2026-07-12T00:00:00Z'), 'open until 2026-07-12T03:00:00.000Z')
})

test('a window goes across midnight, and belongs to the day on which it began', (t) => {
  const window = berlin(sunday, '23:00', 4 * HOUR)
  t.is(next(window, '2026-01-12T01:30:00Z'), 'open until 2026-01-12T02:00:00.000Z')
  t.is(next(window, '2026-01-11T01:30:00Z'), 'closed until 2026-01-11T22:00:00.000Z')
})

test('a start that spring leaves out is the moment of the jump', (t) => {
  const window = berlin(sunday, '02:30', HOUR)
  t.is(next(window, '2026-03-29T00:59:00Z'), 'closed until 2026-03-29T01:00:00.000Z')
  t.is(next(window, '2026-03-29T01:00:00Z'), 'open until 2026-03-29T02:00:00.000Z')
})

test('a start that autumn brings twice is taken once, the first time', (t) => {
  const window = berlin(sunday, '02:30', HOUR)
  t.is(next(window, '2026-10-25T00:29:00Z'), 'closed until 2026-10-25T00:30:00.000Z')
  t.is(next(window, '2026-10-25T00:30:00Z'), 'open until 2026-10-25T01:30:00.000Z')
  t.is(next(window, '2026-10-25T01:30:00Z'), 'closed until 2026-11-01T01:30:00.000Z')
})

test('windows that follow each other are one, and an unknown zone never opens', (t) => {
  const two = [berlin(everyDay, '00:00', 12 * HOUR), berlin(everyDay, '12:00', 12 * HOUR)]
  const now = at('2026-05-05T05:05:05Z')
  const { open, changesMs } = windowsAt(two, now, zoneOffset)
  t.ok(open && changesMs === null, 'no gap between them in any week')
  const odd = { ...berlin(everyDay, '00:00', DAY), tz: 'Europe/Atlantis' }
  const none = { open: false, changesMs: null, unknownZone: 'Europe/Atlantis' }
  t.alike(windowsAt([odd], now, zoneOffset), none)
  t.ok(windowsAt([odd, ...two], now, zoneOffset).open, 'the others still count')
})

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Africa/Casablanca',
  'Pacific/Kiritimati',
  'America/St_Johns'
]
const step = 15 * MINUTE

/** The slow way: walk a clock of the zone until it first shows the start, on each day. */
function slowly({ days, startMinute, lengthMs, tz }: Window, nowMs: number): boolean {
  const wall = (atMs: number): number => atMs + (zoneOffset(tz, atMs) ?? NaN)
  const today = Math.floor(wall(nowMs) / DAY)
  for (let day = today - 8; day <= today; day++) {
    const isOn = (days >> ((((day + 3) % 7) + 7) % 7)) & 1
    if (isOn === 0) continue
    const target = day * DAY + startMinute * MINUTE
    let atMs = target - 15 * HOUR
    while (wall(atMs) < target) atMs += step
    if (atMs <= nowMs && nowMs < atMs + lengthMs) return true
  }
  return false
}

/** At every quarter of a day of the week to come. */
function isOpenAllWeek(window: Window, fromMs: number): boolean {
  const moments = Array.from({ length: 28 }, (_, index) => fromMs + index * 6 * HOUR)
  return moments.every((atMs) => slowly(window, atMs))
}

test('windows that leave no gap are open for ever, and no end of them is foretold', (t) => {
  const now = at('2024-01-01T00:00:00Z')
  const twice = { days: 0b101, startMinute: 0, lengthMs: 5 * DAY, tz: 'UTC' }
  t.alike(windowsAt([twice], now, zoneOffset), { open: true, changesMs: null, unknownZone: null })
  const short = { ...twice, lengthMs: 5 * DAY - HOUR }
  t.is(windowsAt([short], now, zoneOffset).changesMs, at('2024-01-07T23:00:00Z'))
})

test('a window is open exactly when a clock of its zone says so', (t) => {
  const window = record({
    days: integer({ min: 1, max: 127 }),
    startMinute: integer({ min: 0, max: 95 }).map((quarter) => quarter * 15),
    lengthMs: integer({ min: 1, max: 7 * 24 }).map((hours) => hours * HOUR),
    tz: constantFrom(...zones)
  })
  const from = at('2024-01-01T00:00:00Z') / step
  // Half of the moments lie near a change of the clock, where faults would be.
  const changes = ['2024-03-31T00:00:00Z', '2025-10-26T00:00:00Z', '2026-03-08T00:00:00Z']
  const anywhere = integer({ min: from, max: from + 4 * 366 * 96 }).map((n) => n * step)
  const near = constantFrom(...changes).chain((text) =>
    integer({ min: -96, max: 2 * 96 }).map((n) => at(text) + n * step)
  )
  for (const moments of [anywhere, near]) {
    assert(
      property(window, moments, (one, nowMs) => {
        const { open, changesMs } = windowsAt([one], nowMs, zoneOffset)
        if (open !== slowly(one, nowMs)) return false
        if (changesMs === null) return open && isOpenAllWeek(one, nowMs)
        // What is foretold comes true, and not before.
        return (
          slowly(one, changesMs) !== open &&
          slowly(one, Math.floor((changesMs - 1) / step) * step) === open
        )
      }),
      { numRuns: 150 }
    )
  }
  t.pass('300 windows')
})
