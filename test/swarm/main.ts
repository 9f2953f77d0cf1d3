import { parseArgs } from 'node:util'
import { peersInMax, peersOutMax } from '../../lib/base/index.ts'
import { isConnected, range, SwarmOfProcesses } from './swarm.ts'

/**
 * Real nodes on one machine, each a process with its own disk and sockets:
 *
 *   npm run test:swarm -- [--nodes 128]
 *
 * The graph is connected and its degree bounded, one brake and one release reach all within five
 * seconds, and no node holds more than 200 MB.
 */
const { values } = parseArgs({ options: { nodes: { type: 'string', default: '128' } } })
const nodes = Number(values.nodes)
const reachMs = 5_000
const rssMax = 200e6
const faults: string[] = []
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const begun = performance.now()
const swarm = await SwarmOfProcesses.start(nodes)
try {
  say(`${nodes} nodes up after ${((performance.now() - begun) / 1_000).toFixed(0)} s`)
  // They look for each other once more within half a minute of their start.
  let seen = await swarm.look()
  const deadline = performance.now() + 90_000
  while (performance.now() < deadline && !seen.every(({ peers }) => peers.length >= 4)) {
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    seen = await swarm.look()
  }
  const out = range(seen.map(({ peers }) => peers.filter(({ outbound }) => outbound).length))
  const into = range(seen.map(({ peers }) => peers.filter(({ outbound }) => !outbound).length))
  say(`connected: ${isConnected(seen)}; out ${out.join(' / ')}, in ${into.join(' / ')}`)
  if (!isConnected(seen)) faults.push('the graph is not connected')
  if (out[2] > peersOutMax || into[2] > peersInMax) faults.push('a node above the caps')
  for (const what of ['release', 'brake'] as const) {
    const before = seen.map(({ traffic }) => traffic.bytesIn + traffic.bytesOut)
    const times = range(await swarm.spread(what, what === 'brake' ? nodes - 1 : 0, 60_000))
    seen = await swarm.look()
    const bytes = seen.map(
      ({ traffic }, i) => traffic.bytesIn + traffic.bytesOut - (before[i] ?? 0)
    )
    say(`${what}: median ${times[1]} ms, last ${times[2]} ms; bytes per node ${range(bytes)[1]}`)
    if (times[2] > reachMs) faults.push(`the ${what} needed ${times[2]} ms`)
  }
  const rss = range(seen.map(({ rssBytes }) => Math.round(rssBytes / 1e6)))
  const frames = range(seen.map(({ traffic }) => traffic.framesIn + traffic.framesOut))
  const bytes = range(seen.map(({ traffic }) => traffic.bytesIn + traffic.bytesOut))
  const cpu = range(seen.map(({ cpuMs }) => Math.round(cpuMs)))
  say(`per node, least / median / most: frames ${frames.join(' / ')}, bytes ${bytes.join(' / ')}`)
  say(`memory MB ${rss.join(' / ')}, CPU ms ${cpu.join(' / ')}`)
  if (rss[2] * 1e6 > rssMax) faults.push(`a node holds ${rss[2]} MB`)
  const rejects = seen.reduce((sum, one) => sum + one.rejects, 0)
  if (rejects > 0) faults.push(`${rejects} rejects among honest nodes`)
} finally {
  await swarm.close()
}
say(faults.length === 0 ? 'ok' : `not ok: ${faults.join('; ')}`)
process.exitCode = faults.length === 0 ? 0 : 1
