import { feedsMax, OtaError, toHex } from '../base/index.ts'
import type { Bytes, Clock, Disk, Log } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import { toName, type KeyPair } from '../trust/index.ts'
import type { Cores } from './cores.ts'
import { Denied } from './denied.ts'
import { atDoor } from './failure.ts'
import { OwnFeed } from './own.ts'
import { Pulses } from './pulses.ts'
import { FeedReader, type FeedAlarm, type ReaderEvents } from './reader.ts'

/**
 * Called for each block of a feed in order: a statement, or evidence that a feed may carry as well
 * (an attestation, first byte 0x01). True if it was of use, so that junk can be told: a first byte
 * proves nothing, a stolen feed key writes any (S27).
 */
export type BlockListener = (feed: Bytes, index: number, bytes: Bytes) => Promise<boolean> | boolean

export interface FeedView {
  readonly key: Bytes
  /** Forked and junk ones are shut for good, over restarts too. */
  readonly state: 'reading' | 'forked' | 'junk'
  /** Nothing of it could be had for seven days of peers being there; it is listened to still. */
  readonly isDead: boolean
  readonly length: number
  /** Connections that carry it. */
  readonly peers: number
}

export interface MailboxOptions {
  readonly disk: Disk
  /** For proofs, marks and notes. */
  readonly folder: string
  /** Of `FeedReader`. */
  readonly withinMs: number
  /** Whether anybody is connected. */
  readonly hasPeers: () => boolean
}

/** The feeds a trust names, as mailboxes whose union counts, and the one this signer writes. */
export class Mailboxes {
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Log
  readonly #cores: Cores
  readonly #folder: string
  readonly #withinMs: number
  readonly #hasPeers: () => boolean
  readonly #readers = new Map<string, FeedReader>()
  readonly #own = new Map<string, OwnFeed>()
  readonly #blockListeners = new Set<BlockListener>()
  readonly #alarmListeners = new Set<(alarm: FeedAlarm) => void>()
  /** Feeds of the trust that stay shut. */
  #shut: readonly Bytes[] = []
  /** Feeds whose state was told since the start: a trust that names them again says nothing new. */
  readonly #named = new Set<string>()
  readonly #lookedMs = new Map<string, number>()
  #denied: Denied | null = null
  #pulses: Pulses | null = null

  constructor(clock: Clock, log: Log, cores: Cores, own: MailboxOptions) {
    this.#clock = clock
    this.#log = log
    this.#cores = cores
    this.#disk = own.disk
    this.#folder = own.folder
    this.#withinMs = own.withinMs
    this.#hasPeers = own.hasPeers
  }

  async open(): Promise<void> {
    this.#denied = await Denied.open(this.#disk, this.#folder)
    this.#pulses = await Pulses.open(this.#disk, this.#folder)
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close()
    this.#readers.clear()
    for (const own of this.#own.values()) await own.close()
    this.#own.clear()
    await this.#pulses?.close()
  }

  onBlock(listener: BlockListener): () => void {
    this.#blockListeners.add(listener)
    return () => this.#blockListeners.delete(listener)
  }

  onAlarm(listener: (alarm: FeedAlarm) => void): () => void {
    this.#alarmListeners.add(listener)
    return () => this.#alarmListeners.delete(listener)
  }

  /** Reads exactly these feeds from now on; denied ones stay shut and are named again. */
  async openFeeds(keys: readonly Bytes[]): Promise<void> {
    if (keys.length > feedsMax) {
      const facts = { have: keys.length, max: feedsMax }
      throw new OtaError('OVER_LIMIT', `a network has at most ${feedsMax} feeds`, { facts })
    }
    const wanted = new Set(keys.map(toHex))
    for (const [name, reader] of this.#readers) {
      if (wanted.has(name)) continue
      this.#readers.delete(name)
      this.#lookedMs.delete(name)
      await reader.close()
    }
    this.#shut = keys.filter((key) => this.#isShut(key))
    for (const key of keys) {
      if (this.#isShut(key)) this.#nameShut(key)
      else await this.#openReader(key)
    }
  }

  feeds(): FeedView[] {
    const read = [...this.#readers.values()].map((reader) => ({
      key: reader.key,
      state: this.#stateOf(reader),
      isDead: this.#isDead(reader.key),
      length: reader.length,
      peers: reader.peers
    }))
    const shut = this.#shut.map((key) => ({
      key,
      state: this.#denied?.reason(key) === 'fork' ? ('forked' as const) : ('junk' as const),
      isDead: false,
      length: 0,
      peers: 0
    }))
    return [...read, ...shut]
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

  /** Shut before it was opened; one that ended under way keeps its reader. */
  #isShut(key: Bytes): boolean {
    return !this.#readers.has(toHex(key)) && (this.#denied?.reason(key) ?? null) !== null
  }

  #isDead(key: Bytes): boolean {
    return this.#pulses?.of(key).isDead === true && !this.#isOwn(key)
  }

  /** The drop outlives a restart, so the alarm does (S26). */
  #nameShut(key: Bytes): void {
    const name = toHex(key)
    if (this.#named.has(name)) return
    this.#named.add(name)
    const reason = this.#denied?.reason(key) ?? 'junk'
    this.#log('feed-shut', { feed: name, reason })
    const code = reason === 'fork' ? 'FEED_FORK' : 'FEED_JUNK'
    this.#tell({ code, feed: key, text: 'was dropped before and stays shut' })
  }

  async #openReader(key: Bytes): Promise<void> {
    const name = toHex(key)
    if (this.#readers.has(name)) return
    const reader = new FeedReader(this.#clock, this.#cores.store, this.#events(), {
      key,
      withinMs: this.#withinMs
    })
    this.#readers.set(name, reader)
    await atDoor('open feed', async () => await reader.open())
  }

  /** An alarm names its feed: a person has to do something about just that one. */
  #tell({ code, feed, text }: FeedAlarm): void {
    const named = { code, feed, text: `feed ${toName(feed)}: ${text}` }
    this.#log(code, { feed: toHex(feed), text: named.text })
    for (const listener of this.#alarmListeners) listener(named)
  }

  async #looked(feed: Bytes, isHeard: boolean): Promise<void> {
    const name = toHex(feed)
    const nowMs = this.#clock.steadyMs()
    const elapsedMs = nowMs - (this.#lookedMs.get(name) ?? nowMs)
    this.#lookedMs.set(name, nowMs)
    if (this.#pulses === null || this.#isOwn(feed)) return
    const look = { elapsedMs, hasPeers: this.#hasPeers(), isHeard }
    const { before, after } = await this.#pulses.look(feed, look)
    if (before.isDead && !after.isDead) {
      this.#log('feed-back', { feed: name })
      this.#named.delete(name)
    }
    if (after.isDead && !this.#named.has(name)) {
      this.#named.add(name)
      const text = 'for seven days no peer has given a block of it; let a new trust name another'
      this.#tell({ code: 'FEED_DEAD', feed, text })
    }
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
        this.#named.add(toHex(alarm.feed))
        this.#tell(alarm)
        // What is not stored is not served: a forked branch must not spread from here.
        if (!this.#isOwn(alarm.feed)) this.#cores.erase(alarm.feed).catch(inBackground)
      },
      looked: async (feed, isHeard) => await this.#looked(feed, isHeard)
    }
  }

  #isOwn(feed: Bytes): boolean {
    return [...this.#own.values()].some((own) => toHex(own.key) === toHex(feed))
  }
}
