import type { TestContext } from 'brittle'
import createTestnet from '@hyperswarm/testnet'
import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { livingPid, signalGroup } from '../../lib/host/launcher/pids.ts'
import { Ceremony } from '../demo/ceremony.ts'
import { Fleet, type Member } from '../demo/fleet.ts'
import { environment, start, stop, stopAll, killAll } from '../demo/proc.ts'
import type { Shipped } from '../demo/releases.ts'

/** Plan *small*, with minutes shortened to what a test can wait for. */
export const plan = {
  policy: 1,
  plan: 'small',
  prefetch: '1s',
  shadow: { policy: 'off' },
  gate: { checkpoints: ['1s', '2s', '4s', '30s', '60s'], settle: '1s', windowsOpen: '1s' },
  deadlines: { download: '60s', migrate: '10s', start: '20s', shadow: '10s', trial: '5s' },
  undoSpread: '1s'
}

/** The app that is shipped: the small server of the fixtures, which answers with its label. */
const app = join(process.cwd(), 'fixtures', 'apps', 'good')

/** Three signers, a network of nodes on this machine, and what must be gone at the end. */
export interface World {
  readonly root: string
  readonly bootstrap: string
  readonly ceremony: Ceremony
  readonly fleet: Fleet
}

/** A folder, a small DHT and a way to lay out nodes; all of it is gone after the test. */
export interface Ground {
  readonly root: string
  readonly bootstrap: string
  readonly layFleet: (inviteFile: string) => Promise<Fleet>
}

/**
 * Whatever a test starts on this ground is gone afterwards, also when it fails and when it runs out
 * of time.
 */
export async function openGround(t: TestContext, nodes: number): Promise<Ground> {
  const root = await mkdtemp(join(tmpdir(), 'upswell-e2e-'))
  const testnet = await createTestnet(6)
  const keeps = process.env['UPSWELL_KEEP'] !== undefined
  const endAll = (): void => {
    killAll()
    endGroups(homesOf(root, nodes))
    if (!keeps) rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  }
  // brittle ends the process when a test throws or is late, before any teardown
  process.once('exit', endAll)
  let fleet: Fleet | null = null
  t.teardown(
    async () => {
      await fleet?.stop()
      await stopAll()
      process.off('exit', endAll)
      endAll()
      await testnet.destroy()
    },
    { order: 9 }
  )
  const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
  const layFleet = async (inviteFile: string): Promise<Fleet> => {
    fleet = await Fleet.lay({ root, nodes, inviteFile, bootstrap })
    return fleet
  }
  return { root, bootstrap, layFleet }
}

/** A network with `nodes` homes of which none runs yet. */
export async function openWorld(t: TestContext, nodes: number): Promise<World> {
  const { root, bootstrap, layFleet } = await openGround(t, nodes)
  const ceremony = await Ceremony.found(root, bootstrap)
  await ceremony.invite(nodes)
  return { root, bootstrap, ceremony, fleet: await layFleet(ceremony.inviteFile) }
}

function homesOf(root: string, nodes: number): readonly string[] {
  return Array.from({ length: nodes }, (_, index) => join(root, `node-${index}`))
}

/** Daemons and apps lead groups of their own: a launcher that was killed leaves them behind. */
function endGroups(homes: readonly string[]): void {
  for (const home of homes) {
    for (const name of ['daemon', 'a', 'b']) {
      const pid = livingPid(join(home, 'run', 'pids'), name)
      if (pid !== null) signalGroup(pid, 'SIGKILL')
    }
  }
}

/** Lays out a version of the app: two files, ready in a moment. */
export async function layApp(world: Pick<World, 'root'>, label: string): Promise<Shipped> {
  const folder = join(world.root, 'releases', label)
  await mkdir(folder, { recursive: true })
  await cp(join(app, 'server.js'), join(folder, 'server.js'))
  const fixture = JSON.parse(await readFile(join(app, 'ota.json'), 'utf8')) as {
    readonly health: object
    readonly handover: object
  }
  const otaJson = {
    ...fixture,
    version: label,
    start: ['node', 'server.js', '${PORT}', label],
    startTimeout: 30,
    health: { ...fixture.health, interval: 0.5, badFor: 5 },
    handover: { ...fixture.handover, linger: 1.5, drainMax: 10 }
  }
  await writeFile(join(folder, 'ota.json'), JSON.stringify(otaJson))
  return { label, folder }
}

/** The publisher serves what it released until it is stopped. */
export function seed({ ceremony }: World, home = ceremony.publisher.home): ChildProcess {
  return start('ota-publish', ['seed', ...ceremony.network], {
    cwd: home,
    logFile: join(home, 'seed.log'),
    env: environment({ home, passphrase: '' })
  })
}

/** Publishes the first release and lets these nodes install it; nobody but they carries it then. */
export async function installFirst(
  world: World,
  shipped: Shipped,
  members: readonly Member[] = world.fleet.members
): Promise<string> {
  const release = await world.ceremony.release(shipped, { plan, seeds: 0 })
  const seeder = seed(world)
  for (const member of members) world.fleet.start(member)
  await until(world.fleet, 'first install', () => members.every(isSettled(shipped)), 120_000)
  await stop(seeder, 8_000)
  return release
}

/** Looks at the whole fleet until `reached`; throws with what it saw when that takes too long. */
export async function until(
  fleet: Fleet,
  what: string,
  reached: () => boolean | Promise<boolean>,
  withinMs = 60_000
): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    await fleet.refresh()
    if (await reached()) return
    if (performance.now() > deadline) {
      const logs = await Promise.all(fleet.members.map(lastWords))
      const seen = `${summary(fleet)}\n${logs.join('\n')}`
      throw new Error(`${what} did not come about in ${withinMs / 1_000} s: ${seen}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

export function runs({ label }: Pick<Shipped, 'label'>): (member: Member) => boolean {
  return ({ status }) => status?.running?.label === label
}

/** It runs that version, and no upgrade is under way any more. */
export function isSettled(shipped: Pick<Shipped, 'label'>): (member: Member) => boolean {
  return (member) => runs(shipped)(member) && member.status?.state === 'idle'
}

export function phaseOf({ status }: Member, release: string): string {
  return status?.rollout?.release === release ? status.rollout.phase : ''
}

/** Events of a node's log with this name. */
export async function events(
  { home }: Member,
  name: string
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const text = await readFile(join(home, 'node.log'), 'utf8')
  const lines = text.split('\n').filter((line) => line.startsWith('{"ts"'))
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event === name)
}

/** Names in `run/` of a home that begin so. */
export async function runFiles({ home }: Member, prefix: string): Promise<readonly string[]> {
  return (await readdir(join(home, 'run'))).filter((name) => name.startsWith(prefix))
}

/** The end of what a node logged, for whoever reads why a test failed. */
async function lastWords({ index, home }: Member): Promise<string> {
  const log = await readFile(join(home, 'node.log'), 'utf8').catch(() => '')
  const lines = log.trim().split('\n').slice(-12)
  return lines.map((line) => `  ${index}: ${line.slice(0, 240)}`).join('\n')
}

function summary({ members }: Fleet): string {
  const each = members.map(({ index, status }) => {
    const rollout = status?.rollout
    const doing = `${status?.state ?? 'down'}, ${rollout?.label ?? ''} ${rollout?.phase ?? ''}`
    const ill = status?.quarantine.map(({ code, why }) => `${why} ${code}`).join() ?? ''
    return `${index}: ${status?.running?.label ?? 'nothing'} (${doing}) ${ill}`
  })
  return each.join('; ')
}
