import type { Clock, Log } from '../../base/index.ts'
import { inBackground } from '../../base/life.ts'
import type { Event, SlotName } from '../../cutover/index.ts'
import { isState, type AppControl, type Question } from './control.ts'
import type { RunSpec } from './runspec.ts'

const releaseMs = 10_000
const overlapTakeoverMs = 5_000
const resumeMs = 2_000

/** A process that can be put in charge. */
export interface Chargeable {
  readonly spec: RunSpec
  readonly isHealthy: () => boolean
  /** Called when it is found healthy. */
  awaited: (() => void) | null
}

/** Puts processes in charge and out of it: at level 2 by asking them, below it by their health. */
export class Charge {
  readonly #clock: Clock
  readonly #log: Log
  readonly #control: AppControl
  readonly #emit: (event: Event) => void
  #closed = false

  constructor(clock: Clock, log: Log, control: AppControl, emit: (event: Event) => void) {
    this.#clock = clock
    this.#log = log
    this.#control = control
    this.#emit = emit
  }

  /** Answers `primary` or `takeover-timeout`; below level 2 it is in charge once it is well. */
  take(slot: SlotName, verb: 'takeover' | 'resume', process: Chargeable | null): void {
    const late = (): void => this.#emit({ tag: 'takeover-timeout', slot })
    const primary = (): void => this.#emit({ tag: 'primary', slot })
    if (process === null) {
      late()
      return
    }
    const { spec } = process
    const startMs = spec.handover === 'overlap' ? overlapTakeoverMs : spec.startTimeoutMs
    const timeoutMs = verb === 'resume' ? resumeMs : startMs
    if (spec.level === 2) {
      const question = { line: `OTA=${verb}`, isAnswer: isState('primary'), timeoutMs }
      this.#ask(slot, question, { answered: primary, late })
      return
    }
    const cancel = this.#clock.after(timeoutMs, () => {
      process.awaited = null
      late()
    })
    process.awaited = () => {
      process.awaited = null
      cancel()
      primary()
    }
    if (process.isHealthy()) process.awaited()
  }

  /**
   * Answers `released` or `release-timeout`. Below level 2 only an app that shares what it has can
   * stay beside another one.
   */
  release(slot: SlotName, process: Chargeable | null): void {
    const released = (): void => this.#emit({ tag: 'released', slot })
    const late = (): void => this.#emit({ tag: 'release-timeout', slot })
    if (process?.spec.level === 2) {
      const isAnswer = isState('released')
      const question = { line: 'OTA=release', isAnswer, timeoutMs: releaseMs }
      this.#ask(slot, question, { answered: released, late })
    } else if (process?.spec.handover === 'overlap') released()
    else late()
  }

  close(): void {
    this.#closed = true
  }

  #ask(
    slot: SlotName,
    question: Question,
    { answered, late }: { readonly answered: () => void; readonly late: () => void }
  ): void {
    const ask = async (): Promise<void> => {
      const answer = await this.#control.ask(slot, question)
      if (this.#closed) return
      if (typeof answer === 'object') {
        answered()
        return
      }
      this.#log('app-did-not-answer', { slot, line: question.line, answer })
      late()
    }
    ask().catch(inBackground)
  }
}
