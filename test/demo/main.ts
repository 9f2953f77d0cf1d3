/**
 * The main job, end to end, on one machine: three signers publish a real program through the
 * ceremony to real nodes under load; a good release goes through, a bad one is stopped and undone.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import createTestnet from '@hyperswarm/testnet'
import { Ceremony } from './ceremony.ts'
import { Fleet } from './fleet.ts'
import { Load } from './load.ts'
import { readOptions, type Options } from './options.ts'
import { closingRows, judge, type Outcome } from './outcome.ts'
import { stopAll } from './proc.ts'
import { layReleases, type Shipped } from './releases.ts'
import { Rollout } from './rollout.ts'
import { Show } from './show.ts'

/** Everything that must be gone at the end, in the order it goes. */
interface World {
  readonly root: string
  readonly testnet: { destroy(): Promise<void> }
  fleet: Fleet | null
  load: Load | null
}

async function run(
  options: Options,
  show: Show,
  world: World,
  bootstrap: string
): Promise<Outcome> {
  const shipped = await layReleases(join(world.root, 'releases'))
  show.step('three signers make their keys and a network in which any two of them may release', {
    phase: 'ceremony'
  })
  const ceremony = await Ceremony.found(world.root, bootstrap)
  await ceremony.invite(options.nodes)
  const rollout = new Rollout(show, ceremony)
  await rollout.publishFirst(shipped.first, bootstrap)
  world.fleet = await Fleet.launch({
    root: world.root,
    nodes: options.nodes,
    inviteFile: ceremony.inviteFile,
    bootstrap
  })
  await rollout.installed(world.fleet, shipped.first)
  world.load = new Load(
    world.fleet.members.map((member) => member.port),
    250
  )
  world.load.start()
  const good = await shipGood(rollout, world.fleet, world.load, shipped.good)
  const bad = await rollout.bad(world.fleet, world.load, { good: shipped.good, bad: shipped.bad })
  await world.load.stop()
  return judge(options, world.fleet, world.load, { good, bad })
}

async function shipGood(
  rollout: Rollout,
  fleet: Fleet,
  load: Load,
  good: Shipped
): Promise<Outcome['good']> {
  const lostBefore = load.lost
  const seen = await rollout.good(fleet, load, good)
  return { ...seen, lost: load.lost - lostBefore }
}

async function clean(world: World, keep: boolean): Promise<void> {
  await world.load?.stop()
  await world.fleet?.stop()
  await stopAll()
  await world.testnet.destroy()
  if (keep) process.stderr.write(`kept: ${world.root}\n`)
  else await rm(world.root, { recursive: true, force: true, maxRetries: 5 })
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  const show = new Show(options.json)
  const begun = performance.now()
  const testnet = await createTestnet(6)
  const root = await mkdtemp(join(tmpdir(), 'upswell-demo-'))
  const world: World = { root, testnet, fleet: null, load: null }
  let cleaning: Promise<void> | null = null
  const cleanOnce = (): Promise<void> => (cleaning ??= clean(world, options.keep))
  for (const [signal, exit] of [
    ['SIGINT', 130],
    ['SIGTERM', 143]
  ] as const) {
    process.once(signal, () => {
      void cleanOnce().finally(() => process.exit(exit))
    })
  }
  const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
  let failed: string | null = null
  let outcome: Outcome | null = null
  try {
    outcome = await run(options, show, world, bootstrap)
  } catch (error) {
    failed = error instanceof Error ? error.message : String(error)
  }
  await cleanOnce()
  const seconds = Math.round((performance.now() - begun) / 1_000)
  if (outcome !== null) show.table(closingRows(outcome, seconds))
  const ok = outcome?.ok ?? false
  if (failed !== null) process.stderr.write(`demo: error: ${failed}\n`)
  show.final({
    ok,
    code: ok ? null : 'INTERNAL',
    exit: ok ? 0 : 1,
    message: failed,
    hint: null,
    ...outcome,
    seconds
  })
  return ok ? 0 : 1
}

process.exitCode = await main()
