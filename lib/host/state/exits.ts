import type { LocalHooks } from '../app/runspec.ts'

/** How a hook ended, as its parent saw it. */
export interface HookEnd {
  /** Null when a signal ended it, ours at a time-out or a flood included. */
  readonly exit: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  /** It printed more than it may. */
  readonly overflowed: boolean
  /** Whether the file it owes is there; null: it owes none. */
  readonly hasResult: boolean | null
}

/**
 * `retry`: it asks for another try later. `failed`: with the reason in words; `number` is what it
 * ended with where it chose one that means a lasting failure.
 */
export type HookVerdict =
  | { readonly tag: 'done' }
  /** Only in a dialect that has a number for it: there is no such hook. */
  | { readonly tag: 'absent' }
  | { readonly tag: 'retry' }
  | { readonly tag: 'failed'; readonly number: number | null; readonly text: string }

const RETRY = 75
const MENDER_RETRY = 21
const COSMOVISOR = { absent: 1, failed: 30, retry: 31 }

/**
 * What the end of a hook means. Anything that is not named is a failure, and no number of the
 * house's own means "go on without" (S89); a dialect is for the operator's hooks alone.
 */
export function judgeHookExit(
  end: HookEnd,
  dialect: LocalHooks['dialect'] = 'upswell'
): HookVerdict {
  const { exit } = end
  if (end.timedOut) return failed('it took longer than it may')
  if (end.overflowed) return failed('it printed more than it may')
  if (exit === null) return failed(`it was ended by ${end.signal ?? 'a signal'}`)
  if (dialect === 'cosmovisor') {
    if (exit === COSMOVISOR.absent) return { tag: 'absent' }
    if (exit === COSMOVISOR.retry) return { tag: 'retry' }
  }
  if (exit === RETRY || (dialect === 'mender' && exit === MENDER_RETRY)) return { tag: 'retry' }
  if (exit === 0) {
    return end.hasResult === false ? failed('it ended with 0 and no result') : { tag: 'done' }
  }
  // 64 to 78 without 75: the numbers of sysexits, by which a program says why it never will
  const lasting = exit >= 64 && exit <= 78
  return { tag: 'failed', number: lasting ? exit : null, text: `it ended with ${exit}` }
}

function failed(text: string): HookVerdict {
  return { tag: 'failed', number: null, text }
}
