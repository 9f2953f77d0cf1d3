// Two nodes and a publisher, all of them processes: one node runs the version before, the other has
// nothing, and each takes the way that costs it least.
import test from 'brittle'
import { writeFile } from 'node:fs/promises'
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
  plan,
  seed,
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

interface Fetched {
  readonly route: unknown
  readonly bytes: number
}

/** How its trees came, by the node's own log. */
async function fetches(member: Member): Promise<readonly Fetched[]> {
  const said = (await events(member, 'fetched')).filter(({ route }) => route !== undefined)
  return said.map(({ route, bytes }) => ({ route, bytes: Number(bytes) }))
}

test('a node that runs takes the patch, a new one the whole', { timeout: 240_000 }, async (t) => {
  const world = await openWorld(t, 2)
  const { ceremony, fleet } = world
  const [running, fresh] = fleet.members
  if (running === undefined || fresh === undefined) throw new Error('two nodes are laid out')
  await installFirst(world, await layLarge(world, 1), [running])
  const [whole] = await fetches(running)
  t.is(whole?.route, 'chunks')
  t.ok((whole?.bytes ?? 0) > 500_000, `the first install took ${whole?.bytes} bytes`)

  const second = await layLarge(world, 2)
  await ceremony.release(second, { plan, seeds: 0 })
  seed(world)
  await until(fleet, 'the update', () => isSettled(second)(running))
  const update = (await fetches(running)).at(-1)
  t.is(update?.route, 'patch')
  t.ok((update?.bytes ?? Infinity) < (whole?.bytes ?? 0) / 10, `the update ${update?.bytes}`)

  fleet.start(fresh)
  await until(fleet, 'the first install of a new node', () => isSettled(second)(fresh))
  const [install] = await fetches(fresh)
  t.is(install?.route, 'chunks', 'it had nothing that a patch could start from')
  t.ok((install?.bytes ?? 0) > 500_000, `it took ${install?.bytes} bytes`)
})
