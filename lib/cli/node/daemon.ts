import { join } from 'node:path'
import { OtaError, type Log } from '../../base/index.ts'
import { ControlServer, type Controlled } from '../../control/index.ts'
import {
  findUser,
  Machine,
  socketPath,
  SourceBuilder,
  type LocalApp,
  type ReleaseFacts
} from '../../host/index.ts'
import { Node, Said, type NodeOptions } from '../../node/index.ts'
import { fromName, releaseOf } from '../../trust/index.ts'
import { VERSION } from '../version.ts'
import { Bundles } from './bundle/daemon.ts'
import { platform, shelfOf } from './bundle/shelf.ts'
import { controlledBy } from './controlled.ts'
import type { NodeConfig } from './config/schema.ts'
import { localApp } from './config/local.ts'
import { zoneOffset } from './config/zone.ts'
import { takerOf } from './mirrors.ts'
import { machineView, type MachineNames } from './machine.ts'
import { unfitText } from './unfit.ts'
import { Parts, readGround, storeOf, wireOf, type Ground } from './ground.ts'

/**
 * The daemon of one home: makes the real things and hands them to the conductor. The app runs
 * before the network is touched. Resolves when `signal` fires or something broke for good; rejects
 * with what broke.
 */
export async function runDaemon(
  home: string,
  config: NodeConfig,
  given: {
    readonly log: Log
    readonly signal: AbortSignal
    readonly rest: readonly string[] | null
  }
): Promise<void> {
  const { log, signal, rest } = given
  const ground = await readGround(home, config, log)
  const broken = new AbortController()
  const end = (error: unknown): void => broken.abort(error)
  const local = localApp(config, rest)
  const parts = new Parts(async (own) => await openParts(ground, { own, local, end }))
  try {
    await parts.ready()
    await Promise.race([aborted(broken.signal), aborted(signal)])
    broken.signal.throwIfAborted()
  } finally {
    await parts.close()
  }
}

interface Opening {
  readonly own: <T extends { close(): unknown }>(thing: T) => T
  readonly local: LocalApp
  readonly end: (error: unknown) => void
}

async function openParts(ground: Ground, { own, local, end }: Opening): Promise<void> {
  const { clock, disk, log, home, authority, pool, identity, config, join: told } = ground
  const user = config.app.user === null ? null : await findUser(config.app.user)
  const machine = new Machine(clock, disk, log, {
    home,
    user,
    local: () => local,
    facts,
    release: (name) => factsOf(ground, name),
    crashAfter: process.env['OTA_CRASH_AFTER_EDGE'],
    onLost: () => end(new OtaError('INTERNAL', 'the launcher is gone'))
  })
  own(machine)
  await machine.ready()
  const said = await Said.open(disk, join(home, 'daemon', 'said'), {
    network: told.network,
    pair: identity.pair
  })
  const store = storeOf(ground)
  const running = () => runningOf(ground, node.runs())
  const wire = await wireOf(ground, { running })
  const builder = config.policy.build ? new SourceBuilder(disk) : null
  const lacks = { disk, home: machine.home, local, facts }
  const node: Node = new Node(
    { clock, disk, log },
    {
      unfitText: async (name) => await unfitText(name, lacks),
      authority,
      pool,
      said,
      machine,
      store,
      wire,
      builder
    },
    optionsOf(ground),
    end
  )
  own(node)
  await node.ready()
  const shelf = shelfOf(ground, store, (bytes) => wire.publish(bytes))
  const { channel } = config
  const came = async (names: readonly string[]) => await node.cameByFile(names)
  const bundles = new Bundles(shelf, { channel, came })
  const { mirrors } = ground
  const seen = { disk, home: machine.home, user, launcherPid: process.ppid }
  const look = async (names: MachineNames) => await machineView(seen, names)
  const around = { clock, identity, authority, pool, store, wire, mirrors, machine: look }
  const control: Controlled = controlledBy(node, around, bundles)
  const server = new ControlServer(control, socketPath(join(home, 'run'), 'ctl.sock'))
  own(server)
  await server.ready()
  own(store)
  await store.ready()
  own(wire)
  await wire.ready()
  await node.attach()
  bundles.open()
  own(ground.mirrors)
  await ground.mirrors.ready()
  ground.mirrors.follow(takerOf(ground, wire))
  log('ready', { address: wire.address() ?? '', release: node.runs() })
}

const facts = {
  platform: process.platform,
  arch: process.arch,
  node: process.versions.node,
  daemon: VERSION
}

/** Who this node is, and what its operator set in the configuration. */
function optionsOf({ config, identity, join: told }: Ground): NodeOptions {
  const { policy } = config
  return {
    network: told.network,
    pair: identity.pair,
    membership: identity.membership,
    platform,
    channel: config.channel,
    tier: policy.tier,
    level: config.level,
    attest: policy.attest,
    windows: policy.windows,
    zone: zoneOffset,
    urgentWaits: policy.urgent === 'no',
    consent: policy.consent,
    jitterMs: policy.jitter ?? 0,
    daemon: VERSION,
    pids: { daemon: process.pid, launcher: process.ppid }
  }
}

function factsOf({ authority }: Ground, name: string): ReleaseFacts | null {
  const known = releaseOf(authority.believed, fromName(name))
  const found = known?.body.artifacts.find(
    (artifact) => artifact.platform === platform && artifact.component === ''
  )
  return found ?? null
}

function runningOf({ authority }: Ground, release: string | null) {
  const known = release === null ? null : releaseOf(authority.believed, fromName(release))
  if (known === null) return null
  const { channel, epoch, seq } = known.body
  return { channel, epoch, seq }
}

/** Resolves at the signal. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
