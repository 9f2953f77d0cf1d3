import { isOtaError, OtaError, type Code } from '../base/index.ts'

const couldNotWrite = 'the core store could not write'

/** Messages of the stores below that have no code of their own, and ours for them. */
const byMessage: readonly (readonly [string, Code, string])[] = [
  ['could not be locked', 'LOCKED', 'another process has the core store open'],
  ['moved unsafely', 'STORE_MOVED', 'it was copied or moved, and a copy would fork its feeds'],
  ['Batch was not applied', 'NO_SPACE', couldNotWrite],
  ['No space left', 'NO_SPACE', couldNotWrite]
]

const hints: Readonly<Partial<Record<Code, string>>> = {
  LOCKED: 'one home has one daemon: stop the other one, or use another --home',
  NO_SPACE: 'free space on the disk: a node goes on by itself, a command is to be run again',
  // The marks beside the cores stay: nothing is appended before peers have brought the feed back.
  STORE_MOVED:
    'go on where it was made; if that is lost, remove store/cores of this home, and nothing else'
}

/**
 * Gives an error of hypercore, corestore or their storage one of our codes; ours pass unchanged.
 */
export function translated(error: unknown, what: string): unknown {
  if (isOtaError(error) || !(error instanceof Error)) return error
  const code = 'code' in error ? error.code : null
  if (code === 'REQUEST_TIMEOUT') {
    return new OtaError('TIMEOUT', `${what}: no peer answered in time`, { cause: error })
  }
  for (const [part, ours, text] of byMessage) {
    if (!error.message.includes(part)) continue
    return new OtaError(ours, `${what}: ${text}`, { cause: error, hint: hints[ours] ?? '' })
  }
  return new OtaError('INTERNAL', `${what}: ${error.message}`, { cause: error })
}

/** The storage of cores met a full disk; it takes no write until it is opened anew. */
export function isStoreFull(error: unknown): boolean {
  return isOtaError(error, 'NO_SPACE') && error.message.endsWith(couldNotWrite)
}

/** Runs `deed` and translates what it throws. */
export async function atDoor<T>(what: string, deed: () => Promise<T>): Promise<T> {
  try {
    return await deed()
  } catch (error) {
    throw translated(error, what)
  }
}
