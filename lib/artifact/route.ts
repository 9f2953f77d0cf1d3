import { equal, type Bytes } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { blocksOf, type IndexItem, type Place } from './patch/core-index.ts'

/** Overhead of one sparse block on the wire, in bytes: request, proof, bitfield (measured). */
const blockOverheadBytes = 350
/** Stored bytes of a chunk block on average; the head says it exactly once it is here. */
const chunkBlockBytes = 24 * 1_024
/** Patches in a row: more would cost more time than bytes. */
export const chainMax = 4

/** A release whose statement is held: its tree, and what its patch core offers. */
export interface Step {
  readonly artifact: Artifact
  readonly items: readonly IndexItem[]
}

/** One way to the bytes of a tree, and what it costs in bytes on the wire. */
export type Route = { readonly cost: number } & (
  | { readonly tag: 'patch'; readonly from: Bytes; readonly place: Place }
  /** From a local tree through the trees of other releases; the last step makes the wanted one. */
  | { readonly tag: 'chain'; readonly from: Bytes; readonly steps: readonly Step[] }
  | { readonly tag: 'chunks' }
  | { readonly tag: 'solid'; readonly place: Place }
)

export interface RouteInput {
  readonly artifact: Artifact
  /** Of its patch core; empty where it has none. */
  readonly items: readonly IndexItem[]
  /** Digests of verified trees on this machine. */
  readonly local: readonly Bytes[]
  /** Other releases of this platform that are known here, with their indices. */
  readonly others: readonly Step[]
  /** Largest decoder window this machine grants, in bits. */
  readonly lgwinMax: number
}

/**
 * Every way there is, cheapest first; of equal ones patch, chain, chunks, solid. Chunks are always
 * among them: that is the way that never fails. Pure, so that everybody chooses alike.
 */
export function routesOf(input: RouteInput): readonly Route[] {
  const routes: Route[] = [...patches(input), ...chains(input), chunksOf(input), ...solids(input)]
  return routes
    .map((route, index) => ({ route, index }))
    .toSorted((a, b) => a.route.cost - b.route.cost || a.index - b.index)
    .map(({ route }) => route)
}

function patches({ items, local, lgwinMax }: RouteInput): readonly Route[] {
  return items.flatMap((item): Route[] => {
    if (item.kind !== 'patch' || item.place.lgwin > lgwinMax || !isIn(local, item.from)) return []
    return [{ tag: 'patch', from: item.from, place: item.place, cost: costOf(item.place) }]
  })
}

function solids({ items, lgwinMax }: RouteInput): readonly Route[] {
  return items.flatMap((item): Route[] =>
    item.kind === 'solid' && item.place.lgwin <= lgwinMax
      ? [{ tag: 'solid', place: item.place, cost: costOf(item.place) }]
      : []
  )
}

/** What is lacking of the tree core: as the index says for a local base, else all of it. */
function chunksOf({ artifact, items, local }: RouteInput): Route {
  const known = items.flatMap((item) =>
    item.kind !== 'solid' && isIn(local, item.from) ? [item.chunkBytes] : []
  )
  const bytes = Math.min(artifact.tree.bytes, ...known)
  const blocks = Math.min(artifact.tree.blocks, Math.ceil(bytes / chunkBlockBytes))
  return { tag: 'chunks', cost: bytes + blocks * blockOverheadBytes }
}

interface Path {
  readonly steps: readonly Step[]
  readonly cost: number
}

/** The cheapest chain of at most four patches from a local tree; a chain of one is a patch. */
function chains({ artifact, items, local, others, lgwinMax }: RouteInput): readonly Route[] {
  let ends: { readonly from: Bytes; readonly path: Path }[] = [
    { from: artifact.treeDigest, path: { steps: [{ artifact, items }], cost: 0 } }
  ]
  const found: Route[] = []
  for (let length = 1; length <= chainMax; length += 1) {
    const next: typeof ends = []
    for (const { path } of ends) {
      const [first] = path.steps
      for (const item of first?.items ?? []) {
        if (item.kind !== 'patch' || item.place.lgwin > lgwinMax) continue
        const cost = path.cost + costOf(item.place)
        if (isIn(local, item.from) && length > 1) {
          found.push({ tag: 'chain', from: item.from, steps: path.steps, cost })
        }
        const before = others.find((step) => equal(step.artifact.treeDigest, item.from))
        const isKnown = path.steps.some((step) => equal(step.artifact.treeDigest, item.from))
        if (before === undefined || isKnown) continue
        next.push({ from: item.from, path: { steps: [before, ...path.steps], cost } })
      }
    }
    ends = next
  }
  const [best] = found.toSorted((a, b) => a.cost - b.cost)
  return best === undefined ? [] : [best]
}

function costOf({ bytes }: Place): number {
  return bytes + blocksOf(bytes) * blockOverheadBytes
}

function isIn(digests: readonly Bytes[], digest: Bytes): boolean {
  return digests.some((one) => equal(one, digest))
}
