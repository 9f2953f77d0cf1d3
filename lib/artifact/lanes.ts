/**
 * Deeds at one time. Waiting for a disk to sync is most of what a tree of many files costs; a
 * thread of the pool is left over for whatever else the process does.
 */
const lanesMax = 3

/** Runs a few deeds beside each other, each of which may take memory of its own. */
export class Lanes {
  readonly #running = new Set<Promise<void>>()
  #failed: { readonly error: unknown } | null = null

  /** Starts a deed as soon as a lane is free; throws what an earlier one threw. */
  async start(deed: () => Promise<void>): Promise<void> {
    while (this.#running.size >= lanesMax) await Promise.race(this.#running)
    this.#throwIfFailed()
    const running = this.#run(deed).then(() => {
      this.#running.delete(running)
    })
    this.#running.add(running)
  }

  /** Waits for all of them; throws what the first to fail threw. */
  async end(): Promise<void> {
    await this.settle()
    this.#throwIfFailed()
  }

  /** Waits until nothing runs any more, and throws nothing. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  async #run(deed: () => Promise<void>): Promise<void> {
    try {
      await deed()
    } catch (error) {
      this.#failed ??= { error }
    }
  }

  #throwIfFailed(): void {
    if (this.#failed !== null) throw this.#failed.error
  }
}

/** Does it to each of them, a few at a time; throws what the first to fail threw, at the end. */
export async function inLanes<T>(
  items: Iterable<T>,
  deed: (item: T) => Promise<void>
): Promise<void> {
  const lanes = new Lanes()
  try {
    for (const item of items) await lanes.start(async () => await deed(item))
    await lanes.end()
  } finally {
    await lanes.settle()
  }
}
