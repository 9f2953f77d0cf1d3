import type { Bytes } from '../base/index.ts'
import type {
  Attestations,
  Brakes,
  CensusEstimate,
  Claim,
  Fold,
  Freshness,
  Member,
  Pool,
  PoolSeat,
  PoolView,
  Reading,
  Reporter,
  Rollout
} from '../crowd/index.ts'

/** What is read of one rollout, once per look. */
interface Page {
  readonly fold: Fold
  readonly reading: Reading
  reporters: readonly Reporter[] | null
}

/**
 * The pool as a whole fleet reads it within one tick: nothing in it changes between two looks, so
 * each answer is made once and given to everybody. What a node asks about itself goes through.
 */
export class SharedView implements PoolView {
  readonly isOpen: boolean
  readonly #pool: Pool
  readonly #seats = new Map<Bytes, PoolSeat | null>()
  #pages = new Map<string, Page>()
  #members: readonly Member[] | null = null
  #census: CensusEstimate | null = null

  constructor(pool: Pool) {
    this.#pool = pool
    this.isOpen = pool.isOpen
  }

  /** To be called when something was heard, and at each tick: some of it follows from the time. */
  look(): void {
    this.#pages = new Map()
    this.#members = null
    this.#census = null
  }

  rollout(hex: string): Rollout | null {
    return this.#pool.rollout(hex)
  }

  fold(hex: string): Fold {
    return this.#page(hex).fold
  }

  reporters(hex: string): readonly Reporter[] {
    const page = this.#page(hex)
    return (page.reporters ??= this.#pool.reporters(hex))
  }

  verdicts(hex: string): Reading {
    return this.#page(hex).reading
  }

  members(nowMs: number): readonly Member[] {
    return (this.#members ??= this.#pool.members(nowMs))
  }

  census(nowMs: number): CensusEstimate {
    return (this.#census ??= this.#pool.census(nowMs))
  }

  seatOf(nodeKey: Bytes): PoolSeat | null {
    const held = this.#seats.get(nodeKey)
    if (held !== undefined) return held
    const seat = this.#pool.seatOf(nodeKey)
    this.#seats.set(nodeKey, seat)
    return seat
  }

  lacksReport(...place: Parameters<PoolView['lacksReport']>): boolean {
    return this.#pool.lacksReport(...place)
  }

  lacksVerdict(...ballot: Parameters<PoolView['lacksVerdict']>): boolean {
    return this.#pool.lacksVerdict(...ballot)
  }

  brakes(hex: string, nowMs: number): Brakes {
    return this.#pool.brakes(hex, nowMs)
  }

  attestations(...artifact: Parameters<PoolView['attestations']>): Attestations {
    return this.#pool.attestations(...artifact)
  }

  freshness(nowMs: number): Freshness {
    return this.#pool.freshness(nowMs)
  }

  claim(nowMs: number): Claim | null {
    return this.#pool.claim(nowMs)
  }

  #page(hex: string): Page {
    const held = this.#pages.get(hex)
    if (held !== undefined) return held
    const fold = this.#pool.fold(hex)
    const page: Page = { fold, reading: this.#pool.verdicts(hex), reporters: null }
    this.#pages.set(hex, page)
    return page
  }
}
