import test from 'brittle'
import { step, type Event, type Op, type State } from '../../lib/cutover/index.ts'
import { stories, tell } from '../crash/stories.ts'
import { installed, releaseA, releaseB, releaseC } from './world.ts'

/** Nobody writes `built`: building belongs to fetching. */
type StateName = Exclude<Op['state'], 'built'> | 'idle'

/** One event of each kind, about the upgrade to `releaseB` and about both slots. */
function eventsFor({ op, pointer, pending }: State): readonly Event[] {
  const number = op?.op ?? 1
  const seq = op?.next?.seq ?? pending?.seq ?? (pointer?.seq ?? 0) + 1
  const plan = { gen: '1-1', handover: 'overlap', warmMs: 5, observeMs: 5 } as const
  const more = { level: 0, split: false, back: 'code', transition: false } as const
  const looks = { shadow: 'off', phoneHome: 'off' } as const
  const release = releaseB
  const slots = (['a', 'b'] as const).flatMap((slot): readonly Event[] => [
    ...(['healthy', 'unhealthy', 'start-timeout', 'ended', 'watchdog', 'loaded'] as const).map(
      (tag) => ({ tag, slot })
    ),
    ...(['released', 'release-timeout', 'primary', 'takeover-timeout'] as const).map((tag) => ({
      tag,
      slot
    })),
    ...(['over-limit', 'starved'] as const).map((tag) => ({ tag, slot })),
    { tag: 'start-failed', slot, reason: 'port' },
    { tag: 'exited', slot, restarting: false }
  ])
  return [
    { tag: 'want', release: releaseC, kind: 'code' },
    ...(['preflighted', 'fetched', 'verified', 'placed', 'no-source', 'hash-differs'] as const).map(
      (tag) => ({ tag, op: number })
    ),
    { tag: 'prepared', op: number, plan: { ...plan, ...more, ...looks } },
    { tag: 'failed', op: number, reason: 'disk' },
    { tag: 'go', release },
    { tag: 'shadow', release },
    ...(['confirmed', 'snapped', 'rehearsed', 'retry-later', 'shadow-ready'] as const).map(
      (tag) => ({ tag, op: number })
    ),
    { tag: 'unavailable', op: number, what: 'snapshot' },
    { tag: 'unavailable', op: number, what: 'rehearse' },
    { tag: 'shadowed', op: number, shadow: 'pass', phoneHome: 'pass' },
    { tag: 'sealed', op: number, gen: '2-9' },
    { tag: 'withhold', release },
    { tag: 'flipped', seq },
    { tag: 'flip-failed', seq, reason: 'disk' },
    { tag: 'halted', release, why: 'halted' },
    { tag: 'undo', release, atMs: 9e12, why: 'halted' },
    { tag: 'resume', release, by: 'id' },
    { tag: 'completed', release },
    { tag: 'superseded', release },
    { tag: 'hold', on: true },
    { tag: 'floor', barred: [], dead: [] },
    ...(['rollback', 'keep', 'tick'] as const).map((tag) => ({ tag })),
    ...(['clear', 'apply', 'retry'] as const).map((tag) => ({ tag, release })),
    ...slots
  ]
}

const always = ['floor', 'hold']

const early = ['failed', 'halted', 'superseded', 'undo'] as const

/** Events that each state has an edge for, beside those of processes; all others are ignored. */
const table: Readonly<Record<StateName, readonly string[]>> = {
  idle: [
    'apply',
    'clear',
    'completed',
    'halted',
    'resume',
    'retry',
    'rollback',
    'superseded',
    'tick',
    'undo',
    'want'
  ],
  admitted: [...early, 'fetched', 'no-source', 'preflighted'],
  fetched: [...early, 'hash-differs', 'verified'],
  verified: [...early, 'placed'],
  unpacked: [...early, 'prepared'],
  waiting: [...early, 'confirmed', 'go', 'shadow', 'snapped', 'unavailable', 'withhold'],
  snapshot: [...early, 'rehearsed', 'retry-later', 'unavailable', 'withhold'],
  migrated: [...early, 'shadow-ready', 'shadowed', 'withhold'],
  shadow: [...early, 'shadowed', 'withhold'],
  checked: [...early, 'confirmed', 'withhold'],
  cutover: ['failed', 'flip-failed', 'flipped', 'halted', 'sealed', 'tick', 'undo', 'withhold'],
  trial: ['completed', 'rollback', 'superseded', 'tick', 'undo'],
  committed: ['completed', 'flip-failed', 'flipped', 'rollback', 'superseded', 'undo'],
  back: ['completed', 'failed', 'flip-failed', 'flipped', 'sealed', 'superseded'],
  stuck: ['completed', 'keep', 'rollback', 'superseded', 'tick', 'want']
}

test('each state takes the events of its edges and ignores every other one', (t) => {
  let pairs = 0
  let ignored = 0
  for (const [name, states] of statesByName()) {
    const taken = new Set<string>()
    for (const state of states) {
      for (const event of eventsFor(state)) {
        const result = step(state, event, 5_000_000)
        pairs++
        if (!result.ignored) {
          if (!('slot' in event)) taken.add(event.tag)
          continue
        }
        ignored++
        const isStill = result.state === state
        if (!isStill || result.lines.length + result.commands.length > 0) {
          t.fail(`${event.tag} in ${name} is ignored and does something`)
        }
      }
    }
    const mine = [...taken].filter((tag) => !always.includes(tag)).toSorted()
    t.alike(mine, table[name].toSorted(), name)
  }
  t.comment(`${pairs} pairs, ${ignored} of them ignored`)
})

/** Every state that the stories pass, by the name of what is under way. */
function statesByName(): ReadonlyMap<StateName, readonly State[]> {
  const found = new Map<StateName, State[]>()
  for (const story of stories) {
    const world = installed(releaseA, story.rules)
    const before = world.states.length
    tell(world, story)
    for (const state of world.states.slice(before)) {
      const name = state.op?.state ?? 'idle'
      if (name === 'built') continue
      const held = found.get(name) ?? []
      if (held.length < 400) found.set(name, [...held, state])
    }
  }
  return found
}
