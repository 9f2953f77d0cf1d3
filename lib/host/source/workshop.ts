import { GIB, isOtaError, MINUTE, MIB, OtaError, toText, type Disk } from '../../base/index.ts'
import { runJailed, type Jail } from '../jail/jail.ts'
import type { JailEnd, JailLimits, Place } from '../jail/job.ts'

/** Where one source is opened and built. */
export interface Workshop {
  readonly disk: Disk
  readonly jail: Jail
  /** A folder of its own, which does not exist yet. What runs in the jail may write all of it. */
  readonly folder: string
  /** Name of the program; `git` unless told. */
  readonly git?: string
  readonly signal?: AbortSignal | undefined
}

/** Everywhere the same, so that no path of a machine gets into what is built. */
export const insideTree = '/build'

/** Bounds of what looks at a source; a recipe has its own for the build. */
const lookLimits: JailLimits = {
  timeMs: 10 * MINUTE,
  memoryBytes: 2 * GIB,
  tmpBytes: 64 * MIB,
  fileBytes: GIB,
  outputBytes: 32 * MIB,
  // of the user that all jails of this machine share
  processes: 512
}

/** One program on the source, by what it may see beside the system. */
export interface Work {
  readonly argv: readonly string[]
  readonly env: ReadonlyMap<string, string>
  readonly writable: readonly Place[]
  readonly readOnly?: readonly Place[]
  readonly limits?: JailLimits
}

/** Runs it; how it ended is the caller's to judge. */
export async function work({ jail, signal }: Workshop, job: Work): Promise<JailEnd> {
  const { argv, env, writable, readOnly = [], limits = lookLimits } = job
  const cwd = writable.some(({ at }) => at === insideTree) ? insideTree : '/tmp'
  return await runJailed(jail, { argv, cwd, readOnly, writable, env, limits, signal })
}

/**
 * Removes the workshop. What was built there may have made folders that nobody may enter, or deeper
 * than a path can say: the jail, whose user they belong to, takes those away.
 */
export async function closeWorkshop(shop: Workshop): Promise<void> {
  const { disk, folder } = shop
  try {
    await disk.remove(folder)
  } catch (error) {
    if (!isOtaError(error)) throw error
    const { jail } = shop
    const script = 'chmod -R u+rwx tree; rm -rf tree/*'
    const writable = [{ path: folder, at: insideTree }]
    const job = { argv: ['sh', '-c', script], cwd: insideTree, readOnly: [], writable }
    await runJailed(jail, { ...job, env: new Map(), limits: lookLimits })
    await disk.remove(folder)
  }
}

/** `CANNOT_BUILD` with how `what` ended and the last it said. */
export function failed(what: string, end: JailEnd, limits: JailLimits = lookLimits): OtaError {
  const lines = toText(end.output).trim().split('\n')
  const how = end.timedOut
    ? `took longer than ${limits.timeMs / 1_000} s`
    : end.overflowed
      ? `printed more than ${limits.outputBytes} bytes`
      : `ended with ${end.signal ?? end.exit}`
  return new OtaError('CANNOT_BUILD', `${what} ${how}`, {
    hint: lines.at(-1)?.slice(0, 300) || 'it said nothing',
    facts: { exit: end.exit, signal: end.signal, output: lines.slice(-40).join('\n').slice(-4_096) }
  })
}
