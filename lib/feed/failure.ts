import { isOtaError, OtaError, type Code } from '../base/index.ts'

/** Messages of the stores below that have no code of their own, and ours for them. */
const byMessage: readonly (readonly [string, Code, string])[] = [
  ['could not be locked', 'LOCKED', 'another process has the core store open'],
  ['Batch was not applied', 'NO_SPACE', 'the core store could not write'],
  ['No space left', 'NO_SPACE', 'the core store could not write']
]

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
    const hint =
      ours === 'LOCKED'
        ? 'one home has one daemon: stop the other one, or use another --home'
        : 'free space on the disk, then restart: a full store does not recover by itself'
    return new OtaError(ours, `${what}: ${text}`, { cause: error, hint })
  }
  return new OtaError('INTERNAL', `${what}: ${error.message}`, { cause: error })
}

/** Runs `deed` and translates what it throws. */
export async function atDoor<T>(what: string, deed: () => Promise<T>): Promise<T> {
  try {
    return await deed()
  } catch (error) {
    throw translated(error, what)
  }
}
