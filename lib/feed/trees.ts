import type Hypercore from 'hypercore'
import { equal, openCoresMax, OtaError, SECOND, toHex } from '../base/index.ts'
import type { Bytes, Clock, Dice, Disk, Log } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import type { Pack, TreeWork } from '../artifact/index.ts'
import type { Artifact, CoreRef } from '../records/index.ts'
import { storedBlocks } from './bundle/stored.ts'
import { buildCore, clearHalfBuilt, type BuildTools } from './build.ts'
import type { Cores } from './cores.ts'
import { atDoor } from './failure.ts'
import { Fetch } from './fetch.ts'
import type { Mirrors } from './mirror/mirrors.ts'
import { Relief, type MakeRelief } from './mirror/relief.ts'
import { Gauge, type Progress } from './progress.ts'
import { makesWhole, type Seed } from './seeding.ts'
import { Resting, type PeerAlarm } from './sources.ts'
import { checkRoom, Space } from './space.ts'
import { Slots, Turns } from './turns.ts'
import { Ways, type Failures, type LocalTree } from './ways/ways.ts'

/** A whole copy shows itself on every connection for so long. */
const announceMs = 20 * SECOND

export interface FetchCoreOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
  /** A peer was dropped: `SLOW_PEER` (S85), or `HASH_MISMATCH` for bytes it made up (S31). */
  readonly onAlarm?: (alarm: PeerAlarm) => void
}

export interface FetchTreeOptions extends FetchCoreOptions {
  /** A folder that does not exist yet; it holds the tree, or nothing after an error. */
  readonly into: string
  /** Local trees that patches may start from; their contents and chunks are not fetched. */
  readonly bases?: readonly LocalTree[]
  /** Other local folders whose contents and chunks need not be fetched. */
  readonly reuse?: readonly string[]
  /** Other releases of the same platform, through which a chain of patches may lead. */
  readonly others?: readonly Artifact[]
  /** Largest decoder window this machine grants, in bits; as the store was told unless told. */
  readonly lgwinMax?: number
}

/** What came of making a tree core whole from files. */
export type Rebuilt = 'whole' | 'rebuilt' | 'differs' | 'sparse'

interface Seeding {
  readonly seed: Seed
  readonly ticket: Bytes | null
  readonly bytesMax: number
}

export interface TreePorts {
  readonly mirrors?: Mirrors | undefined
  readonly clock: Clock
  readonly dice: Dice
  readonly log: Log
  readonly disk: Disk
  readonly work: TreeWork
  readonly lgwinMax: number
}

/**
 * The static cores of one store: built, fetched, rebuilt from files, counted at others, dropped.
 */
export class TreeCores {
  readonly #ports: TreePorts
  readonly #cores: Cores
  readonly #build: BuildTools
  readonly #streams: () => readonly object[]
  readonly #stallMs: number
  readonly #folder: string
  readonly #seeding: Seeding
  readonly #resting = new Resting()
  /** Ways that gave wrong bytes, by tree core; forgotten with the release. */
  readonly #failures = new Map<string, Failures>()
  readonly #running = new Set<Fetch>()
  #stopped: OtaError | null = null
  readonly #turns = new Turns()
  readonly #slots = new Slots(openCoresMax)
  /** Sessions with channels on every connection, to see who else is whole. */
  readonly #watched = new Map<string, Hypercore>()
  readonly #announced = new Map<string, { core: Hypercore; cancel: () => void }>()

  constructor(
    ports: TreePorts,
    cores: Cores,
    options: {
      folder: string
      seeding: Seeding
      journal: string
      streams: () => readonly object[]
      stallMs: number
    }
  ) {
    this.#ports = ports
    this.#cores = cores
    this.#build = { cores, dice: ports.dice, disk: ports.disk, journal: options.journal }
    this.#folder = options.folder
    this.#seeding = options.seeding
    this.#streams = options.streams
    this.#stallMs = options.stallMs
  }

  async open(): Promise<void> {
    await atDoor('clear a half-built core', async () => await clearHalfBuilt(this.#build))
  }

  async close(): Promise<void> {
    for (const { core, cancel } of this.#announced.values()) {
      cancel()
      await core.close()
    }
    this.#announced.clear()
    for (const core of this.#watched.values()) await core.close()
    this.#watched.clear()
  }

  /** Ends every fetch with `error`, and waits until nothing is under way. */
  async stop(error: OtaError): Promise<void> {
    this.#stopped = error
    for (const fetch of this.#running) fetch.stop(error)
    await this.#turns.over()
  }

  async isWhole(ref: CoreRef): Promise<boolean> {
    return await atDoor('look at a core', async () => {
      return await this.#cores.isWhole(ref.key, ref.blocks)
    })
  }

  async build(pack: Pick<Pack, 'core' | 'blocks'>): Promise<void> {
    await this.#turns.take(toHex(pack.core.key), async () => await this.#makeWhole(pack))
  }

  async fetch(artifact: Artifact, options: FetchTreeOptions): Promise<void> {
    const { tree, patch } = artifact
    const deed = async (): Promise<void> => await this.#fetchNow(artifact, options)
    const alone = async (): Promise<void> =>
      patch === null ? await deed() : await this.#turns.take(toHex(patch.key), deed)
    await unlessEnded(options.signal, async () => {
      await this.#slots.take(async () => await this.#turns.take(toHex(tree.key), alone))
    })
  }

  /** Fetches a whole core as it is, and shows it. */
  async fetchCore(ref: CoreRef, options: FetchCoreOptions): Promise<void> {
    await unlessEnded(options.signal, async () => await this.#coreNow(ref, options))
  }

  async #coreNow(ref: CoreRef, options: FetchCoreOptions): Promise<void> {
    await this.#slots.take(async () => {
      await this.#turns.take(toHex(ref.key), async () => {
        if (await this.isWhole(ref)) return
        await checkRoom(this.#ports.disk, this.#folder, ref.bytes)
        const gauge = new Gauge(this.#ports.clock, options.onProgress)
        const opening = this.#openFetch(ref, gauge, options)
        let route: string | null = null
        try {
          const fetch = await opening
          gauge.onto('core', fetch)
          const all = Array.from({ length: ref.blocks }, (_, index) => index)
          await fetch.ask(all, ref.bytes / ref.blocks)
          for (const index of all) await fetch.block(index)
          route = 'core'
        } finally {
          await this.#endFetch(ref, opening, route)
        }
      })
    })
  }

  async rebuild(artifact: Artifact, folder: string): Promise<Rebuilt> {
    return await this.#turns.take(toHex(artifact.tree.key), async () => {
      if (await this.isWhole(artifact.tree)) return 'whole'
      if (!(await this.#carries(artifact.tree))) return 'sparse'
      const { platform, bytes } = artifact
      return await this.#ports.work.packed({ folder, platform, bytes }, async (pack) => {
        return await this.#fromPack(artifact, folder, pack)
      })
    })
  }

  async #fromPack(artifact: Artifact, folder: string, pack: Pack): Promise<Rebuilt> {
    if (!equal(pack.treeDigest, artifact.treeDigest)) {
      const text = `"${folder}" is not the signed tree: nothing is built from it`
      throw new OtaError('HASH_MISMATCH', text, { facts: { folder } })
    }
    if (!equal(pack.core.key, artifact.tree.key)) {
      this.#ports.log('REBUILD_DIFFERS', { core: toHex(artifact.tree.key), folder })
      return 'differs'
    }
    await this.#makeWhole(pack)
    return 'rebuilt'
  }

  /** The blocks of a core that is whole here; `INCOMPLETE` where one is missing. */
  blocks(ref: CoreRef): AsyncIterable<Bytes> {
    return storedBlocks(this.#cores, ref)
  }

  /** Peers, each once, that hold the core whole; the first call starts to look. */
  holders(ref: Pick<CoreRef, 'key' | 'blocks'>): number {
    const name = toHex(ref.key)
    const core = this.#watched.get(name) ?? this.#watch(ref.key)
    const whole = new Set<string>()
    for (const peer of core.peers) {
      const has = Math.min(peer.remoteLength, peer.remoteContiguousLength)
      if (has >= ref.blocks) whole.add(toHex(peer.remotePublicKey))
    }
    return whole.size
  }

  async drop(ref: CoreRef): Promise<void> {
    await this.#turns.take(toHex(ref.key), async () => {
      this.#failures.delete(toHex(ref.key))
      await this.#letGo(ref.key)
      await atDoor('drop a core', async () => {
        await this.#cores.clear(ref.key)
        await this.#cores.erase(ref.key)
      })
    })
  }

  async #carries(core: CoreRef): Promise<boolean> {
    const { seed, ticket, bytesMax } = this.#seeding
    if (!makesWhole(seed, ticket, core)) return false
    if (bytesMax === Infinity) return true
    const stored = await this.#cores.storedBytes()
    if (stored + core.bytes <= bytesMax) return true
    this.#ports.log('seed-quota', { core: toHex(core.key), stored, need: core.bytes, bytesMax })
    return false
  }

  #watch(key: Bytes): Hypercore {
    const core = this.#onAllStreams(key)
    this.#watched.set(toHex(key), core)
    return core
  }

  async #makeWhole(pack: Pick<Pack, 'core' | 'blocks'>): Promise<void> {
    if (await this.isWhole(pack.core)) return
    await checkRoom(this.#ports.disk, this.#folder, pack.core.bytes)
    const wasWatched = this.#watched.has(toHex(pack.core.key))
    await this.#letGo(pack.core.key)
    await atDoor('delete a sparse core', async () => await this.#cores.erase(pack.core.key))
    await buildCore(this.#build, pack.core, pack.blocks())
    if (wasWatched) this.#watch(pack.core.key)
    await this.#announce(pack.core.key)
  }

  async #fetchNow(artifact: Artifact, options: FetchTreeOptions): Promise<void> {
    const { clock, disk, log, work, lgwinMax } = this.#ports
    const gauge = new Gauge(clock, options.onProgress)
    const sessions = new Map<string, { readonly ref: CoreRef; readonly fetch: Promise<Fetch> }>()
    const open = async (ref: CoreRef): Promise<Fetch> => {
      const name = toHex(ref.key)
      const found = sessions.get(name) ?? { ref, fetch: this.#openFetch(ref, gauge, options) }
      sessions.set(name, found)
      return await found.fetch
    }
    const space = new Space({ clock, disk }, { artifact, into: options.into, store: this.#folder })
    await space.check()
    const isAlone = (): boolean => this.#streams().length === 0
    const failures = this.#failuresOf(artifact)
    const ways = new Ways(
      { disk, log, work, gauge, failures, open, isAlone },
      {
        artifact,
        into: options.into,
        bases: options.bases ?? [],
        reuse: options.reuse ?? [],
        others: options.others ?? [],
        lgwinMax: options.lgwinMax ?? lgwinMax,
        signal: options.signal
      }
    )
    space.watch((error) => {
      for (const fetch of this.#running) fetch.stop(error)
    })
    let route: string | null = null
    try {
      route = await ways.go()
      log('fetched', { core: toHex(artifact.tree.key), route, bytes: gauge.bytes })
    } finally {
      space.close()
      for (const { ref, fetch } of sessions.values()) await this.#endFetch(ref, fetch, route)
    }
  }

  async #endFetch(ref: CoreRef, opening: Promise<Fetch>, route: string | null): Promise<void> {
    const fetch = await opening
    this.#running.delete(fetch)
    await fetch.close()
    if (await this.#cores.isWhole(ref.key, ref.blocks)) await this.#announce(ref.key)
    // A channel that was refused is not opened again while the core stays in memory.
    else if (route === null && !this.#isHeld(ref.key)) await this.#cores.unload(ref.key)
  }

  async #openFetch(ref: CoreRef, gauge: Gauge, options: FetchCoreOptions): Promise<Fetch> {
    const { clock, dice, log } = this.#ports
    const { onAlarm, signal } = options
    if (this.#stopped !== null) throw this.#stopped
    const ports = { clock, dice, log, resting: this.#resting, streams: this.#streams, onAlarm }
    const fetch = new Fetch(ports, await this.#cores.openActive(ref.key), {
      stallMs: this.#stallMs,
      signal,
      onBytes: (bytes) => gauge.add(bytes),
      relief: this.#reliefOf(ref)
    })
    this.#running.add(fetch)
    return fetch
  }

  #reliefOf(ref: CoreRef): MakeRelief | undefined {
    const { mirrors } = this.#ports
    return mirrors && ((core, ports) => new Relief(mirrors, ref, core, ports))
  }

  #failuresOf({ tree }: Artifact): Failures {
    const name = toHex(tree.key)
    const found = this.#failures.get(name) ?? { wrong: new Set<string>(), lostBytes: 0 }
    this.#failures.set(name, found)
    return found
  }

  /**
   * Shows a whole copy on every connection for a while: who fetches finds one more source, and who
   * counts copies counts it. Serving later needs no session.
   */
  async #announce(key: Bytes): Promise<void> {
    const name = toHex(key)
    if (this.#announced.has(name) || this.#seeding.seed === 'off') return
    const core = this.#onAllStreams(key)
    await core.ready()
    const cancel = this.#ports.clock.after(announceMs, () => {
      this.#announced.delete(name)
      core.close().catch(inBackground)
    })
    this.#announced.set(name, { core, cancel })
  }

  /**
   * A session with a channel on every connection; later ones attach by themselves. Present ones do
   * not where a quiet session opened the core first.
   */
  #onAllStreams(key: Bytes): Hypercore {
    const core = this.#cores.store.get({ key, allowFork: false })
    const attach = (): void => {
      for (const stream of this.#streams()) core.replicate(stream)
    }
    core.ready().then(attach).catch(inBackground)
    return core
  }

  #isHeld(key: Bytes): boolean {
    const name = toHex(key)
    return this.#watched.has(name) || this.#announced.has(name)
  }

  /** Closes all own sessions of a core. */
  async #letGo(key: Bytes): Promise<void> {
    const name = toHex(key)
    const announced = this.#announced.get(name)
    announced?.cancel()
    await announced?.core.close()
    this.#announced.delete(name)
    await this.#watched.get(name)?.close()
    this.#watched.delete(name)
  }
}

/** What was ended from outside says so, whatever broke first of what it was doing. */
async function unlessEnded(signal: AbortSignal | undefined, deed: () => Promise<void>) {
  try {
    signal?.throwIfAborted()
    await deed()
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
