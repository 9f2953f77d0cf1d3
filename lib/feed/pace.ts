import { assert, SECOND } from '../base/index.ts'

/** Over so long a rate is taken. */
const windowMs = 5 * SECOND
/** Shares of one look: what came within it stands as one. */
const grainMs = 100

/** Bytes per second over the last seconds. Times are steady ones and never fall. */
export class Pace {
  readonly #windowMs: number
  readonly #startedMs: number
  #shares: { readonly ms: number; bytes: number }[] = []

  constructor(startedMs: number, window: number = windowMs) {
    this.#startedMs = startedMs
    this.#windowMs = window
  }

  add(bytes: number, nowMs: number): void {
    const last = this.#shares.at(-1)
    assert(last === undefined || nowMs >= last.ms, 'steady time never falls')
    if (last !== undefined && nowMs - last.ms < grainMs) last.bytes += bytes
    else this.#shares.push({ ms: nowMs, bytes })
    this.#forget(nowMs)
  }

  /** Bytes per second, over a second at least. */
  rate(nowMs: number): number {
    this.#forget(nowMs)
    const spanMs = Math.min(this.#windowMs, nowMs - this.#startedMs)
    const bytes = this.#shares.reduce((sum, share) => sum + share.bytes, 0)
    return Math.round((bytes * SECOND) / Math.max(SECOND, spanMs))
  }

  #forget(nowMs: number): void {
    const firstMs = nowMs - this.#windowMs
    if ((this.#shares[0]?.ms ?? nowMs) < firstMs) {
      this.#shares = this.#shares.filter(({ ms }) => ms >= firstMs)
    }
  }
}
