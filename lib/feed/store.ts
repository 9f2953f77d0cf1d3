import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { assert, isOtaError, MIB, SECOND } from '../base/index.ts'
import type { Bytes, Clock, Dice, Disk, Log } from '../base/index.ts'
import { inBackground, Life } from '../base/life.ts'
import type { Pack, PatchPack } from '../artifact/index.ts'
import type { Artifact, CoreRef } from '../records/index.ts'
import type { KeyPair } from '../trust/index.ts'
import { closeStore, Cores } from './cores.ts'
import { translated } from './failure.ts'
import { Mailboxes, type BlockListener, type FeedView } from './mailboxes.ts'
import type { OwnFeed } from './own.ts'
import type { FeedAlarm } from './reader.ts'
import { silenceHypercore } from './silence.ts'
import type { Seed } from './seeding.ts'
import { TreeCores, type FetchTreeOptions, type Rebuilt } from './trees.ts'
import { Uploads } from './uploads.ts'

export interface StoreOptions {
  readonly disk: Disk
  /** `cores` below it is hypercore's; `feeds` holds marks, proofs and the build journal. */
  readonly folder: string
  /**
   * A node's store holds nothing that peers and version folders do not: one that does not open is
   * deleted and made anew. Never for a store in which a signer's own feed lies.
   */
  readonly cache?: boolean
  /** Memory of the storage's write buffer; 1 MiB unless told. */
  readonly writeBufferBytes?: number
  /** No block within this time ends a fetch; a minute unless told. Blocks of feeds get half. */
  readonly stallMs?: number
  /** What is carried for others; `full` unless told. */
  readonly seed?: Seed
  /** This node's lot where not everybody carries a tree: its public key. */
  readonly ticket?: Bytes
  /** Bytes per second of static cores sent to all peers together; no limit unless told. */
  readonly uploadBytesPerSecond?: number
  /** Above so many stored bytes no tree is made whole for others; no limit unless told. */
  readonly seedBytesMax?: number
  /** An app's own corestore, used beside the app and left open. */
  readonly corestore?: object
}

/** A connection as a swarm gives it: a duplex that closes once. */
interface ClosingStream {
  once(event: 'close', fn: () => void): unknown
}

/**
 * Everything of hypercore this program needs: feeds as mailboxes, and static cores. It opens no
 * connection itself: whoever owns the swarm hands each one to `replicate`.
 */
export class Store extends Life {
  readonly #clock: Clock
  readonly #dice: Dice
  readonly #log: Log
  readonly #options: StoreOptions
  readonly #streams = new Set<object>()
  #store: Corestore | null = null
  #trees: TreeCores | null = null
  #mailboxes: Mailboxes | null = null

  constructor(clock: Clock, dice: Dice, log: Log, options: StoreOptions) {
    super()
    this.#clock = clock
    this.#dice = dice
    this.#log = log
    this.#options = options
  }

  /**
   * Errors: `LOCKED` if another process has the store, `STORE_MOVED` for a copy that is no cache,
   * `NO_SPACE`, `INTERNAL` with the cause.
   */
  protected override async start(): Promise<void> {
    const { disk, folder } = this.#options
    const restore = silenceHypercore(this.#log)
    this.own({ close: restore })
    await disk.makeFolder(`${folder}/feeds`)
    this.#store = await this.#openCorestore()
    const { seed = 'full', ticket = null, seedBytesMax = Infinity } = this.#options
    const cores = new Cores(this.#store, { servesAll: seed !== 'off' })
    const { uploadBytesPerSecond } = this.#options
    if (uploadBytesPerSecond !== undefined) {
      this.own(new Uploads(this.#clock, this.#store, uploadBytesPerSecond))
    }
    const stallMs = this.#options.stallMs ?? 60 * SECOND
    const mine = {
      disk,
      folder: `${folder}/feeds`,
      withinMs: Math.min(stallMs, 30 * SECOND),
      hasPeers: () => this.#streams.size > 0
    }
    this.#mailboxes = this.own(new Mailboxes(this.#clock, this.#log, cores, mine))
    const ports = { clock: this.#clock, dice: this.#dice, log: this.#log, disk }
    this.#trees = this.own(
      new TreeCores(ports, cores, {
        folder,
        seeding: { seed, ticket, bytesMax: seedBytesMax },
        journal: `${folder}/feeds/building`,
        streams: () => [...this.#streams],
        stallMs
      })
    )
    await this.#mailboxes.open()
    await this.#trees.open()
  }

  async #openCorestore(): Promise<Corestore> {
    const given = this.#options.corestore
    // The app hands in its own corestore; the public types do not mention the package.
    if (given !== undefined) return this.own((given as Corestore).session())
    try {
      return await this.#tryOpen()
    } catch (cause) {
      const error = translated(cause, 'open the core store')
      const isBroken = isOtaError(error, 'INTERNAL') || isOtaError(error, 'STORE_MOVED')
      if (this.#options.cache !== true || !isBroken) throw error
      this.#log('store-reset', { text: error.message })
      await this.#options.disk.remove(`${this.#options.folder}/cores`)
      return await this.#tryOpen()
    }
  }

  async #tryOpen(): Promise<Corestore> {
    const writeBufferSize = this.#options.writeBufferBytes ?? MIB
    const storage = Hypercore.defaultStorage(`${this.#options.folder}/cores`, { writeBufferSize })
    const store = new Corestore(storage)
    try {
      await store.ready()
    } catch (error) {
      // A store that failed to open has nothing to close but its lock; the first error counts.
      await closeStore(store).catch(inBackground)
      throw error
    }
    this.own({ close: async () => await closeStore(store) })
    return store
  }

  /** Serves and fetches over one connection, until it closes. The same one twice is once. */
  replicate(stream: object): void {
    if (this.#streams.has(stream) || this.closing !== null) return
    assert(this.#store !== null, 'the store is open')
    this.#streams.add(stream)
    // Every swarm connection is a duplex with this event.
    const closing = stream as ClosingStream
    closing.once('close', () => this.#streams.delete(stream))
    this.#store.replicate(stream)
  }

  /**
   * Reads exactly these feeds (≤ 4) from now on. A feed once found forked or junk stays shut, and
   * is named again by an alarm after each start. Throws `OVER_LIMIT` for more.
   */
  async openFeeds(keys: readonly Bytes[]): Promise<void> {
    await this.#open().mailboxes.openFeeds(keys)
  }

  /** Blocks of all feeds, in order within each, from the first on at every start. */
  onBlock(listener: BlockListener): () => void {
    return this.#open().mailboxes.onBlock(listener)
  }

  onAlarm(listener: (alarm: FeedAlarm) => void): () => void {
    return this.#open().mailboxes.onAlarm(listener)
  }

  feeds(): readonly FeedView[] {
    return this.#open().mailboxes.feeds()
  }

  /** Asks now whether a feed was cut back; by itself this happens every half minute. */
  lookForForks(): void {
    this.#open().mailboxes.lookForForks()
  }

  /** The proof kept against a feed, as JSON text; null while the feed is good. */
  async proofAgainst(feed: Bytes): Promise<string | null> {
    return await this.#open().mailboxes.proofAgainst(feed)
  }

  /** The feed this key pair writes; the same object each time. */
  async ownFeed(pair: KeyPair): Promise<OwnFeed> {
    return await this.#open().mailboxes.ownFeed(pair)
  }

  /** Stores the whole tree core of a packed folder, so that peers can take it from here. */
  async buildTreeCore(pack: Pick<Pack, 'core' | 'blocks'>): Promise<void> {
    await this.#open().trees.build(pack)
  }

  /** Stores a whole patch core, so that peers can take routes from here. */
  async buildPatchCore(pack: Pick<PatchPack, 'core' | 'blocks'>): Promise<void> {
    await this.#open().trees.build(pack)
  }

  /**
   * Fetches what is missing and makes the tree in `into`, by the cheapest way first: a patch from a
   * local tree, a chain of them, chunks, or the solid stream. Blocks that came stay after an error,
   * and are not fetched again. Errors of `unpackTree`, `NO_PEERS`, `TIMEOUT`, or the signal's reason.
   */
  async fetchTree(artifact: Artifact, options: FetchTreeOptions): Promise<void> {
    await this.#open().trees.fetch(artifact, options)
  }

  /**
   * Makes the tree core whole from installed files, so that this node seeds all of it (S109).
   * `differs`: this machine's encoder gives other bytes; what was fetched stays, nothing else is
   * stored. `sparse`: it is not this node's to carry, or over the quota. Throws `HASH_MISMATCH` if
   * the folder is not the signed tree.
   */
  async rebuild(artifact: Artifact, folder: string): Promise<Rebuilt> {
    return await this.#open().trees.rebuild(artifact, folder)
  }

  async hasWhole(core: CoreRef): Promise<boolean> {
    return await this.#open().trees.isWhole(core)
  }

  /**
   * Connected peers that hold all blocks of a static core or of a feed. The first call opens the
   * core on every connection and says 0: call again.
   */
  holders(core: Pick<CoreRef, 'key' | 'blocks'>): number {
    return this.#open().trees.holders(core)
  }

  /** Deletes a tree core or a patch core. The disk comes back one release late at worst. */
  async drop(core: CoreRef): Promise<void> {
    await this.#open().trees.drop(core)
  }

  #open(): { readonly mailboxes: Mailboxes; readonly trees: TreeCores } {
    const [mailboxes, trees] = [this.#mailboxes, this.#trees]
    assert(mailboxes !== null && trees !== null, 'the store is open')
    return { mailboxes, trees }
  }
}
