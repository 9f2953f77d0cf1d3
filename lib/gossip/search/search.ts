import { SECOND } from '../../base/index.ts'
import { begin, climb, ground, type Ladder, type Rung } from './ladder.ts'
import type { Hub } from '../ports.ts'

/** A whole fleet grows stale at one moment; it must not rejoin at one moment. */
const jitterMs = 30 * SECOND

/** What each rung does. */
export type Rungs = Readonly<Record<Rung, () => void>>

/** The search ladder at work: a rung per five minutes while somebody wants more than peers show. */
export class Search {
  readonly #hub: Hub
  readonly #rungs: Rungs
  /** Asks all peers at each rung, before it: whoever came since the last one is asked too. */
  readonly #ask: () => void
  #ladder: Ladder = ground
  #cancel: (() => void) | null = null

  constructor(hub: Hub, rungs: Rungs, ask: () => void) {
    this.#hub = hub
    this.#rungs = rungs
    this.#ask = ask
  }

  /** The rung taken last, 1 to 6; 0 while nobody searches. */
  get rung(): number {
    return this.#ladder.rung
  }

  get isOn(): boolean {
    return this.#ladder.dueMs !== null
  }

  start(): void {
    this.#ladder = begin(this.#ladder, this.#hub.clock.steadyMs())
    if (this.#cancel === null) this.#climb()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = null
    if (this.isOn) this.#hub.log('search-over', { rung: this.rung })
    this.#ladder = ground
  }

  close(): void {
    this.#cancel?.()
    this.#cancel = null
    this.#ladder = ground
  }

  #climb(): void {
    const { clock, dice, log } = this.#hub
    const nowMs = clock.steadyMs()
    const { ladder, rung } = climb(this.#ladder, nowMs)
    this.#ladder = ladder
    // Armed first: a rung may end the search.
    const waitMs = Math.max(1, (ladder.dueMs ?? nowMs) - nowMs) + dice.next() * jitterMs
    this.#cancel = clock.after(waitMs, () => this.#climb())
    if (rung === null) return
    log('search', { rung })
    this.#ask()
    this.#rungs[rung]()
  }
}
