import type { Code, Facts, Log } from '../base/index.ts'

export type Listener = (event: string, facts: Facts) => void

/** Events for whoever listens and for the log, and the alarms that were raised in this process. */
export class Teller {
  readonly #log: Log
  readonly #alarms = new Set<Code>()
  readonly #listeners = new Set<Listener>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Codes of what happened and is not over by itself, in the order it happened. */
  get alarms(): readonly Code[] {
    return [...this.#alarms]
  }

  tell(event: string, facts: Facts): void {
    this.#log(event, facts)
    for (const fn of this.#listeners) fn(event, facts)
  }

  /** Tells an alarm that stays until a person has looked. */
  alarm(code: Code, text: string): void {
    this.#alarms.add(code)
    this.tell('alarm', { code, text })
  }

  onEvent(fn: Listener): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }
}
