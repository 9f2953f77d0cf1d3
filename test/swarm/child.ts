import { Authority } from '../../lib/authority/index.ts'
import { toHex, type Bytes, type Clock, type Log } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import { Wire } from '../../lib/gossip/index.ts'
import { realClock, realDice, realDisk } from '../../lib/host/index.ts'
import { actNetwork, brakeBy } from '../net/acts.ts'
import { person, testNowMs } from '../tools/people.ts'
import type { Told, Order } from './talk.ts'

/**
 * One node of a swarm in a process of its own: real authority on a real disk, real pool, real wire.
 * It tells its parent what it believes and whom it sees, and publishes what it is told to.
 */
const [folder = '', bootstrap = ''] = process.argv.slice(2)
const network = actNetwork()
const { first, release } = network.statements
const startedMs = performance.now()
const real = realClock()
const clock: Clock = {
  wallMs: () => testNowMs + Math.round(performance.now() - startedMs),
  steadyMs: () => real.steadyMs(),
  after: (delayMs, fn) => real.after(delayMs, fn)
}
let rejects = 0
const log: Log = (event) => {
  if (event === 'gossip-reject') rejects += 1
}
const authority = await Authority.open(realDisk(), log, {
  folder,
  join: { network: network.id, checkpoint: null },
  nowMs: () => clock.wallMs()
})
const pool = new Pool(authority.believed)
const follow = (): void =>
  pool.setContext({
    believed: authority.believed,
    hadDigest: (digest: Bytes) => authority.hadDigest(digest)
  })
follow()
await authority.intake(first, 'test')
const wire = new Wire(clock, realDice(), log, {
  authority,
  pool,
  options: {
    network: network.id,
    keyPair: null,
    port: null,
    host: '127.0.0.1',
    peers: [],
    bootstrap: bootstrap.split(',').map((port) => ({ host: '127.0.0.1', port: Number(port) })),
    rendezvous: false,
    membership: null,
    nodePair: null
  }
})

const said = new Set<string>()

/** Tells each thing once, as soon as it is so. */
function look(): void {
  const state = {
    release: authority.believed.releases.length > 0,
    brake: (pool.brakes(toHex(network.release), clock.wallMs()).live.length ?? 0) > 0
  }
  for (const [what, isSo] of Object.entries(state)) {
    if (!isSo || said.has(what)) continue
    said.add(what)
    tell({ tag: 'has', what, atMs: Date.now() })
  }
}

function tell(told: Told): void {
  process.send?.(told)
}

authority.onChange(() => {
  follow()
  look()
})
wire.onChange(look)
process.on('message', (order: Order) => {
  if (order === 'look') {
    const peers = wire.peers().filter(({ ready }) => ready)
    tell({
      tag: 'seen',
      key: toHex(wire.key),
      peers: peers.map(({ key, outbound }) => ({ key: toHex(key), outbound })),
      rssBytes: process.memoryUsage().rss,
      cpuMs: (process.cpuUsage().user + process.cpuUsage().system) / 1_000,
      traffic: wire.traffic,
      rejects
    })
  } else if (order === 'release') void authority.intake(release, 'test')
  else if (order === 'brake') wire.publish(brakeBy(network, person(1)))
  else void wire.close().then(() => process.exit(0))
})
process.on('disconnect', () => process.exit(1))
await wire.ready()
tell({ tag: 'up' })
