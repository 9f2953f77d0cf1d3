/** Things that happen at whole milliseconds, in order of time and then of being said. */
export class Calendar<T> {
  readonly #days: (T[] | undefined)[] = []
  #nowMs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  at(ms: number, thing: T): void {
    const day = Math.max(this.#nowMs, Math.ceil(ms))
    const found = this.#days[day]
    if (found === undefined) this.#days[day] = [thing]
    else found.push(thing)
  }

  /** Plays until `endMs` or until nothing is left. */
  play(endMs: number, happen: (thing: T) => void): void {
    for (; this.#nowMs < Math.min(endMs, this.#days.length); this.#nowMs++) {
      // More may be added to the day that is being played.
      const day = this.#days[this.#nowMs] ?? []
      for (const thing of day) happen(thing)
      this.#days[this.#nowMs] = undefined
    }
  }
}
