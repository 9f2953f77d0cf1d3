import { unreachable } from '../base/index.ts'
import type { Command, Event } from '../cutover/index.ts'
import type { Rehearsal, RehearsalCommand } from './shadow/rehearsal.ts'
import type { StateCommand, StateWork } from './state/work.ts'

export type BesideCommand = RehearsalCommand | StateCommand | Extract<Command, { tag: 'discard' }>

export interface BesideParts {
  readonly rehearsal: Pick<Rehearsal, 'perform' | 'end'>
  readonly state: Pick<StateWork, 'perform'>
  readonly discard: (op: number) => Promise<void>
  readonly emit: (event: Event) => void
}

/**
 * What may take minutes and must not stand before a start or a take-back: rehearsals, and making
 * state. State is made one piece after the other, and what an op made is removed only behind that.
 */
export class Beside {
  readonly #parts: BesideParts
  /** Rises with every end of a rehearsal: what began before it answers nobody any more. */
  #round = 0
  #state: Promise<unknown> = Promise.resolve()

  constructor(parts: BesideParts) {
    this.#parts = parts
  }

  /** Resolves when it is done and answered, or was ended; rejects for no reason of a release. */
  async perform(command: BesideCommand): Promise<void> {
    const { rehearsal, state, discard } = this.#parts
    switch (command.tag) {
      case 'migrate':
      case 'down':
        await this.#inTurn(async () => this.#parts.emit(await state.perform(command)))
        break
      case 'discard':
        await this.#inTurn(async () => await discard(command.op))
        break
      case 'end-shadow':
        this.#round++
        await rehearsal.perform(command)
        break
      case 'snapshot':
      case 'rehearse':
      case 'shadow': {
        const round = this.#round
        const answer = await rehearsal.perform(command)
        if (answer !== null) this.#tell(answer, round)
        break
      }
      default:
        unreachable(command)
    }
  }

  async close(): Promise<void> {
    this.#round++
    await this.#parts.rehearsal.end(null)
  }

  #tell(event: Event, round: number): void {
    if (round === this.#round) this.#parts.emit(event)
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#state.then(work)
    this.#state = mine.catch(() => undefined)
    await mine
  }
}
