import { assert, MIB, OtaError, SECOND } from '../base/index.ts'
import type { Bytes, Clock, Dice, Log } from '../base/index.ts'
import { inBackground, Life } from '../base/life.ts'
import type { Pack, PatchPack } from '../artifact/index.ts'
import type { Artifact, CoreRef } from '../records/index.ts'
import type { KeyPair } from '../trust/index.ts'
import { isStoreFull } from './failure.ts'
import type { BlockListener, FeedView } from './mailboxes.ts'
import { Opened, type StoreOptions, type StorePorts } from './opened.ts'
import type { OwnFeed } from './own.ts'
import type { FeedAlarm } from './reader.ts'
import { silenceHypercore } from './silence.ts'
import type { FetchCoreOptions, FetchTreeOptions, Rebuilt, TreeCores } from './trees.ts'

/** How often a node's store looks at its disk. */
const lookEveryMs = 30 * SECOND
/** Below this a write of the storage may have failed, and it takes no further one. */
const fullBytes = 4 * MIB
/** So much must be free again before it is opened anew. */
const spaceAgainBytes = 32 * MIB

type AlarmListener = (alarm: FeedAlarm) => void

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
  readonly #blockListeners = new Map<BlockListener, () => void>()
  readonly #alarmListeners = new Map<AlarmListener, () => void>()
  #opened: Opened | null = null
  #feedKeys: readonly Bytes[] = []
  /** A write failed, or may have, for want of space. */
  #wasFull = false
  #healing: Promise<void> | null = null
  #cancelLook: () => void = () => undefined

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
    this.#opened = await Opened.open(this.#ports(), this.#options)
    this.own({
      close: async () => {
        this.#cancelLook()
        await this.#healing?.catch(inBackground)
        await this.#opened?.close()
      }
    })
    if (this.#options.cache === true && this.#options.corestore === undefined) this.#lookLater()
  }

  #ports(): StorePorts {
    const streams = (): readonly object[] => [...this.#streams]
    return { clock: this.#clock, dice: this.#dice, log: this.#log, streams }
  }

  #lookLater(): void {
    if (this.closing !== null) return
    this.#cancelLook = this.#clock.after(lookEveryMs, () => {
      this.#look()
        .catch(inBackground)
        .finally(() => this.#lookLater())
        .catch(inBackground)
    })
  }

  async #look(): Promise<void> {
    const free = await this.#options.disk.freeBytes(this.#options.folder)
    if (free < fullBytes && !this.#wasFull) {
      this.#wasFull = true
      this.#log('NO_SPACE', { folder: this.#options.folder, free })
    }
    if (this.#wasFull && free >= spaceAgainBytes) await this.#heal()
  }

  /** The storage takes no write after one that failed: it is closed, and opened anew. */
  async #heal(): Promise<void> {
    this.#healing ??= this.#openAnew().finally(() => {
      this.#healing = null
    })
    await this.#healing
  }

  async #openAnew(): Promise<void> {
    if (this.closing !== null) return
    const before = this.#open()
    await before.trees.stop(new OtaError('NO_SPACE', 'the disk was full: the store is opened anew'))
    // What it could not write it cannot write now either; peers have it.
    await before.close().catch(inBackground)
    this.#opened = await Opened.open(this.#ports(), this.#options)
    const { corestore, mailboxes } = this.#opened
    this.#wasFull = false
    for (const fn of this.#blockListeners.keys()) {
      this.#blockListeners.set(fn, mailboxes.onBlock(fn))
    }
    for (const fn of this.#alarmListeners.keys()) {
      this.#alarmListeners.set(fn, mailboxes.onAlarm(fn))
    }
    for (const stream of this.#streams) corestore.replicate(stream)
    await mailboxes.openFeeds(this.#feedKeys)
    this.#log('store-opened-anew', { folder: this.#options.folder })
  }

  /** Runs `deed` on a store that can write, and notes if it finds that it cannot. */
  async #onTrees<T>(deed: (trees: TreeCores) => Promise<T>): Promise<T> {
    if (this.#wasFull && this.#options.cache === true) await this.#look()
    await this.#healing
    try {
      return await deed(this.#open().trees)
    } catch (error) {
      if (isStoreFull(error)) this.#wasFull = true
      throw error
    }
  }

  /** Serves and fetches over one connection, until it closes. The same one twice is once. */
  replicate(stream: object): void {
    if (this.#streams.has(stream) || this.closing !== null) return
    const { corestore } = this.#open()
    this.#streams.add(stream)
    // Every swarm connection is a duplex with this event.
    const closing = stream as ClosingStream
    closing.once('close', () => this.#streams.delete(stream))
    corestore.replicate(stream)
  }

  /**
   * Reads exactly these feeds (≤ 4) from now on. A feed once found forked or junk stays shut, and
   * is named again by an alarm after each start. Throws `OVER_LIMIT` for more.
   */
  async openFeeds(keys: readonly Bytes[]): Promise<void> {
    await this.#healing
    await this.#open().mailboxes.openFeeds(keys)
    this.#feedKeys = keys
  }

  /** Blocks of all feeds, in order within each, from the first on at every start. */
  onBlock(listener: BlockListener): () => void {
    this.#blockListeners.set(listener, this.#open().mailboxes.onBlock(listener))
    return () => {
      this.#blockListeners.get(listener)?.()
      this.#blockListeners.delete(listener)
    }
  }

  onAlarm(listener: AlarmListener): () => void {
    this.#alarmListeners.set(listener, this.#open().mailboxes.onAlarm(listener))
    return () => {
      this.#alarmListeners.get(listener)?.()
      this.#alarmListeners.delete(listener)
    }
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
    await this.#onTrees(async (trees) => await trees.build(pack))
  }

  /** Stores a whole patch core, so that peers can take routes from here. */
  async buildPatchCore(pack: Pick<PatchPack, 'core' | 'blocks'>): Promise<void> {
    await this.#onTrees(async (trees) => await trees.build(pack))
  }

  /**
   * Fetches what is missing and makes the tree in `into`, by the cheapest way first: a patch from a
   * local tree, a chain of them, chunks, or the solid stream. Blocks that came stay after an error,
   * and are not fetched again. Errors of `unpackTree`, `NO_PEERS`, `TIMEOUT`, `HELD` for a release
   * whose ways cost too much for nothing, or the signal's reason.
   */
  async fetchTree(artifact: Artifact, options: FetchTreeOptions): Promise<void> {
    await this.#onTrees(async (trees) => await trees.fetch(artifact, options))
  }

  /**
   * Fetches all of a core and shows it: for those who carry for others and unpack nothing.
   * `NO_PEERS`, `TIMEOUT`, `NO_SPACE`, or the signal's reason; what came stays.
   */
  async fetchCore(core: CoreRef, options: FetchCoreOptions = {}): Promise<void> {
    await this.#onTrees(async (trees) => await trees.fetchCore(core, options))
  }

  /**
   * Makes the tree core whole from installed files, so that this node seeds all of it (S109).
   * `differs`: this machine's encoder gives other bytes; what was fetched stays, nothing else is
   * stored. `sparse`: it is not this node's to carry, or over the quota. Throws `HASH_MISMATCH` if
   * the folder is not the signed tree.
   */
  async rebuild(artifact: Artifact, folder: string): Promise<Rebuilt> {
    return await this.#onTrees(async (trees) => await trees.rebuild(artifact, folder))
  }

  async hasWhole(core: CoreRef): Promise<boolean> {
    return await this.#onTrees(async (trees) => await trees.isWhole(core))
  }

  /**
   * Connected peers that hold all blocks of a static core or of a feed. The first call opens the
   * core on every connection and says 0: call again.
   */
  holders(core: Pick<CoreRef, 'key' | 'blocks'>): number {
    return this.#healing === null ? this.#open().trees.holders(core) : 0
  }

  /** The blocks of a core that is whole here, in order; throws `INCOMPLETE` where one is not. */
  blocks(core: CoreRef): AsyncIterable<Bytes> {
    return this.#open().trees.blocks(core)
  }

  /** Deletes a tree core or a patch core. The disk comes back one release late at worst. */
  async drop(core: CoreRef): Promise<void> {
    await this.#onTrees(async (trees) => await trees.drop(core))
  }

  #open(): Opened {
    assert(this.#opened !== null, 'the store is open')
    return this.#opened
  }
}
