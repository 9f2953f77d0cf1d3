import { SECOND, type Clock } from '../base/index.ts'
import type { Route } from '../artifact/index.ts'
import type { Fetch, Need } from './fetch.ts'
import { Pace } from './pace.ts'

/** Without a block it is told so often how things stand. */
const tellEveryMs = SECOND

/** How far a fetch is. */
export interface Progress {
  /** The way that is taken; `index` while ways are looked up, `core` for a whole one as it is. */
  readonly route: Route['tag'] | 'index' | 'core'
  /** Blocks of the ones needed on this way that are here. */
  readonly blocks: number
  readonly blocksNeeded: number
  /** Stored bytes that came over the wire in this fetch, on all ways. */
  readonly bytes: number
  /** That, and what still has to come on this way; an estimate until the last block. */
  readonly bytesNeeded: number
  /** Bytes per second over the last five. */
  readonly rate: number
  /** Peers that are asked now. */
  readonly peers: number
  /** At this rate; null while nothing comes. */
  readonly msLeft: number | null
}

const nothing: Need = { blocks: 0, blocksNeeded: 0, bytesLeft: 0, peers: 0 }

/** Bytes and time of one fetch, over all cores it reads. */
export class Gauge {
  readonly #clock: Clock
  readonly #tell: (progress: Progress) => void
  readonly #pace: Pace
  #route: Progress['route'] = 'index'
  #from: Fetch | null = null
  #bytes = 0
  #toldMs: number

  constructor(clock: Clock, tell: ((progress: Progress) => void) | undefined) {
    this.#clock = clock
    this.#tell = tell ?? noop
    this.#toldMs = clock.steadyMs()
    this.#pace = new Pace(this.#toldMs)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** From now on this way is taken, on this core. */
  onto(route: Progress['route'], from: Fetch): void {
    this.#route = route
    this.#from = from
  }

  /** Bytes came; with 0, time passed. */
  add(bytes: number): void {
    const nowMs = this.#clock.steadyMs()
    this.#bytes += bytes
    if (bytes > 0) this.#pace.add(bytes, nowMs)
    if (bytes > 0 || nowMs - this.#toldMs >= tellEveryMs) this.tell()
  }

  tell(): void {
    this.#toldMs = this.#clock.steadyMs()
    this.#tell(this.#now(this.#toldMs))
  }

  #now(nowMs: number): Progress {
    const { blocks, blocksNeeded, bytesLeft, peers } = this.#from?.need ?? nothing
    const rate = this.#pace.rate(nowMs)
    return {
      route: this.#route,
      blocks,
      blocksNeeded,
      bytes: this.#bytes,
      bytesNeeded: this.#bytes + bytesLeft,
      rate,
      peers,
      msLeft: rate === 0 ? null : Math.round((bytesLeft * SECOND) / rate)
    }
  }
}

function noop(): void {}
