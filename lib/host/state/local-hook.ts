import { spawn } from 'node:child_process'
import type { LocalHooks } from '../app/runspec.ts'
import { systemPath } from '../jail/places.ts'
import { judgeHookExit, type HookEnd } from './exits.ts'

const OUTPUT_BYTES = 1_048_576

/** What a hook that did not do its work said. */
export interface HookNo {
  /** `retry`: not now. */
  readonly tag: 'retry' | 'failed'
  readonly text: string
  readonly said: string
}

/**
 * Runs the operator's own program, if there is one, with what it is told in its environment and
 * nothing of ours; null: it is done, or there is none. It runs outside the jail, as we do.
 */
export async function runLocalHook(
  hooks: LocalHooks,
  when: 'before' | 'after',
  env: Readonly<Record<string, string>>
): Promise<HookNo | null> {
  const argv = hooks[when]
  if (argv === null) return null
  const { end, said } = await runBounded(argv, { env, timeMs: hooks.timeoutMs })
  const verdict = judgeHookExit(end, hooks.dialect)
  if (verdict.tag === 'done' || verdict.tag === 'absent') return null
  const text = verdict.tag === 'retry' ? 'it asks for another try later' : verdict.text
  return { tag: verdict.tag, text, said }
}

/** In a group of its own, which ends with it: by time, by what it prints, or by itself. */
function runBounded(
  [program = '', ...args]: readonly string[],
  given: { readonly env: Readonly<Record<string, string>>; readonly timeMs: number }
): Promise<{ readonly end: HookEnd; readonly said: string }> {
  return new Promise((resolve) => {
    const { LANG = 'C.UTF-8' } = process.env
    const child = spawn(program, args, {
      detached: true,
      cwd: '/',
      env: { PATH: systemPath, LANG, ...given.env },
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let [printed, said, timedOut, overflowed] = [0, '', false, false]
    const kill = (): void => {
      if (child.pid !== undefined) killGroup(child.pid)
    }
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, given.timeMs)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text.length
        said = (said + text).slice(-2_048)
        if (printed <= OUTPUT_BYTES || overflowed) return
        overflowed = true
        kill()
      })
    }
    const settle = (exit: number | null, signal: string | null): void => {
      clearTimeout(timer)
      // what it left behind in its group ends with it
      kill()
      resolve({ end: { exit, signal, timedOut, overflowed, hasResult: null }, said })
    }
    // a program that is not there ends as a shell would say
    child.once('error', () => settle(127, null))
    child.once('exit', settle)
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // gone already
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
