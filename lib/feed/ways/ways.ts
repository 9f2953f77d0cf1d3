import { equal, isOtaError, OtaError, toHex } from '../../base/index.ts'
import type { Bytes, Disk, Log } from '../../base/index.ts'
import { routesOf } from '../../artifact/index.ts'
import type { IndexItem, Route, Step, TreeWork } from '../../artifact/index.ts'
import type { Artifact, CoreRef } from '../../records/index.ts'
import { budgetOf, overBudget } from './budget.ts'
import type { Fetch } from '../fetch.ts'
import { Indices } from './indices.ts'
import { openRoute, type Place } from './patch-core.ts'
import type { Gauge } from '../progress.ts'
import { storedBytes, toComeBytes } from './stored.ts'

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

/** What went wrong with the ways to one tree; kept over tries, so that no way fails twice. */
export interface Failures {
  /** Ways that gave other bytes than signed. */
  readonly wrong: Set<string>
  /** Bytes they cost. */
  lostBytes: number
}

export interface WaysPorts {
  readonly disk: Disk
  readonly log: Log
  readonly work: TreeWork
  readonly gauge: Gauge
  readonly failures: Failures
  /** A core opened for this fetch; the same one each time. */
  readonly open: (ref: CoreRef) => Promise<Fetch>
  /** There is no connection at all: then no way is better than another. */
  readonly isAlone: () => boolean
}

/** Errors after which another way to the same bytes is taken; all others end the fetch. */
const wrongCodes = [
  'PATCH_FAILED',
  'BAD_TREE',
  'HASH_MISMATCH',
  'LENGTH_EXCEEDED',
  'UNSUPPORTED'
] as const
const awayCodes = ['NO_PEERS', 'TIMEOUT'] as const

/** Chunks turned out to cost more than the way after them. */
class Dearer extends Error {}

/**
 * The ways to one tree, cheapest first, one down at a time. Chunks are always among them; whatever
 * way it is, the tree in `into` has the signed digest.
 */
export class Ways {
  readonly #ports: WaysPorts
  readonly #wanted: Wanted
  readonly #indices: Indices
  /** Ways that nobody can show now. */
  readonly #away = new Set<string>()

  constructor(ports: WaysPorts, wanted: Wanted) {
    this.#ports = ports
    this.#wanted = wanted
    this.#indices = new Indices(ports, wanted)
  }

  /** Makes the tree, and says which way it came. Throws what the last way threw, or `HELD`. */
  async go(): Promise<Route['tag']> {
    const { artifact, bases, lgwinMax } = this.#wanted
    const local = bases.map(({ treeDigest }) => treeDigest)
    const items = await this.#indices.of(artifact)
    const others = await this.#indices.leadingTo(items)
    const routes = routesOf({ artifact, items, local, others, lgwinMax })
    let last: unknown = null
    let left = this.#unlessWrong(await this.#ordered(routes, items))
    for (let route = left.shift(); route !== undefined; route = left.shift()) {
      const dearerThan = this.#isGuess(route, items) ? (left[0]?.cost ?? Infinity) : Infinity
      if (!(await this.#fits(route, items, dearerThan))) {
        last = overBudget(this.#limit(items), await this.#stored(items))
        continue
      }
      try {
        await this.#take(route, left.length === 0, dearerThan)
        return route.tag
      } catch (error) {
        this.#wanted.signal?.throwIfAborted()
        if (error instanceof Dearer) left.push(route)
        else if (!this.#isPassed(route, error)) throw error
        else {
          last = error
          await this.#failed(route, error)
          // delta: after one failed patch or chain no second one.
          if (isPatched(route)) left = left.filter((one) => !isPatched(one))
        }
      }
    }
    throw last
  }

  /** Local trees that no index knows may have most chunks: the head says, and costs little. */
  async #ordered(routes: readonly Route[], items: readonly IndexItem[]): Promise<Route[]> {
    const [first, ...rest] = routes
    const chunks = routes.find(({ tag }) => tag === 'chunks')
    if (first?.tag !== 'solid' || chunks === undefined) return [...routes]
    if (!this.#isGuess(chunks, items)) return [...routes]
    return [chunks, first, ...rest.filter((route) => route !== chunks)]
  }

  #isGuess(route: Route, items: readonly IndexItem[]): boolean {
    const { bases, reuse } = this.#wanted
    if (route.tag !== 'chunks' || bases.length + reuse.length === 0) return false
    const isKnown = (digest: Bytes): boolean =>
      items.some((item) => item.kind !== 'solid' && equal(item.from, digest))
    return !bases.some(({ treeDigest }) => isKnown(treeDigest))
  }

  #unlessWrong(routes: readonly Route[]): Route[] {
    const { wrong } = this.#ports.failures
    const hadPatch = routes.some((route) => isPatched(route) && wrong.has(nameOf(route)))
    const right = routes.filter(
      (route) => !wrong.has(nameOf(route)) && !(hadPatch && isPatched(route))
    )
    // Chunks may fail by a file that changed under them; they are tried again each time.
    return right.length > 0 ? right : routes.filter(({ tag }) => tag === 'chunks')
  }

  #isPassed(route: Route, error: unknown): boolean {
    if (wrongCodes.some((code) => isOtaError(error, code))) return true
    // A chain needs room for its steps; other ways do not.
    if (isOtaError(error, 'NO_SPACE')) return route.tag === 'chain'
    return awayCodes.some((code) => isOtaError(error, code)) && !this.#ports.isAlone()
  }

  async #failed(route: Route, error: unknown): Promise<void> {
    if (!isOtaError(error)) return
    const { failures, log } = this.#ports
    const isWrong = wrongCodes.some((code) => isOtaError(error, code))
    if (isWrong) failures.wrong.add(nameOf(route))
    else this.#away.add(nameOf(route))
    if (route.tag !== 'chunks') failures.lostBytes = Math.max(failures.lostBytes, route.cost)
    const core = toHex(this.#wanted.artifact.tree.key)
    const facts = { core, route: route.tag, code: error.code, message: error.message }
    log(isWrong && route.tag !== 'chunks' ? 'PATCH_FAILED' : 'way-failed', facts)
  }

  /** delta, budget: what is stored and what this way still costs, against what it may cost. */
  async #fits(route: Route, items: readonly IndexItem[], costMax: number): Promise<boolean> {
    const { open, log } = this.#ports
    const { artifact } = this.#wanted
    const stored = await this.#stored(items)
    const toCome = Math.min(costMax, await toComeBytes(open, artifact, route))
    const limit = this.#limit(items)
    if (toCome === 0 || stored + toCome <= limit) return true
    log('fetch-budget', { route: route.tag, stored, toCome, limit })
    return false
  }

  async #stored(items: readonly IndexItem[]): Promise<number> {
    return await storedBytes(this.#ports.open, this.#wanted.artifact, items)
  }

  #limit(items: readonly IndexItem[]): number {
    const { artifact, lgwinMax } = this.#wanted
    const { wrong, lostBytes } = this.#ports.failures
    const solid = items.find((item) => item.kind === 'solid' && item.place.lgwin <= lgwinMax)
    // What failed is no way any more: chunks, which never do, may take its place.
    const isWay = !this.#away.has('solid') && !wrong.has('solid')
    const solidBytes = solid?.kind === 'solid' && isWay ? solid.place.bytes : null
    return budgetOf({ treeBytes: artifact.tree.bytes, solidBytes, lostBytes })
  }

  async #take(route: Route, isLast: boolean, dearerThan: number): Promise<void> {
    const { artifact, into, bases } = this.#wanted
    if (route.tag === 'chunks') await this.#chunks(isLast, dearerThan)
    else if (route.tag === 'solid') {
      await this.#patch(artifact, { place: route.place, from: null, into, isLast, tag: 'solid' })
    } else {
      const from = bases.find(({ treeDigest }) => equal(treeDigest, route.from))
      if (from === undefined) throw new OtaError('PATCH_FAILED', 'the base of the patch is gone')
      if (route.tag === 'chain') await this.#chain(route.steps, from)
      else {
        await this.#patch(artifact, { place: route.place, from, into, isLast, tag: 'patch' })
      }
    }
  }

  async #patch(artifact: Artifact, how: Patching): Promise<void> {
    const { work, open, gauge } = this.#ports
    if (artifact.patch === null) throw new OtaError('PATCH_FAILED', 'there is no patch core')
    const fetch = await open(artifact.patch)
    fetch.isLastWay = how.isLast
    gauge.onto(how.tag, fetch)
    const patch = await openRoute(fetch, how.place)
    gauge.tell()
    const { from, into } = how
    await work.unpackPatch({ artifact, patch, from, into, signal: this.#wanted.signal })
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
        if (item?.kind !== 'patch') {
          throw new OtaError('PATCH_FAILED', 'a step of the chain has no patch')
        }
        const folder = i === steps.length - 1 ? into : `${scratch}/${i}`
        const how = { place: item.place, from: base, into: folder, isLast: false }
        await this.#patch(artifact, { ...how, tag: 'chain' })
        if (i > 0) await disk.remove(base.folder)
        base = { folder, treeDigest: artifact.treeDigest }
      }
    } finally {
      await disk.remove(scratch)
    }
  }

  async #chunks(isLast: boolean, dearerThan: number): Promise<void> {
    const { work, open, gauge } = this.#ports
    const { artifact, into, bases, reuse, signal } = this.#wanted
    const { tree } = artifact
    const fetch = await open(tree)
    fetch.isLastWay = isLast
    gauge.onto('chunks', fetch)
    const average = tree.bytes / tree.blocks
    await work.unpackTree({
      artifact,
      readBlock: async (index) => await fetch.block(index),
      onNeed: async (needed) => {
        if (needed.length * average > dearerThan) throw new Dearer('the next way costs less')
        await fetch.ask(needed, average)
        gauge.tell()
      },
      into,
      reuse: [...bases.map(({ folder }) => folder), ...reuse],
      signal
    })
  }
}

interface Patching {
  readonly tag: 'patch' | 'chain' | 'solid'
  readonly place: Place
  readonly from: LocalTree | null
  readonly into: string
  readonly isLast: boolean
}

function isPatched({ tag }: Route): boolean {
  return tag === 'patch' || tag === 'chain'
}

function nameOf(route: Route): string {
  return isPatched(route) && 'from' in route ? `${route.tag} ${toHex(route.from)}` : route.tag
}
