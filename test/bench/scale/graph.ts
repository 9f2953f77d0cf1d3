import type { Dice } from '../../../lib/base/index.ts'
import { peersInMax, peersOutMax } from '../../../lib/base/index.ts'

/** Who is connected to whom: neighbours of node i are `links[starts[i] .. starts[i + 1])`. */
export interface Graph {
  readonly nodes: number
  readonly starts: Int32Array
  readonly links: Int32Array
}

/** By lookup; the other four places are dialled by name (docs/gossip.md). */
const dialled = peersOutMax - 4

/**
 * Nodes that came one after the other, each dialling twelve of those before it at random; who holds
 * 32 inbound connections sends the dialler on to another.
 */
export function growGraph(nodes: number, dice: Dice): Graph {
  const [from, to] = [new Int32Array(nodes * dialled), new Int32Array(nodes * dialled)]
  const inbound = new Uint8Array(nodes)
  const degree = new Int32Array(nodes + 1)
  let edges = 0
  const mine = new Set<number>()
  for (let node = 1; node < nodes; node++) {
    mine.clear()
    const wanted = Math.min(dialled, node)
    for (let tries = 0; mine.size < wanted && tries < 8 * dialled; tries++) {
      const other = Math.floor(dice.next() * node)
      if (mine.has(other) || (inbound[other] ?? 0) >= peersInMax) continue
      mine.add(other)
      inbound[other] = (inbound[other] ?? 0) + 1
      from[edges] = node
      to[edges++] = other
      degree[node] = (degree[node] ?? 0) + 1
      degree[other] = (degree[other] ?? 0) + 1
    }
  }
  const starts = new Int32Array(nodes + 1)
  for (let node = 0; node < nodes; node++)
    starts[node + 1] = (starts[node] ?? 0) + (degree[node] ?? 0)
  const next = starts.slice()
  const links = new Int32Array(2 * edges)
  for (let edge = 0; edge < edges; edge++) {
    const [a, b] = [from[edge] ?? 0, to[edge] ?? 0]
    links[next[a]!++] = b
    links[next[b]!++] = a
  }
  return { nodes, starts, links }
}
