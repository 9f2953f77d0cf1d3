import { spawn, type ChildProcess } from 'node:child_process'
import { backoffMs, noteExit, usualBackoff } from '../../cutover/keepalive.ts'
import type { LaunchConfig } from './config.ts'
import { forgetPid, notePid, signalGroup } from './pids.ts'

/** Ends that no restart can cure: wrong config, an era that is not supported. */
const finalCodes: readonly number[] = [2, 40]
const stopGraceMs = 10_000
/**
 * Threads that unpack and store keep heaps of their own, which glibc never joins: two cost a
 * sixth less memory at the peak of a large fetch. Others pass over it.
 */
const THRIFTY = { MALLOC_ARENA_MAX: '2' }

/** Keeps the daemon running: started again after 1, 2, 4 … 60 s, unseen by the app. */
export class DaemonKeeper {
  readonly #config: LaunchConfig
  readonly #pids: string
  readonly #gaveUp: (code: number) => void
  #child: ChildProcess | null = null
  #timer: NodeJS.Timeout | null = null
  #exits: readonly number[] = []
  #stopping = false
  #gone: (() => void) | null = null
  starts = 0

  /** `gaveUp` is called with a code that no restart can cure. */
  constructor(config: LaunchConfig, pids: string, gaveUp: (code: number) => void) {
    this.#config = config
    this.#pids = pids
    this.#gaveUp = gaveUp
  }

  start(): void {
    const [program = '', ...args] = this.#config.daemon
    const output = this.#config.output ?? 'inherit'
    this.starts++
    const child = spawn(program, args, {
      cwd: this.#config.home,
      env: { ...THRIFTY, ...process.env },
      detached: true,
      stdio: ['ignore', output, output]
    })
    this.#child = child
    if (child.pid !== undefined) notePid(this.#pids, 'daemon', child.pid)
    child.once('error', () => this.#ended(child, null))
    child.once('exit', (code) => this.#ended(child, code))
  }

  /** SIGTERM, and SIGKILL after 10 s; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const pid = this.#child?.pid
    if (pid === undefined) return
    const gone = new Promise<void>((resolve) => {
      this.#gone = resolve
    })
    signalGroup(pid, 'SIGTERM')
    const kill = setTimeout(() => signalGroup(pid, 'SIGKILL'), stopGraceMs)
    await gone
    clearTimeout(kill)
  }

  #ended(child: ChildProcess, code: number | null): void {
    if (this.#child !== child) return
    this.#child = null
    forgetPid(this.#pids, 'daemon')
    this.#gone?.()
    if (this.#stopping) return
    if (code !== null && finalCodes.includes(code)) this.#gaveUp(code)
    this.#exits = noteExit(this.#exits, Date.now())
    const delayMs = backoffMs(this.#exits.length, this.#config.backoff ?? usualBackoff)
    this.#timer = setTimeout(() => this.start(), delayMs)
  }
}
