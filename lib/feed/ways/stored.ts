import { equal } from '../../base/index.ts'
import type { IndexItem, Route } from '../../artifact/index.ts'
import type { Artifact, CoreRef } from '../../records/index.ts'
import type { Fetch } from '../fetch.ts'
import { blocksAt, bytesOfBlocks, type Place } from './patch-core.ts'

type Open = (ref: CoreRef) => Promise<Fetch>

/** Block bytes of a release that are stored here, of tree core and patch core. */
export async function storedBytes(
  open: Open,
  artifact: Artifact,
  items: readonly IndexItem[]
): Promise<number> {
  const { tree, patch } = artifact
  let bytes = tree.bytes - (await missingOfTree(open, tree))
  for (const item of items) {
    if (item.kind === 'base' || patch === null) continue
    bytes += item.place.bytes - (await missingOfPlace(open, patch, item.place))
  }
  return bytes
}

/** Block bytes that a way still has to bring. */
export async function toComeBytes(open: Open, artifact: Artifact, route: Route): Promise<number> {
  const { tree, patch } = artifact
  if (route.tag === 'chunks') return Math.min(route.cost, await missingOfTree(open, tree))
  if (route.tag !== 'chain') {
    return patch === null ? 0 : await missingOfPlace(open, patch, route.place)
  }
  let bytes = 0
  let { from } = route
  for (const step of route.steps) {
    const item = step.items.find((one) => one.kind === 'patch' && equal(one.from, from))
    if (item?.kind === 'patch' && step.artifact.patch !== null) {
      bytes += await missingOfPlace(open, step.artifact.patch, item.place)
    }
    from = step.artifact.treeDigest
  }
  return bytes
}

/** By the average: single sizes are known to the head only. */
async function missingOfTree(open: Open, tree: CoreRef): Promise<number> {
  const all = Array.from({ length: tree.blocks }, (_, index) => index)
  const missing = await (await open(tree)).missing(all)
  return Math.round((tree.bytes * missing.length) / tree.blocks)
}

async function missingOfPlace(open: Open, patch: CoreRef, place: Place): Promise<number> {
  const missing = await (await open(patch)).missing(blocksAt(place))
  return bytesOfBlocks(place, missing)
}
