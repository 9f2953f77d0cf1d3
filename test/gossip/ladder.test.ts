import test from 'brittle'
import { HOUR, MINUTE } from '../../lib/base/index.ts'
import { begin, climb, ground, type Ladder } from '../../lib/gossip/search/ladder.ts'

/** Rungs taken when the ladder is looked at each `everyMs` from 0 to `untilMs`. */
function walkUp(untilMs: number, everyMs: number, from: Ladder = begin(ground, 0)): string[] {
  const taken: string[] = []
  let ladder = from
  for (let nowMs = 0; nowMs <= untilMs; nowMs += everyMs) {
    const next = climb(ladder, nowMs)
    ladder = next.ladder
    if (next.rung !== null) taken.push(`${next.rung} at ${nowMs / MINUTE}`)
  }
  return taken
}

test('S40 the search climbs six rungs, the first at once, one each five minutes', (t) => {
  t.alike(walkUp(30 * MINUTE, MINUTE), [
    '1 at 0',
    '2 at 5',
    '3 at 10',
    '4 at 15',
    '5 at 20',
    '6 at 25'
  ])
})

test('S37 at the top the search rests for an hour and begins anew, as long as it takes', (t) => {
  const taken = walkUp(24 * HOUR, MINUTE)
  t.is(taken[6], '1 at 85')
  t.is(taken[11], '6 at 110')
  t.is(taken.length, 102, 'seventeen times round in a day, no more')
})

test('however late it is, one rung at a time: a machine that slept has tried nothing', (t) => {
  const woken = climb({ rung: 1, dueMs: 5 * MINUTE }, 9 * HOUR)
  t.is(woken.rung, 2)
  t.alike(woken.ladder, { rung: 2, dueMs: 9 * HOUR + 5 * MINUTE })
  t.is(climb(woken.ladder, 9 * HOUR).rung, null, 'not twice at one moment')
})

test('nobody climbs who does not search, and a search under way is not begun again', (t) => {
  t.alike(climb(ground, HOUR), { ladder: ground, rung: null })
  const { ladder } = climb(begin(ground, 7), 7)
  t.is(begin(ladder, 8), ladder)
  t.alike(begin(ground, 9), { rung: 0, dueMs: 9 }, 'the next search starts at the bottom')
})
