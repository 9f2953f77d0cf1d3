import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface PidFile {
  readonly pid: number
  /** Start time as the system tells it: a number used again is another process. */
  readonly start: string
}

/** Notes that `pid` is ours, so that a launcher after us can end it. */
export function notePid(folder: string, name: string, pid: number): void {
  const start = startTime(pid)
  if (start === null) return
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(join(folder, name), JSON.stringify({ pid, start }), { mode: 0o600 })
}

export function forgetPid(folder: string, name: string): void {
  rmSync(join(folder, name), { force: true })
}

/** The process noted under `name`, if it still is the one that was noted. */
export function livingPid(folder: string, name: string): number | null {
  const noted = readPidFile(join(folder, name))
  return noted !== null && startTime(noted.pid) === noted.start ? noted.pid : null
}

/**
 * Ends what a launcher before us left behind, and waits until it is gone: SIGTERM to the group,
 * SIGKILL after `graceMs`.
 */
export async function endStrays(folder: string, graceMs: number): Promise<readonly number[]> {
  const names = listed(folder)
  const strays = names.map((name) => livingPid(folder, name)).filter((pid) => pid !== null)
  for (const pid of strays) signalGroup(pid, 'SIGTERM')
  const steps = Math.ceil(graceMs / 50)
  for (let step = 0; step < steps && strays.some(isAlive); step++) await pause(50)
  for (const pid of strays) signalGroup(pid, 'SIGKILL')
  for (let step = 0; step < 40 && strays.some(isAlive); step++) await pause(50)
  for (const name of names) forgetPid(folder, name)
  return strays
}

/** Signals a process group; one that is gone already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

/** When `pid` started, in the system's own words; null if it does not run. */
export function startTime(pid: number): string | null {
  if (process.platform === 'linux') {
    const stat = readOrNull(`/proc/${pid}/stat`)
    // The second field is the program's name in brackets and may hold anything, spaces too.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [state] = fields ?? []
    return state === undefined || state === 'Z' ? null : (fields?.[19] ?? null)
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch (error) {
    if (error instanceof Error) return null
    throw error
  }
}

function isAlive(pid: number): boolean {
  return startTime(pid) !== null
}

function listed(folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return readdirSync(folder)
}

function readPidFile(path: string): PidFile | null {
  const text = readOrNull(path)
  const { pid, start } = text === null ? {} : parsed(text)
  const valid = Number.isSafeInteger(pid) && typeof pid === 'number' && pid > 1
  return valid && typeof start === 'string' ? { pid, start } : null
}

function parsed(text: string): { pid?: unknown; start?: unknown } {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
