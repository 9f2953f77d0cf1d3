import { execFile, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { constants } from 'node:os'
import { promisify } from 'node:util'
import { concat, type Bytes } from '../../base/index.ts'
import { onDisk } from '../failure.ts'
import { jailUser, type JailEnd, type JailJob } from './job.ts'

/** A shell says so of a program that a signal ended: 128 and its number. */
const signalBase = 128

interface Part {
  readonly isStdout: boolean
  readonly bytes: Bytes
}

/**
 * Starts a program with nothing of ours but the search path, bounds what it prints and how long it
 * takes, and waits until it and its streams have ended. `started`: it said so on descriptor 3.
 */
export function spawnBounded(
  [name = '', ...rest]: readonly string[],
  path: string,
  { limits, signal }: Pick<JailJob, 'limits' | 'signal'>
): Promise<{ readonly end: JailEnd; readonly started: boolean }> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, rest, {
      // a session of its own: it cannot reach the terminal we were started from
      detached: true,
      env: { PATH: path, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe']
    })
    const [, stdout, stderr, ready] = child.stdio
    const parts: Part[] = []
    let [printed, started, timedOut, overflowed] = [0, false, false, false]
    const kill = (): void => void child.kill('SIGKILL')
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, limits.timeMs)
    const take = (bytes: Bytes, isStdout: boolean): void => {
      const left = limits.outputBytes - printed
      printed += bytes.byteLength
      if (left > 0) parts.push({ isStdout, bytes: bytes.slice(0, left) })
      if (bytes.byteLength <= left || overflowed) return
      overflowed = true
      kill()
    }
    stdout?.on('data', (bytes: Bytes) => take(bytes, true))
    stderr?.on('data', (bytes: Bytes) => take(bytes, false))
    ready?.on('data', () => (started = true))
    const settle = (deed: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
      deed()
    }
    signal?.addEventListener('abort', kill, { once: true })
    if (signal?.aborted === true) kill()
    child.once('error', (cause) => settle(() => reject(cause)))
    child.once('close', (code, by) => {
      const output = concat(parts.map(({ bytes }) => bytes))
      const own = concat(parts.flatMap(({ isStdout, bytes }) => (isStdout ? [bytes] : [])))
      const how = timedOut || overflowed ? { exit: null, signal: 'SIGKILL' } : howEnded(code, by)
      const end = { ...how, timedOut, overflowed, output, stdout: own }
      settle(() => resolve({ end, started }))
    })
  })
}

function howEnded(code: number | null, by: string | null): Pick<JailEnd, 'exit' | 'signal'> {
  if (code === null) return { exit: null, signal: by }
  const names = Object.entries(constants.signals)
  const name = names.find(([, number]) => code === signalBase + number)?.[0] ?? null
  return name === null ? { exit: code, signal: null } : { exit: null, signal: name }
}

/** Gives a folder and all in it to the user of a jail, unless it was given before. */
export async function giveOver(
  folder: string,
  path: string,
  owner = `${jailUser}:${jailUser}`
): Promise<void> {
  await onDisk('give over', folder, async () => {
    if ((await fs.lstat(folder)).uid === Number(owner.split(':')[0])) return
    await promisify(execFile)('chown', ['-hR', owner, '--', folder], { env: { PATH: path } })
  })
}
