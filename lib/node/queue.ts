/**
 * One deed at a time, in the order asked for. What a deed throws ends the queue and reaches
 * `failed`: a step that could not be journaled must not be followed by another.
 */
export class Queue {
  #last: Promise<void> = Promise.resolve()
  #closed = false
  #broken: { readonly error: unknown } | null = null
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /**
   * Resolves with the deed's result; rejects with what it threw, which `failed` hears as well, or
   * with what ended the queue before.
   */
  async add<T>(deed: () => Promise<T>): Promise<T> {
    const before = this.#last
    const run = async (): Promise<T> => {
      await before
      if (this.#broken !== null) throw this.#broken.error
      try {
        return await deed()
      } catch (error) {
        this.#break(error)
        throw error
      }
    }
    const result = run()
    this.#last = result.then(ignore, ignore)
    return await result
  }

  /** The same for a deed nobody waits for. */
  push(deed: () => Promise<void>): void {
    if (this.#closed) return
    // `failed` has heard of it.
    this.add(deed).catch(ignore)
  }

  /** Takes nothing new and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#last
  }

  #break(error: unknown): void {
    this.#broken = { error }
    if (!this.#closed) this.#failed(error)
  }
}

/** The next deed waits for the end of this one, not for its success. */
function ignore(): void {
  // nothing follows from the result here: who asked for the deed has it
}
