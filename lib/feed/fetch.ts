import type Hypercore from 'hypercore'
import { assert, OtaError, SECOND, type Bytes } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import { translated } from './failure.ts'
import { Hedge, lookForLate } from './hedge.ts'
import type { MakeRelief, Relief } from './mirror/relief.ts'
import { Sources, type SourcePorts } from './sources.ts'

/** How often the peers are looked over. */
const lookEveryMs = 250
/** With another way left, one that gives no block in this time is left. */
const patienceMs = 15 * SECOND
/** The same, where every connected peer was asked and none shows a block that is missing. */
const hopelessMs = 2 * SECOND

export interface FetchOptions {
  /** No block within this time ends the fetch; what came stays and is not asked again. */
  readonly stallMs: number
  readonly signal: AbortSignal | undefined
  /** A block came (its bytes), or the peers were looked over (0). */
  readonly onBytes: (bytes: number) => void
  /** Who is asked where no peer gives anything; nobody unless told. */
  readonly relief?: MakeRelief | undefined
}

/** What is asked for now, and how much of it is here. */
export interface Need {
  readonly blocks: number
  readonly blocksNeeded: number
  /** Stored bytes that still have to come; an estimate where single sizes are not known. */
  readonly bytesLeft: number
  readonly peers: number
}

interface Wait {
  readonly index: number
  readonly sinceMs: number
  /** Fails after this time whatever else comes. */
  readonly withinMs: number
  readonly fail: (error: unknown) => void
  readonly give: (block: Bytes) => void
}

/** One core being fetched, sparse: what is needed is asked for in random order, the rest never. */
export class Fetch {
  readonly #ports: Omit<SourcePorts, 'onBroken'>
  readonly #core: Hypercore
  readonly #options: FetchOptions
  readonly #sources: Sources
  readonly #waits = new Set<Wait>()
  readonly #relief: Relief | null
  /** When a block came last, and when one came from a peer. */
  #blockMs: number
  #peerMs: number
  /** Closing the session ends every wait for a block. */
  readonly #onAbort = (): void => {
    this.#core.close().catch(inBackground)
  }
  #cancelLook: () => void = noop
  #range: { destroy(): void } | null = null
  #missing = new Set<number>()
  #needed = 0
  #average = 0
  #isLastWay = true
  #isLooking = false
  #stopped: unknown = null
  #closed = false

  /** `core` is ready, and closed by `close`. */
  constructor(ports: Omit<SourcePorts, 'onBroken'>, core: Hypercore, options: FetchOptions) {
    this.#ports = ports
    this.#core = core
    this.#options = options
    this.#blockMs = this.#peerMs = ports.clock.steadyMs()
    const broken = (error: unknown): void => this.stop(error)
    this.#sources = new Sources({ ...ports, onBroken: broken }, core)
    const came = (index: number, block: Bytes): void => this.#came(index, block)
    this.#relief = options.relief?.(core, { came, broken, onAlarm: ports.onAlarm }) ?? null
    core.on('download', (index, bytes, from) => {
      this.#blockMs = this.#peerMs = ports.clock.steadyMs()
      this.#sources.noteBlock(from, bytes)
      this.#missing.delete(index)
      options.onBytes(bytes)
    })
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  get need(): Need {
    return {
      blocks: this.#needed - this.#missing.size,
      blocksNeeded: this.#needed,
      bytesLeft: Math.round(this.#missing.size * this.#average),
      peers: this.#sources.answering.length
    }
  }

  /** Whether there is another way to the same tree: then this one need not be waited for long. */
  set isLastWay(isLast: boolean) {
    this.#isLastWay = isLast
  }

  /**
   * A block, from disk or from a peer. `NO_PEERS`, `TIMEOUT`, or the reason of the signal;
   * `withinMs` bounds this one wait.
   */
  async block(index: number, withinMs = Infinity): Promise<Bytes> {
    const { signal } = this.#options
    if (this.#stopped !== null) throw this.#stopped
    try {
      return (await this.#core.get(index, { wait: false })) ?? (await this.#wait(index, withinMs))
    } catch (error) {
      signal?.throwIfAborted()
      throw translated(error, `fetch block ${index}`)
    }
  }

  /**
   * Asks for all of these at once, the first one first and the others in random order, so that
   * peers who begin together hold different ones; `block` then waits for them one by one.
   * `average`: stored bytes of one.
   */
  async ask(blocks: readonly number[], average: number): Promise<void> {
    const missing = await this.missing(blocks)
    this.#needed = blocks.length
    this.#missing = new Set(missing)
    this.#average = average
    this.#range?.destroy()
    this.#range = null
    if (missing.length === 0 || this.#closed || this.#stopped !== null) return
    this.#start()
    const [first, ...rest] = missing
    const order = first === undefined ? [] : [first, ...this.#shuffled(rest)]
    this.#range = this.#core.download({ blocks: order })
  }

  /** Those of `blocks` that are not held. */
  async missing(blocks: readonly number[]): Promise<readonly number[]> {
    const missing: number[] = []
    for (const index of blocks) if (!(await this.#core.has(index))) missing.push(index)
    return missing
  }

  /** Asks for nothing more, and ends every wait with `error`. */
  stop(error: unknown): void {
    this.#stopped = error
    this.#range?.destroy()
    this.#range = null
    for (const wait of this.#waits) wait.fail(error)
    this.#waits.clear()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#cancelLook()
    this.#relief?.close()
    this.#range?.destroy()
    await this.#core.close()
  }

  /** Peers are looked for only once something is missing. */
  #start(): void {
    if (this.#isLooking || this.#closed) return
    this.#isLooking = true
    Hedge.into(this.#core, this.#ports.clock)
    this.#sources.start()
    this.#look()
  }

  async #wait(index: number, withinMs: number): Promise<Bytes> {
    this.#start()
    const sinceMs = this.#ports.clock.steadyMs()
    const wait = {
      index,
      sinceMs,
      withinMs,
      fail: noop as Wait['fail'],
      give: noop as Wait['give']
    }
    const outside = new Promise<Bytes>((resolve, reject) => {
      wait.give = resolve
      wait.fail = reject
    })
    this.#waits.add(wait)
    try {
      const block = await Promise.race([this.#core.get(index), outside])
      assert(block !== null, 'a block that is waited for comes or fails')
      return block
    } finally {
      this.#waits.delete(wait)
    }
  }

  #look(): void {
    if (this.#closed) return
    this.#cancelLook = this.#ports.clock.after(lookEveryMs, () => this.#look())
    this.#sources.look(this.#missing, this.#waits.size > 0)
    lookForLate(this.#core.core)
    this.#askRelief()
    this.#endWaits(this.#ports.clock.steadyMs())
    this.#options.onBytes(0)
  }

  #askRelief(): void {
    if (this.#relief === null) return
    const missing = new Set([...this.#missing, ...[...this.#waits].map(({ index }) => index)])
    const idleMs = this.#ports.clock.steadyMs() - this.#peerMs
    this.#relief.look(missing, { idleMs, hasPeers: this.#sources.answering.length > 0 })
  }

  /** A block from somebody who is no peer; it is stored. */
  #came(index: number, block: Bytes): void {
    this.#blockMs = this.#ports.clock.steadyMs()
    this.#missing.delete(index)
    this.#options.onBytes(block.byteLength)
    for (const wait of this.#waits) if (wait.index === index) wait.give(block)
  }

  #endWaits(nowMs: number): void {
    const limitMs = this.#limitMs()
    for (const wait of this.#waits) {
      const isLate = nowMs - wait.sinceMs >= wait.withinMs
      if (!isLate && nowMs - Math.max(wait.sinceMs, this.#blockMs) < limitMs) continue
      this.#waits.delete(wait)
      wait.fail(this.#lateError(Math.min(limitMs, wait.withinMs)))
    }
  }

  /** How long no block may come. Who has no peers at all will not find them on another way. */
  #limitMs(): number {
    const { stallMs } = this.#options
    if (this.#isLastWay || this.#sources.answering.length === 0) return stallMs
    if (this.#relief?.isBusy === true) return stallMs
    return Math.min(stallMs, this.#sources.isHopeless(this.#missing) ? hopelessMs : patienceMs)
  }

  #lateError(limitMs: number): OtaError {
    const seconds = limitMs / SECOND
    if (this.#sources.hadPeer) {
      const text = `no peer gave a block that is missing within ${seconds} s`
      return new OtaError('TIMEOUT', text)
    }
    const text = `no connected peer had the core within ${seconds} s`
    return new OtaError('NO_PEERS', text, { hint: 'stay connected: it is asked for again' })
  }

  #shuffled(blocks: number[]): number[] {
    for (let i = blocks.length - 1; i > 0; i -= 1) {
      const k = Math.floor(this.#ports.dice.next() * (i + 1))
      const [a, b] = [blocks[i], blocks[k]]
      if (a === undefined || b === undefined) continue
      blocks[i] = b
      blocks[k] = a
    }
    return blocks
  }
}

function noop(): void {}
