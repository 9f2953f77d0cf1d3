import { OtaError, type Code } from '../base/index.ts'

const codes: Readonly<Record<string, Code>> = {
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EACCES: 'NO_PERMISSION',
  EPERM: 'NO_PERMISSION',
  EROFS: 'NO_PERMISSION'
}

/** The errno name of a failed system call, or null for any other error. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

/**
 * Runs one deed on the file system and gives its failure one of our codes: `NO_SPACE`,
 * `NO_PERMISSION`, else `INTERNAL`; the cause stays attached.
 */
export async function onDisk<T>(deed: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    if (cause instanceof OtaError) throw cause
    const errno = errnoOf(cause) ?? 'unknown'
    const text = `cannot ${deed} "${path}": ${errno}`
    throw new OtaError(codes[errno] ?? 'INTERNAL', text, { cause, facts: { path, errno } })
  }
}
