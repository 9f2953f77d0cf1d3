import type Hypercore from 'hypercore'
import type Corestore from 'corestore'
import { copy, feedBlockBytesMax, feedJunkBlocksMax } from '../base/index.ts'
import type { Bytes, Clock, Code } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import { translated } from './failure.ts'

export interface FeedAlarm {
  readonly code: Extract<Code, 'FEED_FORK' | 'FEED_JUNK' | 'FEED_DEAD'>
  readonly feed: Bytes
  /** One sentence for people; as it leaves the store it names the feed. */
  readonly text: string
}

type Fault = FeedAlarm & { readonly code: 'FEED_FORK' | 'FEED_JUNK' }

/** What a reader tells its store. */
export interface ReaderEvents {
  /** Whether the block was of use; a feed of useless ones ends (S27). */
  block(feed: Bytes, index: number, bytes: Bytes): Promise<boolean>
  /** The feed is at an end for this node; `proof` is kept. */
  ended(alarm: Fault, proof: unknown): Promise<void>
  /** The feed was looked over; `isHeard`: it shows life. */
  looked(feed: Bytes, isHeard: boolean): Promise<void>
}

export interface FeedOptions {
  readonly key: Bytes
  /**
   * A block that nobody gives in this time is passed over (S30); as often the feed is looked over
   * for a fork.
   */
  readonly withinMs: number
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
  readonly #withinMs: number
  #core: Hypercore
  #state: State = 'reading'
  #next = 0
  #useless = 0
  #pumping: Promise<void> | null = null
  #again = false
  #cancelLook: () => void = noop
  #hasRead = false

  constructor(clock: Clock, store: Corestore, events: ReaderEvents, feed: FeedOptions) {
    this.key = feed.key
    this.#withinMs = feed.withinMs
    this.#clock = clock
    this.#store = store
    this.#events = events
    const { key } = feed
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
    this.#core.on('peer-add', () => this.#pump())
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
    this.#cancelLook = this.#clock.after(this.#withinMs, () => this.#look())
    this.lookForFork()
    this.#pump()
    // A length alone is no life: blocks that nobody gives are as good as none (S35).
    const isHeld = this.#core.peers.some(({ remoteLength }) => remoteLength > 0)
    this.#events.looked(this.key, isHeld && this.#hasRead).catch(inBackground)
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
        const index = this.#next
        // Alone there is nobody to ask; among peers a hole must not hide what follows it.
        if (this.#core.peers.length === 0 && !(await this.#core.has(index))) return
        const block = await this.#get(index)
        if (this.#core.closing !== null) return
        this.#next = index + 1
        await this.#take(index, block)
      }
    }
  }

  /**
   * A block, or null if it did not come in time or a fork closed the session under us. A block that
   * is late stays asked for, and is handed on when some peer has it (S30).
   */
  async #get(index: number): Promise<Bytes | null> {
    const asked = this.#ask(index)
    let cancel = noop
    const late = new Promise<'late'>((resolve) => {
      cancel = this.#clock.after(this.#withinMs, () => resolve('late'))
    })
    const found = await Promise.race([asked, late])
    cancel()
    if (found !== 'late') return found
    asked
      .then(async (block) => {
        if (block !== null && this.#state === 'reading') await this.#take(index, block)
      })
      .catch(inBackground)
    return null
  }

  async #ask(index: number): Promise<Bytes | null> {
    try {
      const block = await this.#core.get(index)
      return block === null ? null : copy(block)
    } catch (error) {
      if (this.#core.closing !== null) return null
      throw translated(error, 'read feed')
    }
  }

  /** Hands a block on; a missing one is of no use either. */
  async #take(index: number, block: Bytes | null): Promise<void> {
    if (block !== null && block.byteLength > feedBlockBytesMax) {
      await this.#core.clear(index, index + 1)
      const text = `block ${index} has ${block.byteLength} bytes, at most ${feedBlockBytesMax}`
      this.#end('junk', { code: 'FEED_JUNK', feed: this.key, text }, { index })
      return
    }
    if (block !== null) this.#hasRead = true
    const useful = block !== null && (await this.#events.block(this.key, index, block))
    this.#useless = useful ? 0 : this.#useless + 1
    if (this.#useless < feedJunkBlocksMax) return
    const text = `${this.#useless} blocks in a row were of no use`
    this.#end('junk', { code: 'FEED_JUNK', feed: this.key, text }, { index })
  }

  #end(state: 'forked' | 'junk', alarm: Fault, proof: unknown): void {
    if (this.#state !== 'reading') return
    this.#state = state
    this.#cancelLook()
    this.#finish(state, alarm, proof).catch(inBackground)
  }

  async #finish(state: 'forked' | 'junk', alarm: Fault, proof: unknown): Promise<void> {
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
