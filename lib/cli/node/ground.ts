import { join, resolve } from 'node:path'
import {
  equal,
  MINUTE,
  OtaError,
  type Clock,
  type Dice,
  type Disk,
  type Log
} from '../../base/index.ts'
import { Life } from '../../base/life.ts'
import { Authority } from '../../authority/index.ts'
import { Pool } from '../../crowd/index.ts'
import { Mirrors, Store } from '../../feed/index.ts'
import { parseHostPort, Wire } from '../../gossip/index.ts'
import { realClock, realDice, realDisk, windowBits, workAside } from '../../host/index.ts'
import type { Running } from '../../records/index.ts'
import { admittedReleases, parseJoin, type Join } from '../../trust/index.ts'
import type { NodeConfig } from './config/schema.ts'
import { passiveOf } from './passive.ts'
import { identityOf, joinOfInvite, keptPair, readInvite, type Identity } from './identity.ts'

/** Where a node stands before it takes part: what it is told, and who it is. */
export interface Ground {
  readonly home: string
  readonly config: NodeConfig
  readonly clock: Clock
  readonly dice: Dice
  readonly disk: Disk
  readonly log: Log
  readonly join: Join
  readonly identity: Identity
  readonly authority: Authority
  readonly pool: Pool
  /** Not open yet. */
  readonly mirrors: Mirrors
}

/** Reads keys and statements of a home; throws `CONFIG_INVALID` when no network is named. */
export async function readGround(home: string, config: NodeConfig, log: Log): Promise<Ground> {
  const clock = realClock()
  const dice = realDice()
  const disk = realDisk()
  await disk.makeFolder(home, 0o711)
  // In a file the path is the operator's; a relative one starts at the home.
  const path = config.invite === null ? null : resolve(home, config.invite)
  const invite = path === null ? null : await readInvite(disk, path)
  const told = config.network === null ? null : parseJoin(config.network)
  const found = told ?? (invite === null ? null : joinOfInvite(invite))
  if (found === null) {
    throw new OtaError('CONFIG_INVALID', 'no network is named', {
      hint: 'give --network JOIN or --invite FILE, or run: ota-node join JOIN'
    })
  }
  if (invite !== null && !equal(invite.invite.network, found.network)) {
    throw new OtaError('WRONG_NETWORK', `the invite is of another network than the join string`, {
      hint: 'ask who invites for this network for an invite'
    })
  }
  await disk.makeFolder(join(home, 'daemon'), 0o700)
  const keys = join(home, 'daemon', 'keys')
  const nowMs = clock.wallMs()
  const given = { invite, slot: config.slot }
  const identity = await identityOf({ disk, dice, nowMs }, keys, given)
  const authority = await Authority.open(disk, log, {
    folder: home,
    join: found,
    nowMs: () => clock.wallMs()
  })
  const pool = new Pool(authority.believed)
  const { urls } = config.mirrors
  const mirrors = new Mirrors({ clock, dice, disk, log }, { urls, network: found.network })
  return { home, config, clock, dice, disk, log, join: found, identity, authority, pool, mirrors }
}

/** A node's cores: a cache beside its plain files, deleted when it does not open. */
export function storeOf(ground: Ground): Store {
  const { clock, dice, disk, log, home, config, identity, mirrors } = ground
  const { upload, seeds } = config.limits
  return new Store(clock, dice, log, {
    disk,
    folder: join(home, 'daemon'),
    cache: true,
    mirrors,
    work: workAside(disk),
    lgwinMax: windowBits(),
    seed: config.swarm.seed,
    ticket: identity.pair.key,
    ...(upload === null ? {} : { uploadBytesPerSecond: upload }),
    ...(seeds === null ? {} : { seedBytesMax: seeds })
  })
}

/** The wire of this home, not open yet. */
export async function wireOf(
  ground: Ground,
  extra: { readonly running: () => Running | null }
): Promise<Wire> {
  const { clock, dice, disk, log, home, authority, pool, identity, join: told } = ground
  const { swarm, channel } = ground.config
  const keepsKey = swarm.port !== 0 || swarm.rendezvous
  const path = join(home, 'daemon', 'keys', 'swarm')
  const passive = await passiveOf(disk, log, join(home, 'daemon', 'peers'))
  return new Wire(clock, dice, log, {
    authority,
    pool,
    options: {
      network: told.network,
      keyPair: keepsKey ? await keptPair(disk, dice, path) : null,
      port: swarm.port === 0 ? null : swarm.port,
      host: swarm.host,
      peers: swarm.peers,
      bootstrap: Array.isArray(swarm.bootstrap)
        ? swarm.bootstrap.map(parseHostPort)
        : swarm.bootstrap,
      rendezvous: swarm.rendezvous,
      passive,
      membership: identity.membership,
      nodePair: identity.membership === null ? null : identity.pair,
      settleMs: () => {
        const newest = admittedReleases(authority.believed, channel)[0]
        return newest?.body.policy.gate.settleMs ?? MINUTE
      },
      running: extra.running
    }
  })
}

/** Opens what it is given in order, and closes it in reverse; for processes made of parts. */
export class Parts extends Life {
  readonly #open: () => Promise<void>

  constructor(open: (own: <T extends { close(): unknown }>(thing: T) => T) => Promise<void>) {
    super()
    this.#open = async () => await open((thing) => this.own(thing))
  }

  protected async start(): Promise<void> {
    await this.#open()
  }
}
