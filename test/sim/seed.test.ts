// The same seed is the same story, to the last statement; no node is left out of it to save time.
import test from 'brittle'
import { alloc, toHex } from '../../lib/base/index.ts'
import { chance, SimClock, SimDice, summarise } from '../../lib/sim/index.ts'
import { crash, patient, quickStandard, replay, seedFor, worldOf } from './fleets.ts'

function tell(seed: number) {
  const said: string[] = []
  const onSaid = ({ canonical }: { readonly canonical: Uint8Array }) => {
    said.push(toHex(canonical))
  }
  const story = worldOf({ seed, nodes: 300, effect: crash(20), onSaid }).run()
  return { story, said }
}

test('the same seed tells the same story, another seed another', patient, (t) => {
  const seed = seedFor(7)
  const first = tell(seed)
  t.alike(tell(seed), first, replay(seed))
  t.unlike(tell(seed + 1).story.moments, first.story.moments, replay(seed))
  t.ok(first.said.length > 50, `${first.said.length} statements were compared`)
})

test(
  'asking only who acts tells the same story as asking everybody at every event',
  patient,
  (t) => {
    for (const [own, effect] of [[3, crash(1)] as const, [4, crash(8)] as const]) {
      const seed = seedFor(own)
      const options = { seed, nodes: 1_200, effect, policy: quickStandard(1_200) }
      const limitMs = 11 * 3_600_000
      const quick = worldOf({ ...options, limitMs }).run()
      const whole = worldOf({ ...options, limitMs, asksAll: true }).run()
      // the curve is looked at whenever somebody is asked, which is the difference here
      t.alike({ ...quick, curve: [] }, { ...whole, curve: [] }, replay(seed))
    }
  }
)

test('a clock stands still between events and keeps their order', (t) => {
  const clock = new SimClock(1_000)
  const heard: string[] = []
  const note = (word: string) => () => {
    heard.push(`${word} ${clock.wallMs()} ${clock.steadyMs()}`)
  }
  clock.after(30, note('c'))
  clock.after(10, note('a'))
  clock.after(10, note('b'))
  const cancel = clock.after(20, note('never'))
  cancel()
  cancel()
  clock.after(25, () => clock.after(0, note('nested')))
  t.is(clock.wallMs(), 1_000)
  while (clock.step(1_029));
  t.alike(heard, ['a 1010 10', 'b 1010 10', 'nested 1025 25'])
  t.is(clock.step(1_029), false, 'what lies behind the limit waits')
  t.is(clock.step(2_000), true)
  t.is(clock.step(2_000), false, 'nothing is left')
  t.is(clock.wallMs(), 1_030)
  const many = new SimClock(0)
  const order: number[] = []
  for (let i = 0; i < 500; i++) {
    const at = (i * 7_919) % 1_009
    many.after(at, () => order.push(at))
  }
  while (many.step(Infinity));
  t.is(order.length, 500)
  t.alike(
    order,
    order.toSorted((a, b) => a - b)
  )
})

test('dice and draws are even, and each seed has its own', (t) => {
  const dice = new SimDice(5)
  let sum = 0
  for (let i = 0; i < 10_000; i++) sum += dice.next()
  t.ok(sum > 4_800 && sum < 5_200, `mean ${sum / 10_000}`)
  t.alike(new SimDice(5).fill(alloc(16)), new SimDice(5).fill(alloc(16)))
  t.unlike(new SimDice(5).fill(alloc(16)), new SimDice(6).fill(alloc(16)))
  let below = 0
  for (let node = 0; node < 100_000; node++) if (chance(1, node, 3, 0) < 0.01) below++
  t.ok(below > 850 && below < 1_150, `${below} of 100,000 below 1 %`)
  let both = 0
  for (let node = 0; node < 100_000; node++) {
    if (chance(1, node, 3, 0) < 0.1 && chance(1, node, 3, 1) < 0.1) both++
  }
  t.ok(both > 850 && both < 1_150, `${both} of 100,000 below 10 % twice: tries are independent`)
})

test('a summary takes medians of the halted and counts the rest', (t) => {
  const seed = seedFor(1)
  const stories = [1, 2, 3].map((times) =>
    worldOf({ seed: seed + times, nodes: 20, effect: crash(times === 1 ? 1 : 100) }).run()
  )
  const { endings, runs, exposedPpm } = summarise(stories)
  t.is(runs, 3)
  t.is(endings.halted + endings.completed, 3, replay(seed))
  t.ok(endings.halted >= 2, replay(seed))
  t.ok(exposedPpm !== null && exposedPpm >= 50_000, replay(seed))
  t.is(summarise([]).exposedPpm, null)
})
