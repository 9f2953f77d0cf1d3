import ReadyResource from 'ready-resource'
import safetyCatch from 'safety-catch'

/** Something that can be closed. */
export interface Closable {
  close(): unknown
}

/**
 * The door of ready-resource, used by floors 5 to 7 only. A `Life` keeps what `own` was given and
 * closes it in reverse order, also when `start` throws half-way (ready-resource would not call
 * `_close` then), when it is closed before it was opened, and when it is closed twice.
 */
export abstract class Life extends ReadyResource {
  readonly #owned: Closable[] = []

  /** Opens what this life needs; everything opened goes through `own`. */
  protected abstract start(): Promise<void>

  /** Keeps `thing` until the end of this life and returns it. */
  protected own<T extends Closable>(thing: T): T {
    this.#owned.push(thing)
    return thing
  }

  override async _open(): Promise<void> {
    try {
      await this.start()
    } catch (error) {
      // Why it did not open matters more than what then could not be closed.
      await this.#closeOwned().catch(inBackground)
      throw error
    }
  }

  override async _close(): Promise<void> {
    await this.#closeOwned()
  }

  async #closeOwned(): Promise<void> {
    let failed: unknown = null
    for (let thing = this.#owned.pop(); thing !== undefined; thing = this.#owned.pop()) {
      try {
        await thing.close()
      } catch (error) {
        failed ??= error
      }
    }
    if (failed !== null) throw failed
  }
}

/** Ends a background promise: operational errors pass, programmer errors end the process. */
export const inBackground: (error: unknown) => void = safetyCatch
