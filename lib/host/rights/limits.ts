import type { AppUser } from './user.ts'

/** What one app may use at most; null: as much as the machine has. */
export interface Limits {
  readonly memory: number | null
  readonly pids: number | null
  readonly nofile: number | null
}

export const noLimits: Limits = { memory: null, pids: null, nofile: null }

/** What this machine offers for bounding a program. */
export interface Means {
  /** Folder of the control group that was delegated to this home, with memory and pids in it. */
  readonly cgroup: string | null
  /** Whole path, or null where it is not installed. */
  readonly setpriv: string | null
  readonly prlimit: string | null
  readonly isRoot: boolean
  /** Hard limit of open files of this process; null: none. */
  readonly nofileHard: number | null
}

/** What holds a limit in force. */
export type LimitedBy = 'cgroup' | 'prlimit' | 'nothing'

/** A limit and what holds it; the value is what is in force, not what was asked for. */
export interface Limited {
  readonly value: number | null
  readonly by: LimitedBy
}

export interface LimitsView {
  readonly memory: Limited
  readonly pids: Limited
  readonly nofile: Limited
}

const unlimited: Limited = { value: null, by: 'nothing' }

/**
 * Which limits hold on this machine and by what. Memory and processes are held for the whole app by
 * a control group; else by `prlimit`: memory then for each process by itself, and the number of
 * processes only where the app has a user of its own, since the system counts by user.
 */
export function limitsOf(asked: Limits, means: Means, user: AppUser | null): LimitsView {
  const { cgroup, prlimit, nofileHard } = means
  const within = cgroup !== null
  const alone = prlimit !== null
  const nofile = asked.nofile === null ? null : Math.min(asked.nofile, nofileHard ?? Infinity)
  return {
    memory: held(asked.memory, within ? 'cgroup' : alone ? 'prlimit' : null),
    pids: held(asked.pids, within ? 'cgroup' : alone && user !== null ? 'prlimit' : null),
    nofile: held(nofile, alone ? 'prlimit' : null)
  }
}

/** The smaller of two limits, part by part. */
export function stricter(a: Limits, b: Limits): Limits {
  return {
    memory: least(a.memory, b.memory),
    pids: least(a.pids, b.pids),
    nofile: least(a.nofile, b.nofile)
  }
}

/**
 * Words before the program that bound it by `prlimit`; nothing where it is not installed. Memory is
 * the data segment: a JavaScript engine reserves far more addresses than it ever uses.
 */
export function prlimitWords(view: LimitsView, { prlimit }: Means): readonly string[] {
  if (prlimit === null) return []
  return [
    prlimit,
    '--core=0:0',
    ...word('nofile', view.nofile),
    ...word('nproc', view.pids),
    ...word('data', view.memory)
  ]
}

function word(name: string, { value, by }: Limited): readonly string[] {
  return value === null || by !== 'prlimit' ? [] : [`--${name}=${value}:${value}`]
}

function held(value: number | null, by: LimitedBy | null): Limited {
  return value === null || by === null ? unlimited : { value, by }
}

function least(a: number | null, b: number | null): number | null {
  const both = [a, b].filter((value) => value !== null)
  return both.length === 0 ? null : Math.min(...both)
}
