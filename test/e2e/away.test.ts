// Nodes that were not there: one leaves before a release and comes back into the middle of its
// rollout, one comes back when all is over.
import test from 'brittle'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Member } from '../demo/fleet.ts'
import { stop } from '../demo/proc.ts'
import {
  installFirst,
  isSettled,
  layApp,
  openWorld,
  phaseOf,
  plan,
  runs,
  seed,
  until
} from './world.ts'

test(
  'a node that was away for the whole rollout upgrades by itself when it is back',
  { timeout: 240_000 },
  async (t) => {
    const world = await openWorld(t, 4)
    const { ceremony, fleet } = world
    const [first, second] = [await layApp(world, '1.0.0'), await layApp(world, '2.0.0')]
    const [away, late, ...rest] = fleet.members
    // It had its first install and went before any of the others was there.
    await installFirst(world, first, [away!])
    await fleet.stopOne(away!)
    const seeder = seed(world)
    const others = [late!, ...rest]
    for (const member of others) fleet.start(member)
    await until(fleet, 'first install', () => others.every(isSettled(first)))
    await stop(seeder, 8_000)
    await fleet.stopOne(late!)

    const release = await ceremony.release(second, { plan, seeds: 2 })
    await until(fleet, 'rollout without two', () => rest.every(runs(second)))
    t.ok(
      rest.every((member) => phaseOf(member, release) === 'filling'),
      'it waits for the third'
    )
    fleet.start(late!)
    await until(fleet, 'third node', () => runs(second)(late!))
    await until(fleet, 'end of the rollout', () =>
      others.every((member) => phaseOf(member, release) === 'completed')
    )
    await until(fleet, 'verdicts', async () => {
      const said = await Promise.all(others.map(saidCompleted))
      return said.every(Boolean)
    })
    fleet.start(away!)
    await until(fleet, 'the node that was away', () => runs(second)(away!))
    await until(fleet, 'its verdict', () => phaseOf(away!, release) === 'completed')
    t.is(away!.status?.attempts.find((one) => one.release === release)?.count, 1)
    t.ok(fleet.members.every(runs(second)))
  }
)

/** Whether a node has given its verdict on the rollout; its journal has it before it is said. */
async function saidCompleted({ home }: Member): Promise<boolean> {
  const journal = await readFile(join(home, 'journal'), 'utf8')
  return journal.includes(String.raw`\"saidWord\":\"completed\"`)
}
