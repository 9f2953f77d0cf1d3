/**
 * A real program with state of its own on a real node: Verdaccio of the npm registry goes through
 * two versions, the second of which keeps its secret in another form, and meets a third that cannot
 * start on this Node. What people published has to be there all along. It installs from the
 * registry, so it is a command of its own.
 */
import createTestnet from '@hyperswarm/testnet'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ceremony } from '../demo/ceremony.ts'
import { Fleet, type Member } from '../demo/fleet.ts'
import { stop, stopAll } from '../demo/proc.ts'
import type { Shipped } from '../demo/releases.ts'
import { isSettled, plan, seed, until } from '../e2e/world.ts'
import { layVersion, versions, whyNoRegistry } from './packages.ts'
import { Registry } from './registry.ts'
import { Visitor } from './visitor.ts'

const patienceMs = 300_000

interface Ground {
  readonly root: string
  readonly bootstrap: string
  fleet: Fleet | null
}

/** Release one version, and wait for what has to come of it. */
type Ship = (shipped: Shipped, reached: (member: Member) => boolean) => Promise<string>

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it does not hold that ${what}`)
  say(`  ok  ${what}`)
}

async function accept(ground: Ground): Promise<void> {
  const shipped: Shipped[] = []
  for (const version of versions) {
    shipped.push(await layVersion(join(ground.root, 'releases'), version))
    say(`verdaccio ${version.version} is installed from the registry`)
  }
  const [first, second, third] = shipped
  if (first === undefined || second === undefined || third === undefined) return
  const ceremony = await Ceremony.found(ground.root, ground.bootstrap)
  await ceremony.invite(1)
  const { root, bootstrap } = ground
  const fleet = await Fleet.lay({ root, nodes: 1, inviteFile: ceremony.inviteFile, bootstrap })
  ground.fleet = fleet
  const [member] = fleet.members
  if (member === undefined) return
  const ship: Ship = async (version, reached) => {
    say(`packing, signing and publishing ${version.label}`)
    const release = await ceremony.release(version, { plan, seeds: 0 })
    const seeder = seed({ ...ground, ceremony, fleet })
    await until(fleet, version.label, () => reached(member), patienceMs)
    await stop(seeder, 8_000)
    return release
  }
  fleet.start(member)
  await live(new Registry(member.port), { ship, member }, [first, second, third])
}

/** What people do while versions come and go. */
async function live(
  registry: Registry,
  node: { readonly ship: Ship; readonly member: Member },
  [first, second, third]: readonly [Shipped, Shipped, Shipped]
): Promise<void> {
  const { ship, member } = node
  await ship(first, isSettled(first))
  say(`${first.label} runs`)
  await registry.publish('alpha', await registry.login('alice', 'new'))
  must(await registry.holds('alpha'), 'alice has an account and has published alpha')
  const visitor = new Visitor(registry)
  visitor.start()
  await ship(second, isSettled(second))
  say(`${second.label} runs`)
  must(await registry.holds('alpha'), 'alpha is there, as it was published')
  await registry.publish('beta', await registry.login('alice', 'known'))
  must(await registry.holds('beta'), 'alice logs in with her password and has published beta')
  const bad = await ship(third, (seen) => {
    return isSettled(second)(seen) && seen.status?.quarantine.length === 1
  })
  const [quarantined] = member.status?.quarantine ?? []
  say(`${third.label} was taken back: ${quarantined?.code ?? ''} (${quarantined?.why ?? ''})`)
  must(quarantined?.release === bad, `${third.label} is in quarantine, and ${second.label} runs`)
  must((await registry.holds('alpha')) && (await registry.holds('beta')), 'both packages are there')
  await registry.publish('gamma', await registry.login('alice', 'known'))
  must(await registry.holds('gamma'), 'and alice has published gamma')
  const { asked, lost, longestMs } = await visitor.stop()
  say(`${asked} requests all along, the longest waited ${longestMs} ms`)
  must(lost === 0, 'none of them was lost')
}

async function main(): Promise<number> {
  const none = await whyNoRegistry()
  if (none !== null) {
    say(`skipped: the npm registry cannot be asked for verdaccio: ${none}`)
    return 0
  }
  const begun = performance.now()
  const testnet = await createTestnet(6)
  const root = await mkdtemp(join(tmpdir(), 'upswell-acceptance-'))
  const bootstrap = testnet.bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
  const ground: Ground = { root, bootstrap, fleet: null }
  let failed: string | null = null
  try {
    await accept(ground)
  } catch (error) {
    failed = error instanceof Error ? error.message : String(error)
  }
  await ground.fleet?.stop()
  await stopAll()
  await testnet.destroy()
  if (process.env['UPSWELL_KEEP'] !== undefined) say(`kept: ${root}`)
  else await rm(root, { recursive: true, force: true, maxRetries: 5 })
  if (failed !== null) process.stderr.write(`acceptance: error: ${failed}\n`)
  say(`${failed === null ? 'accepted' : 'not accepted'}, ${seconds(begun)} s`)
  return failed === null ? 0 : 1
}

function seconds(begun: number): number {
  return Math.round((performance.now() - begun) / 1_000)
}

process.exitCode = await main()
