import { constants } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { findProgram, systemPath } from '../jail/places.ts'
import { delegated } from './cgroup.ts'
import { limitsOf, prlimitWords, type Limits, type LimitsView, type Means } from './limits.ts'
import type { AppUser } from './user.ts'

/** How a program is started with no more rights than it needs. */
export interface Dropped {
  /** The program behind the programs that take rights away; each becomes the next, pid kept. */
  readonly argv: readonly string[]
  /** For `spawn`, where no program does it: user and group together clear the other groups. */
  readonly uid?: number
  readonly gid?: number
  readonly limits: LimitsView
  /** It and its children can gain no rights any more, whatever they execute. */
  readonly noNewPrivileges: boolean
}

/** Enters a control group while still allowed to, then goes on; the group is word 0. */
const enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'

/**
 * The start of a program as `user`, in bounds. Groups are cleared, capabilities and the way to new
 * ones taken (`setpriv`); without `setpriv` the caller's `spawn` drops user and groups. `group`:
 * the control group of this slot, made before, or null.
 */
export function dropRights(
  argv: readonly string[],
  want: { readonly user: AppUser | null; readonly limits: Limits; readonly group?: string | null },
  means: Means
): Dropped {
  const { user, group = null } = want
  const inGroup = group !== null && means.cgroup !== null ? group : null
  const limits = limitsOf(want.limits, { ...means, cgroup: inGroup }, user)
  const words = [...prlimitWords(limits, means), ...argv]
  const { setpriv } = means
  // Only as root another user can be had: elsewhere all is one user, which `doctor` says.
  const other = means.isRoot ? user : null
  if (setpriv === null) {
    const ids = other === null ? {} : { uid: other.uid, gid: other.gid }
    return { argv: words, ...ids, limits: withoutGroup(limits), noNewPrivileges: false }
  }
  const who =
    other === null
      ? []
      : [`--reuid=${other.uid}`, `--regid=${other.gid}`, '--clear-groups', '--inh-caps=-all']
  const dropped = [setpriv, ...who, '--no-new-privs', '--', ...words]
  const entered = inGroup === null ? [] : ['/bin/sh', '-c', enter, inGroup]
  return { argv: [...entered, ...dropped], limits, noNewPrivileges: true }
}

/** Without `setpriv` nothing runs before the drop that could enter the group. */
function withoutGroup(limits: LimitsView): LimitsView {
  const none = { value: null, by: 'nothing' } as const
  const of = (one: LimitsView['memory']) => (one.by === 'cgroup' ? none : one)
  return { memory: of(limits.memory), pids: of(limits.pids), nofile: limits.nofile }
}

/**
 * What this machine offers, found by trying; asked once at the start of a launcher. `look`: only
 * looked at, so that no control group is made ready and this process stays where it is.
 */
export async function findMeans({ look = false } = {}): Promise<Means> {
  const [setpriv, prlimit, cgroup, nofileHard] = await Promise.all([
    findProgram('setpriv', systemPath),
    findProgram('prlimit', systemPath),
    look ? Promise.resolve(null) : delegated(),
    hardOpenFiles()
  ])
  return { setpriv, prlimit, cgroup, nofileHard, isRoot: process.getuid?.() === 0 }
}

/** The hard limit of open files of this process; null: none, or not told here. */
export async function hardOpenFiles(): Promise<number | null> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const found = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1]
  const value = Number(found)
  return Number.isSafeInteger(value) ? value : null
}

/**
 * Why a program could not be executed: an errno name, or null when it is there. Asked before a
 * start, since behind the programs that drop rights its absence reads as an exit.
 */
export async function whyNoProgram(
  program: string,
  { cwd, path }: { readonly cwd: string; readonly path: string }
): Promise<'ENOENT' | 'EACCES' | null> {
  if (!program.includes('/')) {
    return (await findProgram(program, path)) === null ? 'ENOENT' : null
  }
  const file = isAbsolute(program) ? program : join(cwd, program)
  const reach = async (how: number): Promise<boolean> =>
    await access(file, how).then(
      () => true,
      () => false
    )
  if (!(await reach(constants.F_OK))) return 'ENOENT'
  return (await reach(constants.X_OK)) ? null : 'EACCES'
}
