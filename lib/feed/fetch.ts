import type Hypercore from 'hypercore'
import {
  assert,
  fetchPeersMax,
  OtaError,
  SECOND,
  type Bytes,
  type Clock,
  type Dice
} from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import { translated } from './failure.ts'

/** Peers asked at first; duplicates on the wire cost more than a second source brings. */
const peersAtFirst = 2
/** One more peer is asked this often while blocks are missing. */
const addPeerEveryMs = 10 * SECOND
/** How often the peers are looked over. */
const lookEveryMs = 250
/** A peer that was asked and has shown nothing in this time makes room for another. */
const answerWithinMs = SECOND
/**
 * Those who answered may have nothing of what is missing: without a block for so long, ask one
 * more.
 */
const idleMs = 2 * SECOND

export interface Progress {
  /** Blocks of the ones needed that are here. */
  readonly blocks: number
  readonly blocksNeeded: number
  /** Stored bytes that came over the wire in this fetch. */
  readonly bytes: number
}

export interface FetchOptions {
  /** No block within this time ends the fetch; what came stays and is not asked again. */
  readonly stallMs: number
  readonly streams: () => readonly object[]
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
}

/** One core being fetched: asks few peers, more while it takes long, and ends. */
export class Fetch {
  readonly #clock: Clock
  readonly #dice: Dice
  readonly #core: Hypercore
  readonly #options: FetchOptions
  readonly #asked = new Map<object, number>()
  readonly #startedMs: number
  /** When a block came last, or one more peer was asked for want of one. */
  #lastMs: number
  /** Closing the session ends every wait for a block. */
  readonly #onAbort = (): void => {
    this.#core.close().catch(inBackground)
  }
  #cancelLook: () => void = noop
  #range: { destroy(): void } | null = null
  #missing = new Set<number>()
  #needed = 0
  #bytes = 0
  #hadPeer = false
  #closed = false

  constructor(clock: Clock, dice: Dice, core: Hypercore, options: FetchOptions) {
    this.#clock = clock
    this.#dice = dice
    this.#core = core
    this.#options = options
    this.#startedMs = clock.steadyMs()
    this.#lastMs = this.#startedMs
    core.on('download', (index, bytes) => {
      this.#bytes += bytes
      this.#lastMs = clock.steadyMs()
      if (this.#missing.delete(index)) this.#tell()
    })
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#look()
  }

  /** A block, from disk or from a peer. `NO_PEERS`, `TIMEOUT`, or the reason of the signal. */
  async block(index: number): Promise<Bytes> {
    const held = await this.#core.get(index, { wait: false })
    if (held !== null) return held
    const { stallMs, signal } = this.#options
    try {
      const block = await this.#core.get(index, { timeout: stallMs })
      assert(block !== null, 'a block that is waited for comes or fails')
      return block
    } catch (error) {
      signal?.throwIfAborted()
      if (!this.#hadPeer) throw noPeers(stallMs, error)
      throw translated(error, `fetch block ${index}`)
    }
  }

  /** Asks for all of these at once; `block` then waits for them one by one. */
  async need(blocks: readonly number[], bytes = 0): Promise<void> {
    void bytes
    const missing: number[] = []
    for (const index of blocks) if (!(await this.#core.has(index))) missing.push(index)
    this.#needed = blocks.length
    this.#missing = new Set(missing)
    this.#tell()
    if (missing.length > 0 && !this.#closed) this.#range = this.#core.download({ blocks: missing })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#cancelLook()
    this.#range?.destroy()
    await this.#core.close()
  }

  #tell(): void {
    const blocks = this.#needed - this.#missing.size
    this.#options.onProgress?.({ blocks, blocksNeeded: this.#needed, bytes: this.#bytes })
  }

  #look(): void {
    if (this.#closed) return
    this.#cancelLook = this.#clock.after(lookEveryMs, () => this.#look())
    const nowMs = this.#clock.steadyMs()
    const answering = this.#core.peers.filter((peer) => peer.remoteLength > 0).length
    if (answering > 0) this.#hadPeer = true
    const wanted = this.#wanted(nowMs, answering)
    let waiting = 0
    const streams = this.#options.streams()
    const open = new Set(streams)
    for (const [stream, askedMs] of this.#asked) {
      if (!open.has(stream)) this.#asked.delete(stream)
      else if (nowMs - askedMs < answerWithinMs) waiting += 1
    }
    const fresh = streams.filter((stream) => !this.#asked.has(stream))
    for (
      let room = wanted - Math.max(answering, waiting);
      room > 0 && fresh.length > 0;
      room -= 1
    ) {
      const [stream] = fresh.splice(Math.floor(this.#dice.next() * fresh.length), 1)
      if (stream === undefined) break
      this.#asked.set(stream, nowMs)
      this.#core.replicate(stream)
    }
  }

  /**
   * How many peers to have at work. As long as nobody has answered, asking costs next to nothing:
   * a peer that lacks the core opens nothing.
   */
  #wanted(nowMs: number, answering: number): number {
    if (answering === 0 && nowMs - this.#startedMs >= answerWithinMs) return fetchPeersMax
    const more = Math.floor((nowMs - this.#startedMs) / addPeerEveryMs)
    const wanted = Math.min(fetchPeersMax, peersAtFirst + more)
    if (this.#missing.size === 0 || nowMs - this.#lastMs < idleMs) return wanted
    this.#lastMs = nowMs
    return Math.min(fetchPeersMax, Math.max(wanted, answering + 1))
  }
}

function noPeers(stallMs: number, cause: unknown): OtaError {
  const text = `no connected peer had the core within ${stallMs / SECOND} s`
  return new OtaError('NO_PEERS', text, { cause, hint: 'stay connected: it is asked for again' })
}

function noop(): void {}
