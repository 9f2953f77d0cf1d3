import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { GIB, MIB, toText, type Bytes, type Clock } from '../../base/index.ts'
import type { Hook } from '../../records/index.ts'
import type { Limits } from '../app/runspec.ts'
import { onDisk } from '../failure.ts'
import { runJailed, type Jail } from '../jail/jail.ts'
import type { JailEnd, JailLimits, Place } from '../jail/job.ts'
import { ownNode } from '../jail/own.ts'
import { judgeHookExit, type HookVerdict } from './exits.ts'
import { Watch } from './watch.ts'

/** One program of a release, beside the app: it migrates state, or counts what a state holds. */
export interface HookJob {
  readonly hook: Hook
  readonly tree: string
  /** What it may look at, and what it may write, each by the variable that names its place. */
  readonly reads: Readonly<Record<string, string>>
  readonly writes: Readonly<Record<string, string>>
  /** More variables. */
  readonly env: Readonly<Record<string, string>>
  /** Whether it owes a file at `OTA_RESULT`. */
  readonly owesResult: boolean
  readonly limits: Limits
  /** A folder that is there for this one run. */
  readonly scratch: string
  readonly signal?: AbortSignal | undefined
}

export interface HookOutcome {
  readonly verdict: HookVerdict
  readonly result: Bytes | null
  /** The last it printed, for people. */
  readonly said: string
  /** It was ended for the room it took or found: see `Watch`. */
  readonly room: 'enough' | 'over' | 'none'
}

const RESULT_BYTES = MIB
const OUTPUT_BYTES = MIB

/**
 * Runs a hook in the jail: no network, the tree and the old state read-only, nothing else of this
 * machine. Its places have the same paths on every machine, so that what it writes does not depend
 * on them.
 */
export async function runHook(clock: Clock, jail: Jail, job: HookJob): Promise<HookOutcome> {
  const result = join(job.scratch, 'result')
  await onDisk('make folder', result, async () => {
    await fs.rm(result, { recursive: true, force: true })
    await fs.mkdir(result, { mode: 0o700 })
  })
  const names = { ...inside(job.reads), ...inside(job.writes) }
  const node = await ownNode()
  const watch = new Watch(clock, Object.values(job.writes)[0] ?? result, job.limits.disk)
  try {
    const end = await watch.during(
      async (signal) =>
        await runJailed(jail, {
          argv: job.hook.run,
          cwd: '/app',
          readOnly: [{ path: job.tree, at: '/app' }, ...placesOf(job.reads), ...node.places],
          writable: [...placesOf(job.writes), { path: result, at: '/result' }],
          env: new Map(
            Object.entries({
              PATH: node.path,
              HOME: '/tmp',
              TMPDIR: '/tmp',
              LANG: 'C.UTF-8',
              TZ: 'UTC',
              OTA_PROTO: '1',
              OTA_RESULT: '/result/result.json',
              ...job.env,
              ...names
            })
          ),
          limits: limitsOf(job),
          signal
        }),
      job.signal
    )
    if (end === null) return { verdict: full, result: null, said: '', room: watch.room }
    return await outcomeOf(job, end, { file: join(result, 'result.json'), room: watch.room })
  } finally {
    await fs.rm(result, { recursive: true, force: true })
  }
}

const full: HookVerdict = { tag: 'failed', number: null, text: 'it was ended for want of room' }

async function outcomeOf(
  job: HookJob,
  end: JailEnd,
  at: { readonly file: string; readonly room: HookOutcome['room'] }
): Promise<HookOutcome> {
  const result = job.owesResult ? await readResult(at.file) : null
  const hasResult = job.owesResult ? result !== null : null
  return {
    verdict: judgeHookExit({ ...end, hasResult }),
    result,
    said: toText(end.output).split('\n').slice(-20).join('\n').slice(-2_048),
    room: at.room
  }
}

/** The file itself, through no link, and no more than it may hold. */
async function readResult(path: string): Promise<Bytes | null> {
  const found = await fs.lstat(path).catch(() => null)
  if (found === null || !found.isFile() || found.size > RESULT_BYTES) return null
  return await onDisk('read', path, async () => new Uint8Array(await fs.readFile(path)))
}

function inside(places: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(places).map((name) => [name, shownAt(name)]))
}

function placesOf(places: Readonly<Record<string, string>>): readonly Place[] {
  return Object.entries(places).map(([name, path]) => ({ path, at: shownAt(name) }))
}

/** `OTA_STATE_OLD` is shown at `/state/old`. */
function shownAt(name: string): string {
  return `/${name.toLowerCase().replace(/^ota_/, '').replaceAll('_', '/')}`
}

/** Address space of a Node that does nothing is hundreds of MB; a release may ask for more. */
const LEAST_MEMORY = GIB
const PROCESSES = 256

function limitsOf({ hook, limits }: HookJob): JailLimits {
  return {
    timeMs: hook.timeoutMs,
    memoryBytes: Math.max(limits.memory ?? 2 * GIB, LEAST_MEMORY),
    tmpBytes: 64 * MIB,
    fileBytes: limits.disk ?? 1_024 * GIB,
    outputBytes: OUTPUT_BYTES,
    processes: limits.pids ?? PROCESSES
  }
}
