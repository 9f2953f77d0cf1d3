import {
  equal,
  isOtaError,
  OtaError,
  toHex,
  type Bytes,
  type Disk,
  type Log
} from '../base/index.ts'
import {
  chainMax,
  routesOf,
  unpackPatch,
  unpackTree,
  type IndexItem,
  type Route,
  type Step
} from '../artifact/index.ts'
import type { Artifact, CoreRef } from '../records/index.ts'
import type { Fetch } from './fetch.ts'
import { openRoute, readIndex } from './patch-core.ts'

/** A tree that lies here: what a patch may start from. */
export interface LocalTree {
  readonly folder: string
  readonly treeDigest: Bytes
}

export interface Wanted {
  readonly artifact: Artifact
  readonly into: string
  readonly bases: readonly LocalTree[]
  readonly reuse: readonly string[]
  readonly others: readonly Artifact[]
  readonly lgwinMax: number
  readonly signal: AbortSignal | undefined
}

export interface WaysPorts {
  readonly disk: Disk
  readonly log: Log
  /** A core opened for this fetch; the same one each time. */
  readonly open: (ref: CoreRef) => Promise<Fetch>
}

/** Errors after which another way to the same bytes is taken; all others end the fetch. */
const passed = [
  'PATCH_FAILED',
  'BAD_TREE',
  'HASH_MISMATCH',
  'LENGTH_EXCEEDED',
  'UNSUPPORTED',
  'NO_PEERS',
  'TIMEOUT'
] as const

/**
 * The ways to one tree, cheapest first, one down at a time. Chunks are always among them; whatever
 * way it is, the tree in `into` has the signed digest.
 */
export class Ways {
  readonly #ports: WaysPorts
  readonly #wanted: Wanted

  constructor(ports: WaysPorts, wanted: Wanted) {
    this.#ports = ports
    this.#wanted = wanted
  }

  /** Makes the tree, and says which way it came. Throws what the last way threw. */
  async go(): Promise<Route['tag']> {
    const { signal } = this.#wanted
    let left = await this.#routes()
    for (;;) {
      const route = left.shift()
      if (route === undefined) throw new OtaError('NO_PEERS', 'there is no way left')
      try {
        await this.#take(route)
        return route.tag
      } catch (error) {
        signal?.throwIfAborted()
        if (left.length === 0 || !passed.some((code) => isOtaError(error, code))) throw error
        this.#failed(route, error)
        // delta: after one failed patch or chain no second one.
        if (route.tag === 'patch' || route.tag === 'chain') {
          left = left.filter(({ tag }) => tag === 'chunks' || tag === 'solid')
        }
      }
    }
  }

  #failed(route: Route, error: unknown): void {
    if (!isOtaError(error)) return
    const { artifact } = this.#wanted
    const facts = { core: toHex(artifact.tree.key), route: route.tag, code: error.code }
    const isWrong = !isOtaError(error, 'NO_PEERS') && !isOtaError(error, 'TIMEOUT')
    const event = isWrong && route.tag !== 'chunks' ? 'PATCH_FAILED' : 'route-failed'
    this.#ports.log(event, { ...facts, message: error.message })
  }

  async #routes(): Promise<Route[]> {
    const { artifact, bases, lgwinMax } = this.#wanted
    const local = bases.map(({ treeDigest }) => treeDigest)
    const items = await this.#index(artifact)
    const others = await this.#others(items)
    return [...routesOf({ artifact, items, local, others, lgwinMax })]
  }

  /** Nothing where there is no patch core, or nobody shows it: then the chunks serve. */
  async #index(artifact: Artifact): Promise<readonly IndexItem[]> {
    if (artifact.patch === null) return []
    try {
      return await readIndex(await this.#ports.open(artifact.patch), artifact.patch)
    } catch (error) {
      this.#wanted.signal?.throwIfAborted()
      if (!passed.some((code) => isOtaError(error, code))) throw error
      if (isOtaError(error)) this.#ports.log('index-failed', { code: error.code })
      return []
    }
  }

  /** Indices of the releases through which a chain could lead; none if a patch starts here. */
  async #others(items: readonly IndexItem[]): Promise<readonly Step[]> {
    const { bases, others } = this.#wanted
    const isHere = (digest: Bytes): boolean =>
      bases.some(({ treeDigest }) => equal(treeDigest, digest))
    const steps: Step[] = []
    let ends = items
    for (let i = 0; i < chainMax - 1; i += 1) {
      const from = ends.flatMap((item) => (item.kind === 'patch' ? [item.from] : []))
      if (from.some(isHere)) break
      const next = others.filter(
        (one) =>
          from.some((digest) => equal(digest, one.treeDigest)) &&
          !steps.some(({ artifact }) => equal(artifact.treeDigest, one.treeDigest))
      )
      const found = await Promise.all(
        next.map(async (artifact) => ({ artifact, items: await this.#index(artifact) }))
      )
      steps.push(...found)
      ends = found.flatMap((step) => step.items)
    }
    return steps
  }

  async #take(route: Route): Promise<void> {
    const { artifact, into, bases } = this.#wanted
    if (route.tag === 'chunks') await this.#chunks()
    else if (route.tag === 'solid') await this.#patch(artifact, route.place, null, into)
    else {
      const from = bases.find(({ treeDigest }) => equal(treeDigest, route.from))
      if (from === undefined) throw new OtaError('PATCH_FAILED', 'the base of the patch is gone')
      if (route.tag === 'patch') await this.#patch(artifact, route.place, from, into)
      else await this.#chain(route.steps, from)
    }
  }

  async #patch(
    artifact: Artifact,
    place: Extract<Route, { tag: 'patch' }>['place'],
    from: LocalTree | null,
    into: string
  ): Promise<void> {
    const { disk, open } = this.#ports
    if (artifact.patch === null) throw new OtaError('PATCH_FAILED', 'there is no patch core')
    const patch = await openRoute(await open(artifact.patch), place)
    await unpackPatch(disk, { artifact, patch, from, into, signal: this.#wanted.signal })
  }

  /** Every step is a whole verified tree beside `into`; none is left. */
  async #chain(steps: readonly Step[], from: LocalTree): Promise<void> {
    const { disk } = this.#ports
    const { into } = this.#wanted
    const scratch = `${into}.steps`
    await disk.remove(scratch)
    try {
      let base = from
      for (const [i, { artifact, items }] of steps.entries()) {
        const item = items.find((one) => one.kind === 'patch' && equal(one.from, base.treeDigest))
        if (item?.kind !== 'patch')
          throw new OtaError('PATCH_FAILED', 'a step of the chain is gone')
        const isLast = i === steps.length - 1
        const folder = isLast ? into : `${scratch}/${i}`
        await this.#patch(artifact, item.place, base, folder)
        if (i > 0) await disk.remove(base.folder)
        base = { folder, treeDigest: artifact.treeDigest }
      }
    } finally {
      await disk.remove(scratch)
    }
  }

  async #chunks(): Promise<void> {
    const { disk, open } = this.#ports
    const { artifact, into, bases, reuse, signal } = this.#wanted
    const fetch = await open(artifact.tree)
    await unpackTree(disk, {
      artifact,
      readBlock: async (index) => await fetch.block(index),
      onNeed: async (needed) => await fetch.need(needed),
      into,
      reuse: [...bases.map(({ folder }) => folder), ...reuse],
      signal
    })
  }
}
