// The publisher's machine is lost after two full copies, and a second one with its keys appends to
// the same feed: two branches, both signed with the feed's key.
import test from 'brittle'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { publish } from '../demo/proc.ts'
import type { Shipped } from '../demo/releases.ts'
import {
  events,
  installFirst,
  layApp,
  openWorld,
  phaseOf,
  plan,
  runs,
  seed,
  until,
  type World
} from './world.ts'

test(
  'a rollout ends without its publisher, whose feed is forked',
  { timeout: 240_000 },
  async (t) => {
    const world = await openWorld(t, 4)
    const { ceremony, fleet } = world
    const [first, second] = [await layApp(world, '1.0.0'), await layApp(world, '2.0.0')]
    await installFirst(world, first)
    const twin = await twinOf(world, first)

    const release = await ceremony.release(second, { plan, seeds: 2 })
    const serving = seed(world)
    await until(fleet, 'the release to be known', () =>
      fleet.members.some((member) => phaseOf(member, release) !== '')
    )
    await kill(serving)
    await rm(ceremony.publisher.home, { recursive: true })
    t.absent(fleet.members.every(runs(second)), 'the rollout is under way')

    seed(world, twin)
    await until(fleet, 'rollout', () =>
      fleet.members.every(
        (member) => runs(second)(member) && phaseOf(member, release) === 'completed'
      )
    )
    t.pass('every node upgraded and saw the rollout end')
    const forked = async (): Promise<number> => {
      const found = await Promise.all(
        fleet.members.map(async (member) => await events(member, 'alarm'))
      )
      return found.filter((alarms) => alarms.some(({ code }) => code === 'FEED_FORK')).length
    }
    await until(fleet, 'alarm', async () => (await forked()) > 0)
    t.comment(`${await forked()} of ${fleet.members.length} nodes met both branches`)
    const alarmed = fleet.members.filter(({ status }) => status?.alarms.includes('FEED_FORK'))
    t.ok(alarmed.length > 0, 'and status says so')
    t.ok(fleet.members.every(runs(second)), 'an alarm, never an outage')
  }
)

/**
 * The publisher on a second machine, with all keys and statements but a store of its own: offline
 * it cannot know that the feed is longer, and appends what its owner never appended.
 */
async function twinOf({ root, ceremony }: World, shipped: Shipped): Promise<string> {
  const home = join(root, 'twin')
  await cp(ceremony.publisher.home, home, { recursive: true })
  await rm(join(home, 'state', 'upswell', 'publish', 'store'), { recursive: true })
  const twin = { ...ceremony.publisher, home }
  const request = join(root, 'other.req')
  const channel = ['--channel', 'other', '--kind', 'code', '--plan', 'small']
  const pack = join(root, 'other.pack')
  await publish(twin, ['pack', shipped.folder, '-o', pack])
  await publish(twin, ['propose', pack, ...channel, '-o', request])
  const answers: string[] = []
  for (const [index, person] of [twin, ceremony.person(1)].entries()) {
    const answer = `${request}.${index}.sig`
    await publish(person, ['sign', request, '--passphrase-fd', '3', '-o', answer])
    answers.push(answer)
  }
  await publish(twin, ['commit', request, ...answers, '--alone'])
  return home
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
