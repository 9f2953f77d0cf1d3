import type Hypercore from 'hypercore'
import type Corestore from 'corestore'
import { copy, feedBlockBytesMax, feedJunkBlocksMax, isOtaError, SECOND } from '../base/index.ts'
import type { Bytes, Clock, Code } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import { translated } from './failure.ts'

/** One block that nobody has must not hold up the rest for ever (S30). */
const blockWithinMs = 30 * SECOND
/** After a block did not come, and between two looks for a fork. */
const lookEveryMs = 30 * SECOND

export interface FeedAlarm {
  readonly code: Extract<Code, 'FEED_FORK' | 'FEED_JUNK'>
  readonly feed: Bytes
  readonly text: string
}

/** What a reader tells its store. */
export interface ReaderEvents {
  /** Whether the block was of use; a feed of useless ones ends (S27). */
  block(feed: Bytes, index: number, bytes: Bytes): Promise<boolean>
  /** The feed is at an end for this node; `proof` is kept. */
  ended(alarm: FeedAlarm, proof: unknown): Promise<void>
}

type State = 'reading' | 'forked' | 'junk' | 'closed'

/**
 * Reads one feed from its first block on, one at a time. A fork of any kind, an oversize block or
 * 4,096 useless ones end it; what was handed on before stays where it is. The reader never forks
 * with its feed: hypercore would rewrite the copy without a word (S26).
 */
export class FeedReader {
  readonly key: Bytes
  readonly #clock: Clock
  readonly #store: Corestore
  readonly #events: ReaderEvents
  #core: Hypercore
  #state: State = 'reading'
  #next = 0
  #useless = 0
  #pumping: Promise<void> | null = null
  #again = false
  #cancelLook: () => void = noop

  constructor(clock: Clock, store: Corestore, key: Bytes, events: ReaderEvents) {
    this.key = key
    this.#clock = clock
    this.#store = store
    this.#events = events
    this.#core = store.get({ key, allowFork: false })
  }

  get state(): State {
    return this.#state
  }

  get length(): number {
    return this.#core.length
  }

  get peers(): number {
    return this.#core.peers.length
  }

  async open(): Promise<void> {
    this.#core.on('append', () => this.#pump())
    this.#core.on('conflict', (length, _fork, proof) => {
      const text = `two signed branches exist at length ${length}`
      this.#end('forked', { code: 'FEED_FORK', feed: this.key, text }, proof)
    })
    await this.#core.ready()
    this.#look()
    this.#pump()
  }

  async close(): Promise<void> {
    if (this.#state === 'reading') this.#state = 'closed'
    this.#cancelLook()
    await this.#core.close()
    await this.#pumping
  }

  /** A truncated feed shows in no event: its peers are asked for their fork number (S26). */
  #look(): void {
    if (this.#state !== 'reading') return
    this.#cancelLook = this.#clock.after(lookEveryMs, () => this.#look())
    this.lookForFork()
    this.#pump()
  }

  /** Ends the feed if a peer shows another fork of it. */
  lookForFork(): void {
    const other = this.#core.peers.find((peer) => peer.remoteFork > this.#core.fork)
    if (other === undefined || this.#state !== 'reading') return
    const text = `its owner cut it back and went on as fork ${other.remoteFork}`
    const proof = { remoteFork: other.remoteFork, peer: other.remotePublicKey }
    this.#end('forked', { code: 'FEED_FORK', feed: this.key, text }, proof)
  }

  #pump(): void {
    this.#again = true
    if (this.#pumping !== null || this.#state !== 'reading') return
    this.#pumping = this.#drain()
      .catch(inBackground)
      .finally(() => {
        this.#pumping = null
      })
  }

  async #drain(): Promise<void> {
    while (this.#again && this.#state === 'reading') {
      this.#again = false
      while (this.#state === 'reading' && this.#next < this.#core.length) {
        if (!(await this.#step())) return
      }
    }
  }

  /** Reads the next block; false if it did not come. */
  async #step(): Promise<boolean> {
    const index = this.#next
    let block: Bytes | null
    try {
      block = await this.#core.get(index, { timeout: blockWithinMs })
    } catch (error) {
      // A fork closes the session under us; the look in half a minute asks again (S30).
      if (this.#core.closing !== null) return false
      if (isOtaError(translated(error, 'read feed'), 'TIMEOUT')) return false
      throw translated(error, 'read feed')
    }
    if (block === null) return false
    this.#next = index + 1
    await this.#take(index, copy(block))
    return true
  }

  async #take(index: number, block: Bytes): Promise<void> {
    if (block.byteLength > feedBlockBytesMax) {
      await this.#core.clear(index, index + 1)
      const text = `block ${index} has ${block.byteLength} bytes, at most ${feedBlockBytesMax}`
      this.#end('junk', { code: 'FEED_JUNK', feed: this.key, text }, { index })
      return
    }
    const useful = await this.#events.block(this.key, index, block)
    this.#useless = useful ? 0 : this.#useless + 1
    if (this.#useless < feedJunkBlocksMax) return
    const text = `${this.#useless} blocks in a row were of no use`
    this.#end('junk', { code: 'FEED_JUNK', feed: this.key, text }, { index })
  }

  #end(state: 'forked' | 'junk', alarm: FeedAlarm, proof: unknown): void {
    if (this.#state !== 'reading') return
    this.#state = state
    this.#cancelLook()
    this.#finish(state, alarm, proof).catch(inBackground)
  }

  async #finish(state: 'forked' | 'junk', alarm: FeedAlarm, proof: unknown): Promise<void> {
    await this.#core.close()
    if (state === 'forked') await this.#takeHeld()
    await this.#events.ended(alarm, proof)
  }

  /** Every statement held before the fork counts: a feed is a mailbox (S26, S29). */
  async #takeHeld(): Promise<void> {
    const quiet = this.#store.session({ active: false })
    const core = quiet.get({ key: this.key, allowFork: false, active: false })
    try {
      await core.ready()
      for (; this.#next < core.length; this.#next += 1) {
        const block = await core.get(this.#next, { wait: false })
        if (block === null || block.byteLength > feedBlockBytesMax) continue
        await this.#events.block(this.key, this.#next, copy(block))
      }
    } finally {
      await core.close()
    }
  }
}

function noop(): void {}
