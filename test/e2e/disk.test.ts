// A node whose disk is full when a release comes: the fleet goes on, the node does once there
// is space, in the same process.
import test, { type TestContext } from 'brittle'
import { execFileSync } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MIB, MINUTE } from '../../lib/base/index.ts'
import { realDisk } from '../../lib/host/index.ts'
import type { Member } from '../demo/fleet.ts'
import {
  installFirst,
  isSettled,
  layApp,
  openWorld,
  plan,
  runs,
  seed,
  until,
  type World
} from './world.ts'

/** A disk of its own for the home of a node; false where none can be mounted. */
async function ownDisk(t: TestContext, { fleet }: World, member: Member): Promise<boolean> {
  const { home } = member
  const config = await readFile(join(home, 'ota-node.toml'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m,mode=711', 'tmpfs', home], {
      stdio: 'ignore'
    })
  } catch {
    return false
  }
  const away = (): void => {
    execFileSync('umount', ['-l', home])
  }
  process.prependOnceListener('exit', away)
  t.teardown(
    async () => {
      await fleet.stopOne(member)
      process.off('exit', away)
      away()
    },
    { order: 8 }
  )
  await writeFile(join(home, 'ota-node.toml'), config)
  return true
}

async function fill(member: Member, leave: number): Promise<string> {
  const file = join(member.home, 'filler')
  const free = await realDisk().freeBytes(member.home)
  await writeFile(file, new Uint8Array(free - leave))
  return file
}

test(
  'S75 a full disk is named, keeps what runs, and is no matter any more once there is space',
  { timeout: 240_000 },
  async (t) => {
    const world = await openWorld(t, 3)
    const { ceremony, fleet } = world
    const [first, second] = [await layApp(world, '1.0.0'), await layApp(world, '2.0.0')]
    const poor = fleet.members[0]!
    const rest = fleet.members.slice(1)
    if (!(await ownDisk(t, world, poor))) {
      t.comment('skipped: no disk can be mounted here')
      return
    }
    const ahead = join(world.root, 'ahead')
    const later = pathToFileURL(join(import.meta.dirname, 'later.js')).href
    const env = { NODE_OPTIONS: `--import ${later}`, OTA_TEST_AHEAD: ahead }
    await installFirst(world, first, rest)
    fleet.start(poor, env)
    await until(fleet, 'first install', () => isSettled(first)(poor))
    const { daemon } = poor.status!.pids
    const app = poor.status!.app!.pid

    const filler = await fill(poor, 20 * MIB)
    await ceremony.release(second, { plan, seeds: 2 })
    seed(world)
    const holds = (): boolean => poor.status?.quarantine.some(({ why }) => why === 'host') === true
    await until(fleet, 'the full disk to be told', holds, 120_000)
    await until(fleet, 'the others', () => rest.every(runs(second)), 120_000)
    t.ok(isSettled(first)(poor), 'it runs what it ran')
    t.is(poor.status?.app?.pid, app)
    t.is(poor.status?.quarantine[0]?.code, 'NO_SPACE', 'and says why')

    await rm(filler)
    await writeFile(ahead, String(31 * MINUTE))
    await until(fleet, 'the upgrade after all', () => isSettled(second)(poor), 120_000)
    t.is(poor.status?.pids.daemon, daemon, 'in the same process')
    t.is(poor.status?.app?.restarts, 0)
  }
)
