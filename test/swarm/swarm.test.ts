import test from 'brittle'
import { peersInMax, peersOutMax } from '../../lib/base/index.ts'
import { isConnected, range, SwarmOfProcesses } from './swarm.ts'

const nodes = 32

test(
  '32 processes find each other, and hear one release and one brake',
  { timeout: 240_000 },
  async (t) => {
    const swarm = await SwarmOfProcesses.start(nodes)
    t.teardown(() => swarm.close())
    const release = range(await swarm.spread('release', 0, 90_000))
    const brake = range(await swarm.spread('brake', nodes - 1, 90_000))
    t.comment(`release: last after ${release[2]} ms; brake: last after ${brake[2]} ms`)
    const seen = await swarm.look()
    t.is(seen.length, nodes)
    t.ok(isConnected(seen), 'one graph')
    for (const { peers } of seen) {
      const outbound = peers.filter((peer) => peer.outbound).length
      if (outbound > peersOutMax || peers.length - outbound > peersInMax) t.fail('above the caps')
    }
    t.is(
      seen.reduce((sum, { rejects }) => sum + rejects, 0),
      0,
      'honest nodes find no fault with each other'
    )
    t.ok(
      seen.every(({ rssBytes }) => rssBytes < 200e6),
      'no node holds 200 MB'
    )
  }
)
