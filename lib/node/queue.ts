/**
 * One deed at a time, in the order asked for. What a deed throws ends the queue through `failed`: a
 * step that could not be journaled must not be followed by another.
 */
export class Queue {
  #last: Promise<void> = Promise.resolve()
  #closed = false
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Resolves with the deed's result; rejects with what it threw, which `failed` hears as well. */
  async add<T>(deed: () => Promise<T>): Promise<T> {
    const before = this.#last
    const run = async (): Promise<T> => {
      await before
      return await deed()
    }
    const result = run()
    this.#last = result.then(ignore, ignore)
    return await result
  }

  /** The same for a deed nobody waits for. */
  push(deed: () => Promise<void>): void {
    if (this.#closed) return
    this.add(deed).catch((error: unknown) => {
      if (!this.#closed) this.#failed(error)
    })
  }

  /** Takes nothing new and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
  }
}

/** The next deed waits for the end of this one, not for its success. */
function ignore(): void {
  // nothing follows from the result here: who asked for the deed has it
}
