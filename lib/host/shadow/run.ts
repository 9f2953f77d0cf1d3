import { isOtaError, type Log } from '../../base/index.ts'
import type { Jail } from '../jail/jail.ts'
import { stayInJail } from '../jail/stay.ts'
import { showDestination } from '../netwatch/destination.ts'
import { changedPaths, printsOf, type Prints } from './bait.ts'
import { noMeters, type InsideEnd, type ShadowWord } from './order.ts'
import { stageShadow, type Staging } from './stage.ts'

/** How a shadow ended, and what it did outside of what it was given. */
export interface ShadowEnd extends InsideEnd {
  /** Paths of the live state that it tried to write. */
  readonly written: readonly string[]
  /** The last of what it printed. */
  readonly output: string
}

export interface RunOptions {
  readonly log: Log
  readonly signal: AbortSignal
  readonly onReady: () => void
}

/**
 * Runs a new version in a jail beside the old one until its window is over. What the machine cannot
 * do is `unavailable`. An aborted `signal` ends it and everything in it; the end is then
 * `unavailable` as well.
 */
export async function runShadow(
  jail: Jail,
  staging: Staging,
  options: RunOptions
): Promise<ShadowEnd> {
  const { job, order } = await stageShadow(staging, jail.system)
  const { bait } = staging
  let [isUp, before, end]: [boolean, Prints, InsideEnd | null] = [false, new Map(), null]
  const hear = (word: ShadowWord): void => {
    if (word.tag === 'up') isUp = true
    else if (word.tag === 'ready') options.onReady()
    else if (word.tag === 'end') end ??= word.end
    else options.log('shadow-tried', { destination: showDestination(word.destination) })
  }
  const begin = async (send: (line: string) => void): Promise<void> => {
    // the folder has its owner now, and the app does not run yet
    if (bait !== null) before = await printsOf(bait.path)
    send(JSON.stringify(order))
  }
  try {
    const stay = await stayInJail(
      jail,
      { ...job, signal: options.signal },
      {
        onBegin: (send) => void begin(send).catch(() => undefined),
        onLine: (line) => read(line, hear)
      }
    )
    const inside = end ?? withoutWord(isUp && !options.signal.aborted, stay.output)
    const after = bait === null || before.size === 0 ? before : await printsOf(bait.path)
    return { ...inside, written: changedPaths(before, after), output: stay.output }
  } catch (error) {
    if (!isOtaError(error)) throw error
    return { ...unable(error.message), written: [], output: '' }
  }
}

function read(line: string, hear: (word: ShadowWord) => void): void {
  // the first process of the jail is ours; what follows its end is not read
  hear(JSON.parse(line) as ShadowWord)
}

/** No proof that it was the machine is none (R5): a program that ends its jail has failed. */
function withoutWord(isUp: boolean, output: string): InsideEnd {
  const last = output.trim().split('\n').at(-1) ?? ''
  if (!isUp) return unable(`the first process of the jail did not begin: ${last.slice(0, 200)}`)
  return { ...unable('the jail ended before its time'), answer: 'fail', reason: 'exit' }
}

function unable(why: string): InsideEnd {
  const facts = { meters: noMeters, seen: null, readyMs: null, selfCheck: 'silent' } as const
  return { answer: 'unavailable', reason: null, why, ...facts }
}
