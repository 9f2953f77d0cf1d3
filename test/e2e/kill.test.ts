// A daemon that dies by SIGKILL at every edge of an upgrade, under steady load.
import test from 'brittle'
import { join } from 'node:path'
import { get } from 'node:http'
import { connect } from 'node:net'
import { EDGES } from '../../lib/cutover/index.ts'
import { socketPath, type LauncherView } from '../../lib/host/index.ts'
import { onLines, sendLine } from '../../lib/host/launcher/lines.ts'
import type { Member } from '../demo/fleet.ts'
import { Load } from '../demo/load.ts'
import { startScript } from '../demo/proc.ts'
import {
  events,
  installFirst,
  layApp,
  openWorld,
  phaseOf,
  plan,
  runFiles,
  runs,
  until
} from './world.ts'

/** Every edge that an upgrade passes when it goes well. */
const edges = [1, 2, 3, 4, 6, 7, 13, 14, 15, 16, 17, 18] as const

test(
  'a daemon killed at every edge of an upgrade ends upgraded; app and requests never notice',
  { timeout: 300_000 },
  async (t) => {
    const world = await openWorld(t, 3)
    const { ceremony, fleet } = world
    const [first, second] = [await layApp(world, '1.0.0'), await layApp(world, '2.0.0')]
    await installFirst(world, first)
    const victim = fleet.members[0]!
    await fleet.stopOne(victim)
    mortal(victim)
    await until(fleet, 'start of the mortal node', () => (victim.status?.peers ?? 0) > 0)
    const load = new Load([victim.port], 25)
    load.start()
    t.teardown(async () => await load.stop())
    const seen = new Map<string, Set<string>>()
    const look = async (): Promise<void> => {
      const { body, pid } = await ask(victim.port)
      const pids = seen.get(body) ?? new Set()
      seen.set(body, pids.add(pid))
    }
    await look()

    const release = await ceremony.release(second, { plan, seeds: 2 })
    const isOver = async (): Promise<boolean> => {
      await look()
      const killed = await runFiles(victim, 'crashed-')
      return killed.length === edges.length && phaseOf(victim, release) === 'completed'
    }
    await until(fleet, 'upgrade through all deaths', isOver, 120_000)
    await load.stop()

    t.ok(fleet.members.every(runs(second)))
    const passed = new Set((await events(victim, 'edge')).map(({ edge }) => Number(edge)))
    const killed = await runFiles(victim, 'crashed-')
    t.alike(
      killed.toSorted(),
      edges.map((edge) => `crashed-${edge}-1`).toSorted(),
      `it died after ${edges.map((edge) => EDGES[edge]).join(', ')}`
    )
    t.absent(passed.has(31), 'nothing was taken back')
    t.is(seen.get('1.0.0')?.size, 1, 'the old version kept its process to the end')
    t.is(seen.get('2.0.0')?.size, 1, 'the new version kept its process from the flip on')
    t.is(victim.status?.app?.restarts, 0)
    t.is(String(victim.status?.app?.pid), [...(seen.get('2.0.0') ?? [])][0])
    const reasons = [...load.tallies[0]!.reasons].join('; ')
    t.is(load.lost, 0, `${load.answered} requests answered, ${load.lost} lost ${reasons}`)
    const { daemonStarts } = await launcherOf(victim)
    t.is(daemonStarts, 1 + edges.length, 'one start after each death, and no other')
  }
)

/** Runs a node whose daemon dies once after each edge. */
function mortal(member: Member): void {
  const { home } = member
  const program = join(import.meta.dirname, '..', '..', 'bin', 'ota-node.js')
  const daemon = [process.execPath, program, 'daemon', '--home', home]
  const wish = edges.map((edge) => `${edge}:1`).join(',')
  member.launcher = startScript(join(import.meta.dirname, 'launch.js'), [home, ...daemon], {
    cwd: home,
    logFile: join(home, 'node.log'),
    env: { OTA_CRASH_AFTER_EDGE: wish }
  })
}

/** What the launcher says of itself. */
async function launcherOf({ home }: Member): Promise<LauncherView> {
  return await new Promise((resolve, reject) => {
    const socket = connect(socketPath(join(home, 'run'), 'launcher.sock'))
    socket.on('error', reject)
    socket.on('connect', () => sendLine(socket, { id: 1, do: 'list' }))
    onLines(socket, (value) => {
      socket.destroy()
      // The launcher is our own program.
      resolve(value as unknown as LauncherView)
    })
  })
}

/** Which version answers, and from which process. */
async function ask(port: number): Promise<{ readonly body: string; readonly pid: string }> {
  return await new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/', agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ body, pid: String(response.headers['x-pid']) }))
      response.on('error', reject)
    }).on('error', reject)
  })
}
