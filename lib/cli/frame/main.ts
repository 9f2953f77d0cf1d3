import { Console } from 'node:console'
import { runProgram, type Program } from './program.ts'

/** How long a command may take to close after a signal before the process is ended for it. */
const GRACE_MS = 10_000
const HOLD_MS = 60_000

export interface MainOptions {
  /** Milliseconds; longer for a daemon that drains connections. */
  readonly graceMs?: number
}

/**
 * Runs a program on this process: its arguments, streams and signals. The first SIGINT or SIGTERM
 * aborts `context.signal` and lets the command close what it opened; a second one, or the end of
 * `graceMs`, ends the process at once with the same number (130 or 143).
 */
export async function runMain(program: Program, options: MainOptions = {}): Promise<void> {
  // hypercore prints conflicts with console.log; a stdout that promises JSON must not carry them
  globalThis.console = new Console({ stdout: process.stderr, stderr: process.stderr })
  const stop = new AbortController()
  const onSignal = (name: 'SIGINT' | 'SIGTERM'): void => {
    const exit = name === 'SIGTERM' ? 143 : 130
    if (stop.signal.aborted) process.exit(exit)
    stop.abort(name)
    setTimeout(() => process.exit(exit), options.graceMs ?? GRACE_MS).unref()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.stdout.on('error', onClosedPipe)
  process.stderr.on('error', onClosedPipe)
  // timers of a clock do not hold a process; a command that only waits must not end by that
  const alive = setInterval(() => undefined, HOLD_MS)
  const code = await runProgram(program, {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal
  })
  clearInterval(alive)
  process.exitCode = code
  // What is written reaches the pipe first; a timer left by a peer must not hold the process.
  process.stdout.write('', () => process.exit(code))
}

/** The reader of a pipe may leave early (`| head -n 1`): that is no failure of ours. */
function onClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
