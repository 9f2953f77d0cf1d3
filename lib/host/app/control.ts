import type { Clock } from '../../base/index.ts'
import type { SlotName } from '../../cutover/index.ts'
import type { Said } from '../launcher/said.ts'
import type { LauncherClient } from './client.ts'

/** What became of a thing said to an app: `unsent` when nobody reads its stream any more. */
export type Answer = Said | 'silence' | 'unsent'

interface Waiting {
  readonly slot: SlotName
  readonly isAnswer: (said: Said) => boolean
  readonly end: (answer: Answer) => void
}

export interface Question {
  /** `OTA=verb` or `OTA=verb:argument`. */
  readonly line: string
  readonly isAnswer: (said: Said) => boolean
  readonly timeoutMs: number
}

const frozenMs = 1_000
const paramsMs = 10_000
const checkMs = 10_000

/** Talks with apps of level 2 over the launcher, which holds their control streams. */
export class AppControl {
  readonly #clock: Clock
  readonly #client: LauncherClient
  readonly #waiting = new Set<Waiting>()

  constructor(clock: Clock, client: LauncherClient) {
    this.#clock = clock
    this.#client = client
  }

  /** Says a line and waits for the first answer that is one; a later question ends this one. */
  async ask(slot: SlotName, { line, isAnswer, timeoutMs }: Question): Promise<Answer> {
    return await new Promise((resolve) => {
      const cancel = this.#clock.after(timeoutMs, () => waiting.end('silence'))
      const waiting: Waiting = {
        slot,
        isAnswer,
        end: (answer) => {
          if (!this.#waiting.delete(waiting)) return
          cancel()
          resolve(answer)
        }
      }
      this.#waiting.add(waiting)
      this.#send(slot, line).then(
        (isSent) => isSent || waiting.end('unsent'),
        () => waiting.end('unsent')
      )
    })
  }

  /** What an app said; ends the questions it answers. */
  take(slot: SlotName, said: Said): void {
    for (const waiting of this.#waiting) {
      if (waiting.slot === slot && waiting.isAnswer(said)) waiting.end(said)
    }
  }

  /** Its stream is closed, or it is gone: nothing it was asked will be answered. */
  lost(slot: SlotName): void {
    for (const waiting of this.#waiting) if (waiting.slot === slot) waiting.end('unsent')
  }

  /** Asks the app to keep its files still for a moment; it goes on by itself after a second. */
  async freeze(slot: SlotName): Promise<boolean> {
    const isAnswer = isState('frozen')
    const answer = await this.ask(slot, { line: 'OTA=freeze', isAnswer, timeoutMs: frozenMs })
    return typeof answer === 'object'
  }

  async thaw(slot: SlotName): Promise<void> {
    await this.#send(slot, 'OTA=thaw')
  }

  /** New parameters in a folder: null when they are in use, else why not; in 10 s. */
  async params(slot: SlotName, folder: string): Promise<string | null> {
    const isAnswer = isTag('params')
    const line = `OTA=params:${folder}`
    return reasonIn(await this.ask(slot, { line, isAnswer, timeoutMs: paramsMs }))
  }

  /** The app's own check of itself: null when it is well, else why not. */
  async check(slot: SlotName): Promise<string | null> {
    const isAnswer = isTag('health')
    const line = 'OTA=shadow-check'
    return reasonIn(await this.ask(slot, { line, isAnswer, timeoutMs: checkMs }))
  }

  /** Tells of an era that is announced, or in force; false: nobody reads it. */
  async era(slot: SlotName, name: string, isActive: boolean): Promise<boolean> {
    return await this.#send(slot, `OTA=${isActive ? 'era-active' : 'era'}:${name}`)
  }

  close(): void {
    for (const waiting of this.#waiting) waiting.end('unsent')
  }

  async #send(slot: SlotName, line: string): Promise<boolean> {
    const answer = await this.#client.request('send', { slot, line })
    return answer['sent'] === true
  }
}

/** Whether an app says that it is in this state. */
export function isState(state: (Said & { tag: 'state' })['state']): (said: Said) => boolean {
  return (said) => said.tag === 'state' && said.state === state
}

function isTag(tag: Said['tag']): (said: Said) => boolean {
  return (said) => said.tag === tag
}

function reasonIn(answer: Answer): string | null {
  if (answer === 'silence') return 'no answer'
  if (answer === 'unsent') return 'it reads no control stream'
  return answer.tag === 'params' || answer.tag === 'health' ? answer.reason : 'no answer'
}
