import { existsSync } from 'node:fs'
import test, { type TestContext } from 'brittle'
import type { Event } from '../../lib/cutover/index.ts'
import type { Pair } from '../../lib/records/index.ts'
import { Lab, one, skip, two } from './state-lab.ts'

interface OnTrial {
  readonly lab: Lab
  readonly from: Pair
  readonly to: Pair
}

/** The second version on trial, on state of its own that it has written to. */
async function onTrial(t: TestContext, state: object, down = 'tools/down.js'): Promise<OnTrial> {
  const lab = await Lab.open(t)
  const from = await lab.first({ ada: 'Ada', bob: 'Bob' })
  const migrate = { run: ['node', 'tools/migrate.js'], down: ['node', down], timeout: 20 }
  const kinds = { users: { is: 'durable' }, profiles: { is: 'durable' } }
  const all = { class: 'snapshot', schema: 2, from: [1], kinds, ...state }
  await lab.place(two, 'stateful-2', { change: { state: all, migrate } })
  t.is((await lab.prepare(2, two, from)).tag, 'prepared')
  const sealed = await lab.state.perform({ tag: 'migrate', op: 2, release: two, from })
  if (sealed.tag !== 'sealed') throw new Error(JSON.stringify(sealed))
  const prev = { ...from, back: 'snapshot' as const }
  await lab.flip({ op: 2, release: two, gen: sealed.gen, phase: 'trial', prev })
  lab.store(two, sealed.gen).add('eve', 'Eve')
  return { lab, from, to: { release: two, gen: sealed.gen } }
}

async function back({ lab, from, to }: OnTrial): Promise<Event> {
  return await lab.state.perform({ tag: 'down', op: 2, release: two, from: to, to: from })
}

test(
  'what was written since the hand-over comes back with the version before',
  { skip },
  async (t) => {
    const trial = await onTrial(t, { downTo: [1] })
    const { lab, from, to } = trial
    t.alike(await back(trial), { tag: 'sealed', op: 2, gen: '1-3' })
    const store = lab.store(one, '1-3')
    t.alike([store.ids(), store.get('eve')], [['ada', 'bob', 'eve'], 'Eve'])
    t.is((await lab.home.gens.metaOf('1-3'))?.from, to.gen, 'a third generation')
    await lab.flip({ op: 2, release: one, gen: '1-3', phase: 'committed', prev: null })
    await lab.files.perform({ tag: 'gc', keep: [one] })
    t.alike(await lab.home.gens.rejected(), [to.gen], 'with the profiles that nobody reads now')
    t.ok(existsSync(lab.home.gens.path(to.gen)))
    t.absent(existsSync(lab.home.gens.path(from.gen)))
  }
)

test(
  'without a way down the state before is had again only where a loss is accepted',
  { skip },
  async (t) => {
    const closed = await onTrial(t, {})
    t.alike(await back(closed), { tag: 'failed', op: 2, reason: 'migrate' })
    t.alike(closed.lab.store(two, closed.to.gen).ids(), ['ada', 'bob', 'eve'], 'it is still there')
    const open = await onTrial(t, { lossOk: true })
    t.alike(await back(open), { tag: 'sealed', op: 2, gen: open.from.gen })
    const before = open.lab.store(one, open.from.gen)
    t.alike(before.ids(), ['ada', 'bob'], 'it was never touched')
    await open.lab.flip({ op: 2, ...open.from, phase: 'committed', prev: null })
    t.alike(await open.lab.home.gens.rejected(), [open.to.gen], 'what stays behind is kept')
  }
)

test('a way down that fails is no way, and what it made is gone', { skip }, async (t) => {
  const trial = await onTrial(t, { downTo: [1] }, 'tools/no-such.js')
  t.alike(await back(trial), { tag: 'failed', op: 2, reason: 'migrate' })
  t.absent(existsSync(trial.lab.home.gens.path('1-3')))
  t.ok(existsSync(trial.lab.home.gens.path(trial.to.gen)))
  const accepted = await onTrial(t, { downTo: [1], lossOk: true }, 'tools/no-such.js')
  t.alike(await back(accepted), { tag: 'sealed', op: 2, gen: accepted.from.gen })
})

test('where the generation never changed, the code alone goes back', async (t) => {
  const lab = await Lab.open(t)
  const from = await lab.first({ ada: 'Ada' })
  await lab.place(two, 'stateful-1')
  await lab.prepare(2, two, from)
  const to = { release: two, gen: from.gen }
  const event = await lab.state.perform({ tag: 'down', op: 2, release: two, from: to, to: from })
  t.alike(event, { tag: 'sealed', op: 2, gen: from.gen })
  const prev = { ...from, back: 'code' as const }
  await lab.flip({ op: 2, ...to, phase: 'trial', prev })
  await lab.flip({ op: 2, ...from, phase: 'committed', prev: null })
  t.alike(await lab.home.gens.rejected(), [], 'nothing is left behind')
})
