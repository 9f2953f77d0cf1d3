// The publisher is lost as soon as two nodes hold a release; later these two are gone as well.
import test from 'brittle'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { prose } from '../artifact/trees.ts'
import type { Member } from '../demo/fleet.ts'
import type { Shipped } from '../demo/releases.ts'
import {
  events,
  installFirst,
  isSettled,
  layApp,
  openWorld,
  phaseOf,
  plan,
  until,
  type World
} from './world.ts'

const programBytes = 2_000_000

/** The app with a program of 2 MB beside it, of which each version spoils other bytes. */
async function layLarge(world: World, version: number): Promise<Shipped> {
  const shipped = await layApp(world, `${version}.0.0`)
  const text = prose(programBytes, 17)
  for (let at = version * 37; at < programBytes; at += 50_001) text[at] = 64 + version
  await writeFile(join(shipped.folder, 'program.txt'), text)
  return shipped
}

async function routesOf(member: Member): Promise<readonly unknown[]> {
  return (await events(member, 'fetched')).flatMap(({ route }) =>
    route === undefined ? [] : [route]
  )
}

/** How making its core whole went, newest last. */
async function seedings(member: Member): Promise<readonly unknown[]> {
  return (await events(member, 'seeding')).map(({ result }) => result)
}

test(
  'S108 S109 with two copies out the publisher may vanish, and who came by patches serves the rest',
  { timeout: 300_000 },
  async (t) => {
    const world = await openWorld(t, 4)
    const { ceremony, fleet } = world
    const [first, second] = [await layLarge(world, 1), await layLarge(world, 2)]
    const running = fleet.members.slice(0, 3)
    const fresh = fleet.members[3]!
    await installFirst(world, first, running)

    const release = await ceremony.release(second, { plan, seeds: 2 })
    await rm(ceremony.publisher.home, { recursive: true })
    const isOver = (): boolean =>
      running.every((one) => isSettled(second)(one) && phaseOf(one, release) === 'completed')
    await until(fleet, 'the rollout without its publisher', isOver, 120_000)
    for (const member of running) {
      t.is((await routesOf(member)).at(-1), 'patch', `node ${member.index} came by patch`)
    }
    await until(fleet, 'cores made whole', async () => {
      const all = await Promise.all(running.map(seedings))
      return all.every((results) => results.length >= 2)
    })
    for (const member of running) {
      const result = (await seedings(member)).at(-1)
      t.ok(result === 'rebuilt' || result === 'whole', `node ${member.index}: ${String(result)}`)
    }

    const [last, ...others] = running.toReversed()
    for (const member of others) await fleet.stopOne(member)
    fleet.start(fresh)
    await until(fleet, 'a newcomer at the last node', () => isSettled(second)(fresh), 120_000)
    // The publisher is gone and the others are stopped: what it took, it took from the last one.
    // It may hear of the first release's end before the second's, and go there by both.
    const [came] = await routesOf(fresh)
    t.is(came, 'chunks', 'its first bytes are chunks that a node made whole again after a patch')
    t.ok(isSettled(second)(last!))
  }
)
