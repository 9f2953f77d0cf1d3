// A crowd of viewers hears one rollout, each in an order of its own, some of it twice, some of it
// much later: in the end all of them hold the same integers, and so the same verdict.
import test from 'brittle'
import { toHex } from '../../lib/base/index.ts'
import { Pool, type Fold } from '../../lib/crowd/index.ts'
import type { Evidence } from '../../lib/records/index.ts'
import { simEpochMs, SimDice } from '../../lib/sim/index.ts'
import { crash, patient, replay, seedFor, worldOf } from './fleets.ts'

const viewers = 20

function shuffled(items: readonly Evidence[], dice: SimDice): Evidence[] {
  const out = [...items]
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(dice.next() * (i + 1))
    const held = out[i]!
    out[i] = out[j]!
    out[j] = held
  }
  return out
}

/** What a verdict is made of, without the moments at which this viewer heard it. */
function bitsOf({ blocks, x, n, failed, done, controlsEnrolled, stages, ...rest }: Fold): string {
  const controls = rest.distinctControls()
  const sorted = stages.filter(Boolean).toSorted((a, b) => a.stage - b.stage)
  return JSON.stringify([blocks, x, n, failed, done, controlsEnrolled, sorted, controls])
}

test('crowds of viewers with shuffled delivery fold one rollout to the same bits', patient, (t) => {
  const seed = seedFor(11)
  const heard: Evidence[] = []
  const world = worldOf({
    seed,
    nodes: 1_000,
    effect: crash(30),
    onSaid: (evidence) => heard.push(evidence)
  })
  const story = world.run()
  const { believed, release } = world.network
  const hex = toHex(release)
  const expected = bitsOf(world.pool.fold(hex))
  const dice = new SimDice(seed)
  const seat = { issuedMs: world.network.seatedMs, operator: 'fleet', lag: 0 } as const
  const nowMs = simEpochMs + story.restedMs
  const wrong: string[] = []
  for (let i = 0; i < viewers; i++) {
    const pool = new Pool(believed, { verify: () => true, seatOf: () => seat })
    const order = shuffled(heard, dice)
    const again = order.filter(() => dice.next() < 0.2)
    // half of them hear a part first and the rest of it after a partition
    const split = i % 2 === 0 ? 0 : Math.floor(order.length * dice.next())
    for (const evidence of [...order.slice(split), ...again, ...order.slice(0, split)]) {
      pool.add(evidence, nowMs)
    }
    const bits = bitsOf(pool.fold(hex))
    if (bits !== expected) wrong.push(`viewer ${i}`)
    if (pool.verdicts(hex).tag !== world.pool.verdicts(hex).tag) wrong.push(`majority at ${i}`)
  }
  t.alike(wrong, [], replay(seed))
  t.ok(heard.length > 1_000, `${heard.length} statements, ${viewers} viewers`)
  t.is(world.pool.verdicts(hex).tag, 'halted', 'who was away learns it from the majority')
})
