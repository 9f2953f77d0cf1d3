import test from 'brittle'
import { lostKind, resultFault, type Side } from '../../lib/host/state/account.ts'
import type { CheckResult, Kind, StateRules } from '../../lib/records/index.ts'

type Kinds = Readonly<Record<string, Partial<Kind>>>
type Counts = Readonly<Record<string, number | readonly [number, string]>>

function side(kinds: Kinds, counts: Counts | null, schema = 1): Side {
  const usual = { is: 'durable', count: 'same' } as const
  const rules: StateRules = {
    class: 'snapshot',
    schema,
    from: [],
    downTo: [],
    lossOk: false,
    shared: false,
    snapshot: 'crash',
    retired: [],
    kinds: new Map(Object.entries(kinds).map(([name, kind]) => [name, { ...usual, ...kind }]))
  }
  return { rules, found: counts === null ? null : result(counts, schema) }
}

function result(counts: Counts, schema: number): CheckResult {
  const kinds = Object.entries(counts).map(([name, one]) => {
    const [count, hash] = typeof one === 'number' ? [one, null] : one
    return [name, { count, hash }] as const
  })
  return { schema, kinds: new Map(kinds) }
}

const stays = (): boolean => false
const users = { users: {} }

test('a check has to count every durable kind, no other, and find its own schema', (t) => {
  t.is(resultFault(side(users, { users: 3 })), null)
  t.is(resultFault(side(users, null)), null, 'there is no check')
  t.is(resultFault(side({ cache: { is: 'ephemeral' } }, {})), null)
  t.is(resultFault(side({ store: { is: 'inPlace' } }, {})), null)
  t.is(resultFault(side(users, {})), 'the check did not count kind "users"')
  const more = 'the check found kind "rows", which nobody declares'
  t.is(resultFault(side(users, { users: 3, rows: 1 })), more)
  const { rules } = side(users, null)
  const other = { rules, found: result({ users: 3 }, 2) }
  t.is(resultFault(other), 'the check found schema 2, the version has 1')
})

test('kinds are compared by the rule of the version that declares the new state', (t) => {
  const after = (count: Kind['count'], now: number) => side({ users: { count } }, { users: now }, 2)
  const before = side(users, { users: 3 })
  const cases: readonly (readonly [Kind['count'], number, boolean])[] = [
    ['same', 3, true],
    ['same', 2, false],
    ['same', 4, false],
    ['atLeast', 4, true],
    ['atLeast', 2, false],
    ['any', 0, true]
  ]
  for (const [count, now, holds] of cases) {
    t.is(lostKind(before, after(count, now), stays) === null, holds, `${count} ${now}`)
  }
  t.is(lostKind(before, after('same', 2), stays), 'kind "users" counted 3 before and 2 after')
})

test('a kind that is nowhere any more is lost, unless it was named as one that goes', (t) => {
  const before = side({ users: {}, index: {} }, { users: 3, index: 9 })
  const after = side(users, { users: 3 }, 2)
  t.is(lostKind(before, after, stays), 'kind "index" is neither kept nor retired')
  t.is(
    lostKind(before, after, (name) => name === 'index'),
    null
  )
  const empty = side(users, {}, 2)
  t.is(lostKind(side(users, { users: 3 }), empty, stays), 'kind "users" is gone')
  const cache = side({ cache: { is: 'ephemeral' } }, { cache: 3 })
  t.is(lostKind(cache, side({}, {}, 2), stays), null, 'what is ephemeral may vanish')
  const inPlace = side({ users: { is: 'inPlace' } }, {}, 2)
  t.is(
    lostKind(side(users, { users: 3 }), inPlace, stays),
    null,
    'and what is in place stays there'
  )
})

test('where both give a hash of what has to be the same, it has to be equal', (t) => {
  const before = side(users, { users: [3, 'aa'] })
  t.is(lostKind(before, side(users, { users: [3, 'aa'] }), stays), null)
  t.is(
    lostKind(before, side(users, { users: [3, 'bb'] }), stays),
    'kind "users" is not what it was'
  )
  t.is(lostKind(before, side(users, { users: 3 }), stays), null)
  const loose = side({ users: { count: 'atLeast' } }, { users: [3, 'bb'] })
  t.is(lostKind(before, loose, stays), null)
})
