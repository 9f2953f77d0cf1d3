import { OtaError, type Facts } from '../base/index.ts'
import type { Hands } from './hands.ts'
import type { NodeParts } from './ports.ts'
import type { Queue } from './queue.ts'
import type { Teller } from './teller.ts'
import {
  afterInstall,
  among,
  holdEndMs,
  readWords,
  wordsNote,
  type Unfit,
  type Words
} from './words.ts'

export interface OperatorParts {
  readonly machine: Pick<NodeParts['machine'], 'notes' | 'note'>
  readonly queue: Queue
  readonly hands: Hands
  readonly teller: Teller
  /** What a release lacks here, in words; asked once it was found not eligible. */
  readonly unfitText: (release: string) => Promise<string>
  readonly changed: () => void
}

const labelsMax = 32
const labelPattern = /^[a-z0-9][a-z0-9._-]{0,31}$/
const valuePattern = /^[A-Za-z0-9._-]{0,64}$/

/**
 * The operator's side of one node: what was said and holds until it is taken back, kept in the
 * journal. It says no and never yes to what signers, fleet or guards refuse.
 */
export class Operator {
  readonly #parts: OperatorParts
  #words: Words
  /** Found anew by each process: machine, configuration and this program may have changed. */
  #unfit: readonly Unfit[] = []

  constructor(parts: OperatorParts) {
    this.#parts = parts
    this.#words = readWords(parts.machine.notes)
    parts.teller.onEvent((event, facts) => this.#hear(event, facts))
  }

  get words(): Words {
    return this.#words
  }

  get unfit(): readonly Unfit[] {
    return this.#unfit
  }

  /** When the hold that stands ends by itself, or null. */
  get holdEndMs(): number | null {
    return holdEndMs(this.#parts.hands.state, this.#words)
  }

  /** Within the queue: what time has ended ends, and what was brought about is done with. */
  async look(nowMs: number): Promise<void> {
    const { hands, teller } = this.#parts
    const endMs = this.holdEndMs
    if (endMs !== null && endMs <= nowMs) {
      await hands.step({ tag: 'hold', on: false })
      teller.tell('unhold', { by: 'time' })
    }
    const { held, pointer } = hands.state
    const words = afterInstall(this.#words, pointer?.release ?? null)
    await this.#keep(held || words.hold === null ? words : { ...words, hold: null })
  }

  /** Takes no new release until `untilMs` (null: until unhold); true if that changed anything. */
  async hold(given: {
    readonly untilMs: number | null
    readonly reason: string
  }): Promise<boolean> {
    const { hands, queue } = this.#parts
    return await queue.add(async () => {
      const before = this.#words
      await this.#keep({ ...before, hold: given })
      const isNew = await hands.step({ tag: 'hold', on: true })
      const { hold } = before
      const isSame = hold?.untilMs === given.untilMs && hold.reason === given.reason
      return isNew || !isSame
    })
  }

  async unhold(): Promise<boolean> {
    const { hands, queue } = this.#parts
    return await queue.add(async () => {
      const changed = await hands.step({ tag: 'hold', on: false })
      await this.#keep({ ...this.#words, hold: null })
      return changed
    })
  }

  /** Takes this release only, or with null any; true if that changed anything. */
  async pin(release: string | null): Promise<boolean> {
    return await this.#change((words) =>
      words.pinned === release ? words : { ...words, pinned: release }
    )
  }

  /** Passes this one release over, and no other. */
  async skip(release: string, on: boolean): Promise<boolean> {
    return await this.#change((words) => {
      const skipped = among(words.skipped, release, on)
      return skipped === words.skipped ? words : { ...words, skipped }
    })
  }

  /** `apply`: `now` out of its turn, `skipWindow` outside of a window. */
  async applied(
    release: string,
    how: { readonly now: boolean; readonly skipWindow: boolean }
  ): Promise<void> {
    await this.#change((words) => ({
      ...words,
      now: how.now ? among(words.now, release, true) : words.now,
      skipWindow: how.skipWindow ? among(words.skipWindow, release, true) : words.skipWindow
    }))
  }

  /** Sets labels; one with an empty value goes. Throws `USAGE`. */
  async label(given: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> {
    for (const [name, value] of Object.entries(given)) {
      if (labelPattern.test(name) && valuePattern.test(value)) continue
      throw new OtaError('USAGE', `"${name}=${value}" is no label`, {
        hint: 'write name=value in letters, digits, dots and dashes; name= takes one away'
      })
    }
    const all = Object.entries({ ...this.#words.labels, ...given })
    const labels = Object.fromEntries(all.filter(([, value]) => value !== ''))
    if (Object.keys(labels).length > labelsMax) {
      throw new OtaError('USAGE', `a node has at most ${labelsMax} labels`)
    }
    await this.#change((words) => ({ ...words, labels }))
    return labels
  }

  async #change(fn: (words: Words) => Words): Promise<boolean> {
    const { queue, changed } = this.#parts
    const isNew = await queue.add(async () => await this.#keep(fn(this.#words)))
    if (isNew) changed()
    return isNew
  }

  /** Durable first. Within the queue only. */
  async #keep(words: Words): Promise<boolean> {
    if (words === this.#words) return false
    const text = JSON.stringify(words)
    if (text === JSON.stringify(this.#words)) return false
    await this.#parts.machine.note(wordsNote, text)
    this.#words = words
    return true
  }

  /** A release that asks for what is not here must not be fetched and refused again and again. */
  #hear(event: string, facts: Facts): void {
    const { release, reason } = facts
    if (event !== 'report' || reason !== 'not-eligible' || typeof release !== 'string') return
    if (this.#unfit.some((one) => one.release === release)) return
    const { queue, unfitText, changed } = this.#parts
    const text = 'its ota.json asks for what this machine does not have'
    this.#unfit = [...this.#unfit, { release, text }]
    queue.push(async () => {
      const found = await unfitText(release)
      const others = this.#unfit.filter((one) => one.release !== release)
      this.#unfit = [...others, { release, text: found === '' ? text : found }]
      changed()
    })
  }
}
