import { isQuarantined } from '../../lib/cutover/index.ts'
import { releaseA, releaseB, upgrade, type Rules, type World } from '../cutover/world.ts'

/** What happens in a story, told again after each kill until it has come to its end. */
type Plot = 'good' | 'undo' | 'crash' | 'bad' | 'loss' | 'shadow'

/** One way an upgrade can go, and where it must end whoever is killed when. */
export interface Story {
  readonly name: string
  readonly rules: Rules
  readonly plot: Plot
  /** The release that serves in the end. */
  readonly end: string
  /** Where it may end as well, if it went down in the middle. */
  readonly or?: string
  /** The op that is left: none, or one that waits for an operator. */
  readonly left?: 'stuck' | 'waiting'
}

const looks = { shadow: 'prefer', phoneHome: 'prefer' } as const
const exclusive = { handover: 'exclusive' } as const
const speaks = { level: 2 } as const
const moves = { ...exclusive, transition: true, back: 'snapshot' } as const
const oneWay = { ...exclusive, transition: true, back: 'none' } as const
const exits = { start: { [releaseB]: 'exit' } } as const

/** Every way of section and level: forward, refused before the flip, and back after it. */
export const stories: readonly Story[] = [
  { name: 'overlap', rules: {}, plot: 'good', end: releaseB },
  { name: 'exclusive', rules: { plan: exclusive }, plot: 'good', end: releaseB },
  { name: 'overlap by word', rules: { plan: speaks }, plot: 'good', end: releaseB },
  {
    name: 'exclusive by word',
    rules: { plan: { ...exclusive, ...speaks } },
    plot: 'good',
    end: releaseB
  },
  { name: 'sockets', rules: { plan: { level: 1 } }, plot: 'good', end: releaseB },
  {
    name: 'sockets split',
    rules: { plan: { level: 1, split: true } },
    plot: 'good',
    end: releaseB
  },
  { name: 'rehearsed', rules: { plan: looks }, plot: 'good', end: releaseB },
  { name: 'state', rules: { plan: { ...moves, ...looks } }, plot: 'good', end: releaseB },
  { name: 'state by word', rules: { plan: { ...moves, ...speaks } }, plot: 'good', end: releaseB },
  { name: 'shadow only', rules: { plan: looks }, plot: 'shadow', end: releaseA, left: 'waiting' },
  { name: 'exits at once', rules: exits, plot: 'bad', end: releaseA },
  {
    name: 'exits at once, exclusive by word',
    rules: { ...exits, plan: { ...exclusive, ...speaks } },
    plot: 'bad',
    end: releaseA
  },
  {
    name: 'fails its shadow',
    rules: { plan: looks, shadow: 'phone-home' },
    plot: 'bad',
    end: releaseA
  },
  {
    name: 'fails to migrate',
    rules: { plan: moves, migrate: 'kind-lost' },
    plot: 'bad',
    end: releaseA
  },
  {
    name: 'fails to migrate by word',
    rules: { plan: { ...moves, ...speaks }, migrate: 'migrate' },
    plot: 'bad',
    end: releaseA
  },
  {
    name: 'the old one keeps its lock',
    rules: { plan: { ...exclusive, ...speaks }, release: 'release-timeout' },
    plot: 'bad',
    end: releaseA
  },
  {
    name: 'never primary',
    rules: { plan: speaks, takeover: 'takeover-timeout' },
    plot: 'bad',
    end: releaseA,
    // Started after the flip it needs no word to be in charge.
    or: releaseB
  },
  {
    name: 'never primary, exclusive',
    rules: { plan: { ...exclusive, ...speaks }, takeover: 'takeover-timeout' },
    plot: 'bad',
    end: releaseA,
    // Started after the flip it needs no word to be in charge.
    or: releaseB
  },
  { name: 'crash on trial', rules: {}, plot: 'crash', end: releaseA },
  { name: 'crash on trial, exclusive', rules: { plan: exclusive }, plot: 'crash', end: releaseA },
  { name: 'crash on trial by word', rules: { plan: speaks }, plot: 'crash', end: releaseA },
  {
    name: 'crash on trial, exclusive by word',
    rules: { plan: { ...exclusive, ...speaks } },
    plot: 'crash',
    end: releaseA
  },
  {
    name: 'and the old one does not come back',
    rules: { plan: { ...exclusive, ...speaks }, resume: 'takeover-timeout' },
    plot: 'crash',
    end: releaseA
  },
  { name: 'crash on new state', rules: { plan: moves }, plot: 'crash', end: releaseA },
  {
    name: 'crash on new state by word',
    rules: { plan: { ...moves, ...speaks } },
    plot: 'crash',
    end: releaseA
  },
  {
    name: 'crash where loss is declared',
    rules: { plan: moves, down: 'same' },
    plot: 'crash',
    end: releaseA
  },
  {
    name: 'crash, and no way down',
    rules: { plan: moves, down: 'migrate' },
    plot: 'crash',
    end: releaseB,
    left: 'stuck'
  },
  {
    name: 'crash where no way leads back',
    rules: { plan: oneWay },
    plot: 'crash',
    end: releaseB,
    left: 'stuck'
  },
  { name: 'undo', rules: {}, plot: 'undo', end: releaseA },
  { name: 'undo, exclusive', rules: { plan: exclusive }, plot: 'undo', end: releaseA },
  {
    name: 'undo, exclusive by word',
    rules: { plan: { ...exclusive, ...speaks } },
    plot: 'undo',
    end: releaseA
  },
  { name: 'undo of new state', rules: { plan: moves }, plot: 'undo', end: releaseA },
  { name: 'rollback that accepts a loss', rules: { plan: oneWay }, plot: 'loss', end: releaseA }
]

/** Tells a story on from wherever the machine stands. */
export function tell(world: World, { plot, left }: Story): void {
  for (let round = 0; round < 16; round++) {
    const { op } = world.state
    const isOver = op?.state === left && isTold(world, plot)
    // What is left to an operator is kept alive all the same.
    if (isOver && left === 'stuck') world.pass(5_000)
    if (isOver) return
    const isThere = op === null && world.state.pointer?.release === releaseB
    if (isThere && plot === 'undo') {
      world.tell({ tag: 'undo', release: releaseB, atMs: world.nowMs + 60_000, why: 'halted' })
    } else if (isThere && plot === 'loss') world.tell({ tag: 'rollback', acceptLoss: true })
    else if (plot === 'crash' && op?.state === 'trial') crash(world)
    else if (plot === 'shadow') {
      world.tell({ tag: 'want', release: releaseB, kind: 'code' })
      world.tell({ tag: 'shadow', release: releaseB })
    } else upgrade(world, releaseB)
    world.pass(plot === 'crash' ? 5_000 : 700_000)
  }
}

/** What must be when a story is over; null: it is. */
export function problem(world: World, story: Story): string | null {
  const { op, pointer } = world.state
  const { left, or } = story
  const end = or !== undefined && world.serving === or ? or : story.end
  if (op?.state !== left) return `still ${op?.state ?? 'idle'}`
  if (world.serving !== end) return `serves ${world.serving?.slice(0, 1) ?? 'nothing'}`
  if (world.pointer?.release !== end || pointer?.release !== end) return 'names another one'
  if (left === undefined && pointer.phase !== 'committed') return 'is not committed'
  const running = [world.procs.a, world.procs.b].filter(
    (proc) => proc !== null && proc.role !== 'down'
  )
  if (running.length !== 1) return `${running.length} processes`
  if (running[0]?.gen !== pointer.gen) return 'runs on other state than it names'
  if (world.snapshots.size > 0) return 'a copy is left'
  return [...world.gens.values()].every(({ sealed }) => sealed) ? null : 'half a generation is left'
}

function isTold({ state, done }: World, plot: Plot): boolean {
  const there = state.pointer?.release
  switch (plot) {
    case 'good':
      return there === releaseB
    case 'shadow':
      return state.op?.verdicts !== null && state.op?.turn === 'no'
    case 'bad':
      return isQuarantined(state, releaseB) || (state.op === null && there === releaseB)
    case 'undo':
    case 'loss':
      return isQuarantined(state, releaseB)
    case 'crash':
      return state.op?.state === 'stuck' || isQuarantined(state, releaseB)
    default:
      return done.length === 0
  }
}

function crash(world: World): void {
  for (const name of ['a', 'b'] as const) {
    if (world.procs[name]?.release === releaseB) world.exit(name)
  }
}
