import { MIB, OtaError, SECOND, assert, toText } from '../../base/index.ts'
import { errnoOf } from '../failure.ts'
import { isWithin } from '../../records/index.ts'
import type { JailEnd, JailJob, Place } from './job.ts'
import { bwrapArgv, unshareArgv, withScratch } from './make.ts'
import { findProgram, systemPath, systemPlaces, type SystemPlaces } from './places.ts'
import { giveOver, spawnBounded } from './spawn.ts'

export type JailKind = 'bwrap' | 'unshare'

/**
 * A way to run a program so that it sees a read-only system, its own folders and nothing else: no
 * network, not even loopback, no other process, no home, no keys, no environment of ours. It runs
 * as a user without rights, and dies with the process that started it.
 */
export interface Jail {
  readonly kind: JailKind
  /** Search path of the programs that make it. */
  readonly path: string
  readonly system: SystemPlaces
}

/** `none`: this machine cannot make one, with the reason in words. */
export type JailFound =
  { readonly tag: 'jail'; readonly jail: Jail } | { readonly tag: 'none'; readonly why: string }

export interface FindJail {
  readonly path?: string
  readonly kinds?: readonly JailKind[]
}

const probeLimits = {
  timeMs: 20 * SECOND,
  memoryBytes: 256 * MIB,
  tmpBytes: MIB,
  fileBytes: MIB,
  outputBytes: 64 * 1_024,
  // counted with the threads of all other jails: they have one user between them
  processes: 512
}

/** In a jail that is one: another user, few processes, no home, a system that cannot be written. */
const probe =
  'set -- /proc/[0-9]*; test "$(id -u)" = 65534 && test $# -lt 10 && test ! -e /home && ' +
  'test ! -e /root && test ! -w /usr && test "$(grep -c : /proc/net/dev)" -le 1'

/**
 * The first kind of jail that this machine makes, found by making it: bubblewrap where it is
 * installed, else `unshare` of util-linux. Containers and hardened kernels often permit neither.
 */
export async function findJail(options: FindJail = {}): Promise<JailFound> {
  const path = options.path ?? systemPath
  const reasons: string[] = []
  const system = await systemPlaces()
  for (const kind of options.kinds ?? ['bwrap', 'unshare']) {
    if ((await findProgram(kind, path)) === null) {
      reasons.push(`${kind} is not installed`)
      continue
    }
    const jail: Jail = { kind, path, system }
    const why = await tryJail(jail)
    if (why === null) return { tag: 'jail', jail }
    reasons.push(`${kind}: ${why}`)
  }
  return { tag: 'none', why: reasons.join('; ') }
}

/** Null when it holds, else why not. */
async function tryJail(jail: Jail): Promise<string | null> {
  try {
    const end = await runJailed(jail, {
      argv: ['sh', '-c', probe],
      cwd: '/tmp',
      readOnly: [],
      writable: [],
      env: new Map(),
      limits: probeLimits
    })
    return end.exit === 0 ? null : 'what runs in it is not kept apart'
  } catch (error) {
    if (error instanceof OtaError) return error.message
    throw error
  }
}

/**
 * Runs one program in a jail to its end. `CANNOT_BUILD` when the jail itself cannot be made, which
 * is never the program's fault; how the program ended is a value. An aborted `signal` ends it and
 * throws its reason.
 */
export async function runJailed(jail: Jail, job: JailJob): Promise<JailEnd> {
  checkJob(job)
  job.signal?.throwIfAborted()
  return await withScratch(async (scratch) => {
    const isRoot = process.getuid?.() === 0
    const make = jail.kind === 'bwrap' ? bwrapArgv : unshareArgv
    const argv = make({ job, scratch, system: jail.system, isRoot })
    try {
      if (isRoot) for (const { path } of job.writable) await giveOver(path, jail.path)
      const { end, started } = await spawnBounded(argv, jail.path, job)
      job.signal?.throwIfAborted()
      if (started || end.timedOut) return end
      throw noJail(toText(end.output).trim().split('\n').at(-1) ?? '')
    } catch (cause) {
      const errno = errnoOf(cause)
      if (errno === null) throw cause
      throw noJail(errno, cause)
    }
  })
}

function noJail(why: string, cause?: unknown): OtaError {
  const reason = why === '' ? 'it ended before it began' : why.slice(0, 300)
  return new OtaError('CANNOT_BUILD', `the jail cannot be made: ${reason}`, {
    hint: 'it needs Linux with bubblewrap, or util-linux and user namespaces',
    cause
  })
}

/** Our own invariants: what these texts become part of reads them by lines, words and "=". */
function checkJob({ argv, cwd, readOnly, writable, env }: JailJob): void {
  const [program = ''] = argv
  assert(program !== '' && !program.includes('=') && !program.startsWith('-'), 'a program is named')
  const paths = [...readOnly, ...writable].flatMap(({ path, at }) => [path, at])
  for (const path of [cwd, ...paths]) {
    assert(path.startsWith('/') && !/\p{Cc}/u.test(path), 'a path from the root, in one line')
  }
  const isHidden = ({ at }: Place): boolean => writable.some((one) => isWithin(at, one.at))
  assert(!readOnly.some(isHidden), 'nothing read-only lies in a place that may be written')
  for (const name of env.keys()) assert(/^[A-Za-z_]\w*$/.test(name), 'a name of a variable')
}
