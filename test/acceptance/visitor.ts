import type { Registry } from './registry.ts'

/** Somebody who asks five times a second, all along, and counts what went unanswered. */
export class Visitor {
  readonly #registry: Registry
  #asked = 0
  #lost = 0
  #longestMs = 0
  #going: Promise<void> | null = null
  #stopped = false

  constructor(registry: Registry) {
    this.#registry = registry
  }

  start(): void {
    this.#going = this.#go()
  }

  async stop(): Promise<{
    readonly asked: number
    readonly lost: number
    readonly longestMs: number
  }> {
    this.#stopped = true
    await this.#going
    return { asked: this.#asked, lost: this.#lost, longestMs: Math.round(this.#longestMs) }
  }

  async #go(): Promise<void> {
    while (!this.#stopped) {
      const begun = performance.now()
      const answered = await this.#registry.ping().catch(() => false)
      this.#asked++
      if (!answered) this.#lost++
      this.#longestMs = Math.max(this.#longestMs, performance.now() - begun)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
