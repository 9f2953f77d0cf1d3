import { equal, toHex, type Bytes } from '../base/index.ts'
import type { Decision } from '../rollout/index.ts'
import type { KnownRelease } from '../trust/index.ts'
import type { Events } from './events.ts'
import { describe } from './info.ts'

/** Makes events of decisions: each thing is told once, however often it is decided. */
export class Teller {
  readonly #events: Events
  readonly #platform: string
  readonly #told = new Set<string>()
  readonly #turns = new Set<string>()

  constructor(events: Events, platform: string) {
    this.#events = events
    this.#platform = platform
  }

  /** `admitted` is the channel's, newest first; older releases are told before newer ones. */
  tell({ halted, act }: Decision, admitted: readonly KnownRelease[], nowMs: number): void {
    for (const known of admitted.toReversed()) {
      const hex = toHex(known.id)
      const release = describe(known, this.#platform)
      if (this.#isNew(`release ${hex}`)) this.#events.emit({ tag: 'release', release })
      const isHalted = halted.some((id) => equal(id, known.id))
      if (isHalted && this.#isNew(`halted ${hex}`)) {
        this.#events.emit({ tag: 'halted', release, undo: false })
      }
    }
    if (act.tag !== 'undo' && act.tag !== 'upgrade') return
    const known = admitted.find(({ id }) => equal(id, act.release))
    if (known === undefined) return
    if (act.tag === 'upgrade') this.#tellTurn(known, act.first)
    // The whole fleet would go back in one second: each node has its own moment (S106).
    else if (act.atMs <= nowMs) this.#tellUndo(known)
  }

  /** Lets the turn of a release, or of all with null, be told again. */
  turnAgain(id: Bytes | null): void {
    if (id === null) this.#turns.clear()
    else this.#turns.delete(toHex(id))
  }

  #tellTurn(known: KnownRelease, first: boolean): void {
    const hex = toHex(known.id)
    if (this.#turns.has(hex)) return
    this.#turns.add(hex)
    this.#events.emit({ tag: 'turn', release: describe(known, this.#platform), first })
  }

  #tellUndo(known: KnownRelease): void {
    if (!this.#isNew(`undo ${toHex(known.id)}`)) return
    this.#events.emit({ tag: 'halted', release: describe(known, this.#platform), undo: true })
  }

  #isNew(what: string): boolean {
    if (this.#told.has(what)) return false
    this.#told.add(what)
    return true
  }
}
