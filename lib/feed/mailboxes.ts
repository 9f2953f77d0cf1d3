import { feedsMax, OtaError, toHex } from '../base/index.ts'
import type { Bytes, Clock, Disk, Log } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import type { KeyPair } from '../trust/index.ts'
import type { Cores } from './cores.ts'
import { Denied } from './denied.ts'
import { atDoor } from './failure.ts'
import { OwnFeed } from './own.ts'
import { FeedReader, type FeedAlarm, type ReaderEvents } from './reader.ts'

/** Called for each block of a feed in order; true if it was of use, so that junk can be told. */
export type BlockListener = (feed: Bytes, index: number, bytes: Bytes) => Promise<boolean> | boolean

export interface FeedView {
  readonly key: Bytes
  readonly state: 'reading' | 'forked' | 'junk'
  readonly length: number
  /** Connections that carry it. */
  readonly peers: number
}

/** The feeds a trust names, as mailboxes whose union counts, and the one this signer writes. */
export class Mailboxes {
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Log
  readonly #cores: Cores
  readonly #folder: string
  readonly #withinMs: number
  readonly #readers = new Map<string, FeedReader>()
  readonly #own = new Map<string, OwnFeed>()
  readonly #blockListeners = new Set<BlockListener>()
  readonly #alarmListeners = new Set<(alarm: FeedAlarm) => void>()
  #denied: Denied | null = null

  constructor(
    clock: Clock,
    log: Log,
    cores: Cores,
    own: { disk: Disk; folder: string; withinMs: number }
  ) {
    this.#clock = clock
    this.#log = log
    this.#cores = cores
    this.#disk = own.disk
    this.#folder = own.folder
    this.#withinMs = own.withinMs
  }

  async open(): Promise<void> {
    this.#denied = await Denied.open(this.#disk, this.#folder)
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close()
    this.#readers.clear()
    for (const own of this.#own.values()) await own.close()
    this.#own.clear()
  }

  onBlock(listener: BlockListener): () => void {
    this.#blockListeners.add(listener)
    return () => this.#blockListeners.delete(listener)
  }

  onAlarm(listener: (alarm: FeedAlarm) => void): () => void {
    this.#alarmListeners.add(listener)
    return () => this.#alarmListeners.delete(listener)
  }

  /** Reads exactly these feeds from now on; denied ones stay shut. */
  async openFeeds(keys: readonly Bytes[]): Promise<void> {
    if (keys.length > feedsMax) {
      const facts = { have: keys.length, max: feedsMax }
      throw new OtaError('OVER_LIMIT', `a network has at most ${feedsMax} feeds`, { facts })
    }
    const wanted = new Set(keys.map(toHex))
    for (const [name, reader] of this.#readers) {
      if (wanted.has(name)) continue
      this.#readers.delete(name)
      await reader.close()
    }
    for (const key of keys) await this.#openReader(key)
  }

  feeds(): FeedView[] {
    return [...this.#readers.values()].map((reader) => ({
      key: reader.key,
      state: this.#stateOf(reader),
      length: reader.length,
      peers: reader.peers
    }))
  }

  /** Looks now, not at the next half minute, whether a feed was cut back by its owner. */
  lookForForks(): void {
    for (const reader of this.#readers.values()) reader.lookForFork()
  }

  /** What was kept when the feed ended; null while it is good. */
  async proofAgainst(feed: Bytes): Promise<string | null> {
    return (await this.#denied?.proof(feed)) ?? null
  }

  async ownFeed(pair: KeyPair): Promise<OwnFeed> {
    const name = toHex(pair.key)
    const open = this.#own.get(name)
    if (open !== undefined) return open
    await this.#disk.makeFolder(this.#folder)
    const options = { pair, folder: this.#folder }
    const own = new OwnFeed(this.#clock, this.#disk, this.#cores.store, options)
    this.#own.set(name, own)
    await own.open()
    return own
  }

  #stateOf(reader: FeedReader): FeedView['state'] {
    const reason = this.#denied?.reason(reader.key) ?? null
    if (reason !== null) return reason === 'fork' ? 'forked' : 'junk'
    return reader.state === 'closed' ? 'reading' : reader.state
  }

  async #openReader(key: Bytes): Promise<void> {
    const name = toHex(key)
    if (this.#readers.has(name)) return
    const reason = this.#denied?.reason(key) ?? null
    if (reason !== null) {
      this.#log('feed-shut', { feed: name, reason })
      return
    }
    const reader = new FeedReader(this.#clock, this.#cores.store, this.#events(), {
      key,
      withinMs: this.#withinMs
    })
    this.#readers.set(name, reader)
    await atDoor('open feed', async () => await reader.open())
  }

  #events(): ReaderEvents {
    return {
      block: async (feed, index, bytes) => {
        let useful = this.#blockListeners.size === 0
        for (const listener of this.#blockListeners) {
          if (await listener(feed, index, bytes)) useful = true
        }
        return useful
      },
      ended: async (alarm, proof) => {
        const reason = alarm.code === 'FEED_FORK' ? 'fork' : 'junk'
        await this.#denied?.add(alarm.feed, reason, proof)
        this.#log(alarm.code, { feed: toHex(alarm.feed), text: alarm.text })
        for (const listener of this.#alarmListeners) listener(alarm)
        // What is not stored is not served: a forked branch must not spread from here.
        if (!this.#isOwn(alarm.feed)) this.#cores.erase(alarm.feed).catch(inBackground)
      }
    }
  }

  #isOwn(feed: Bytes): boolean {
    return [...this.#own.values()].some((own) => toHex(own.key) === toHex(feed))
  }
}
