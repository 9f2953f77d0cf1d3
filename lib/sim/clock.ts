import { assert, type Clock } from '../base/index.ts'

interface Event {
  readonly atMs: number
  /** Of events at one moment the one asked for first comes first. */
  readonly order: number
  fn: (() => void) | null
}

/** A clock that stands still between events: time is what the next event says it is. */
export class SimClock implements Clock {
  readonly #startMs: number
  readonly #heap: Event[] = []
  #nowMs: number
  #count = 0

  constructor(startMs: number) {
    this.#startMs = startMs
    this.#nowMs = startMs
  }

  wallMs(): number {
    return this.#nowMs
  }

  steadyMs(): number {
    return this.#nowMs - this.#startMs
  }

  after(delayMs: number, fn: () => void): () => void {
    assert(delayMs >= 0, 'no event lies in the past')
    const event: Event = { atMs: this.#nowMs + delayMs, order: this.#count++, fn }
    this.#push(event)
    return () => {
      event.fn = null
    }
  }

  /** Goes to the next event and lets it happen; false if there is none up to `limitMs`. */
  step(limitMs: number): boolean {
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (next.fn !== null && next.atMs > limitMs) break
      this.#pop()
      if (next.fn === null) continue
      this.#nowMs = next.atMs
      next.fn()
      return true
    }
    return false
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(event, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const least = isRight ? right : left
      if (!isBefore(least, last)) break
      heap[at] = least
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
