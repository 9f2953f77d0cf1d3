import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { backoffMs, noteExit } from '../../cutover/keepalive.ts'
import { Channel } from './channel.ts'
import type { LauncherNews, Serving, SlotView, SpawnOrder, Traffic } from './config.ts'
import type { Link, Target } from './link.ts'
import { forgetPid, notePid, signalGroup } from './pids.ts'
import { freePort, someTaken } from './ports.ts'
import { letGo, plain, startProcess, type Dressed } from './start.ts'

/** How the connections of a process come to their end. */
export interface Patience {
  readonly lingerMs: number
  readonly drainMaxMs: number
}

export interface SlotOptions {
  readonly name: 'a' | 'b'
  readonly pids: string
  readonly output: (bytes: Uint8Array) => void
  readonly news: (news: LauncherNews) => void
  readonly incarnation: { readonly raise: () => number; readonly last: () => number }
  readonly socket: (name: string) => number | undefined
  /** Puts what takes rights away before a program; an errno where the program is not there. */
  readonly dress: (order: SpawnOrder) => Promise<((argv: readonly string[]) => Dressed) | string>
  /** Lets what stands before the app finish; resolves with the requests cut off. */
  readonly drain: (target: Target, how: Patience) => Promise<number>
  /** Ends what left the process group. */
  readonly sweep: () => Promise<void>
  /** Whether the system ended it for want of memory, and whose. */
  readonly oom: (signal: string | null) => Promise<'own' | 'machine' | null>
  /** Called at once after an exit that nobody asked for; true if another one serves now. */
  readonly onExit: () => boolean
}

export interface Ending {
  readonly drain: Patience | null
  /** From the signal to SIGKILL. */
  readonly graceMs: number
}

/** Starts on another port, when somebody took the chosen one in between. */
const portTriesMax = 5
/** Output still on its way after the exit. */
const lastWordsMs = 500

/** One process of the app, in a process group of its own, started again if so ordered. */
export class AppSlot {
  readonly #options: SlotOptions
  readonly #counts = { connections: 0, lost: 0 }
  #order: SpawnOrder | null = null
  #child: ChildProcess | null = null
  #channel: Channel | null = null
  #target: Target | null = null
  #status: SlotView['status'] = 'down'
  #restart = false
  /** Put in charge once: from then on it is started to serve. */
  #live = false
  #inc: number | null = null
  #exits: readonly number[] = []
  #portTries = 0
  #timer: NodeJS.Timeout | null = null
  #gone: (() => void)[] = []

  constructor(options: SlotOptions) {
    this.#options = options
  }

  get isFree(): boolean {
    return this.#order === null || this.#status === 'down'
  }

  /** Whether its process runs, ending or not. */
  get target(): Target | null {
    return this.#status === 'up' || this.#status === 'ending' ? this.#target : null
  }

  /** Who accepts the connections of its process. */
  get serving(): Serving | 'none' {
    const { pass = plain, ports = [], hold = false } = this.#order ?? {}
    if (pass.level > 0 && pass.sockets.length > 0) return 'pass'
    return ports.length === 0 ? 'none' : hold ? 'hold' : 'relay'
  }

  get hasStream(): boolean {
    return this.#channel !== null
  }

  get traffic(): Traffic {
    return { ...this.#counts, open: this.#target?.links.size ?? 0 }
  }

  view(): SlotView | null {
    if (this.#order === null) return null
    const { release, gen, pass = plain } = this.#order
    return {
      release,
      gen,
      status: this.#status,
      pid: this.#child?.pid ?? null,
      ports: this.#target?.ports ?? {},
      restart: this.#restart,
      exits: this.#exits,
      level: pass.level,
      live: this.#live,
      inc: this.#inc,
      word: this.#channel?.word ?? null,
      dropped: this.#channel?.dropped ?? 0
    }
  }

  keep(restart: boolean): void {
    this.#restart = restart
  }

  /** Starts the process; the outcome is news. The slot must be free. */
  async start(order: SpawnOrder, restart: boolean): Promise<void> {
    if (this.#order?.release !== order.release) this.#exits = []
    this.#order = order
    this.#restart = restart
    this.#live = (order.pass ?? plain).mode === 'live'
    this.#portTries = 0
    await this.#spawn(order)
  }

  /**
   * Says one line to the app; false when nobody reads it. `takeover` and `resume` bear the number
   * of a new life, durable before they are said.
   */
  say(line: string): boolean {
    if (this.#channel === null || this.#status !== 'up') return false
    if (line !== 'OTA=takeover' && line !== 'OTA=resume') return this.#channel.send(line)
    if (!this.#channel.isOpen) return false
    this.#live = true
    this.#inc = this.#options.incarnation.raise()
    return this.#channel.send(`${line}:${this.#inc}`)
  }

  /** One signal; SIGKILL is for the whole group. */
  signal(name: NodeJS.Signals): boolean {
    const child = this.#child
    if (child?.pid === undefined) return false
    return name === 'SIGKILL' ? signalGroup(child.pid, name) : child.kill(name)
  }

  /** Drains if asked, signals, kills the group in the end. `ended` is the news of it. */
  async end({ drain, graceMs }: Ending): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#restart = false
    const child = this.#child
    const order = this.#order
    const target = this.#target
    this.#status = 'ending'
    const lost = drain !== null && target !== null ? await this.#drain(target, drain) : 0
    if (this.#child === child && child?.pid !== undefined) {
      const { pid } = child
      const gone = this.#whenGone()
      signalGroup(pid, drain === null ? 'SIGTERM' : (this.#order?.signal ?? 'SIGTERM'))
      const kill = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
      if (this.#child !== null) await gone
      clearTimeout(kill)
    }
    // What it left behind in its group goes with it, and what left its group too.
    if (child?.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
    await this.#options.sweep()
    // Asked twice, ended once: a drain that was cut short finds its work done.
    if (this.#order !== order) return
    this.#clear()
    this.#options.news({ slot: this.#options.name, what: 'ended', lost })
  }

  /** At the end of the launcher: nothing is left behind, nothing is said. */
  kill(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#child?.pid !== undefined) signalGroup(this.#child.pid, 'SIGKILL')
  }

  /** The app drains its own connections if it can be asked to; else those before it are drained. */
  async #drain(target: Target, how: Patience): Promise<number> {
    const lost = this.#options.drain(target, how)
    if (this.#channel?.send('OTA=drain') === true && this.#child !== null) {
      const gone = this.#whenGone()
      await Promise.race([gone, later(how.lingerMs + how.drainMaxMs)])
    }
    return await lost
  }

  async #whenGone(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#gone.push(resolve)
    })
  }

  async #spawn(order: SpawnOrder): Promise<void> {
    const { name, incarnation, news, output, pids, socket } = this.#options
    const ports: Record<string, number> = {}
    for (const port of order.ports) ports[port] = await freePort()
    const dress = await this.#options.dress(order)
    // Ended or replaced while we looked.
    if (this.#order !== order || this.#status === 'ending' || this.#child !== null) return
    if (typeof dress === 'string') {
      this.#failed(null, dress)
      return
    }
    if (this.#live) this.#inc = incarnation.raise()
    const { child, stream } = startProcess({
      order,
      ports,
      incarnation: this.#inc ?? incarnation.last(),
      socket,
      output,
      dress
    })
    this.#child = child
    this.#target = { ports, links: new Set<Link>(), counts: this.#counts, served: false }
    this.#status = 'up'
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) this.#failed(child, error.code ?? 'unknown')
    })
    child.once('exit', (code, signal) => void this.#exited(child, code, signal))
    if (child.pid === undefined) return
    this.#channel = stream === null ? null : this.#listenTo(stream, order)
    notePid(pids, name, child.pid)
    news({ slot: name, what: 'started', pid: child.pid, ports })
    if (this.#live) this.#channel?.send(`OTA=takeover:${this.#inc}`)
  }

  #listenTo(stream: Socket, order: SpawnOrder): Channel {
    const { name, news } = this.#options
    const isCurrent = (): boolean => this.#channel === channel
    const channel = new Channel(stream, {
      watchdogMs: (order.pass ?? plain).watchdogMs,
      onSaid: (said) => {
        if (isCurrent()) news({ slot: name, what: 'said', said })
      },
      onSilent: () => {
        if (!isCurrent() || this.#status !== 'up') return
        news({ slot: name, what: 'watchdog' })
        // Committed: it is started again, daemon or not. On trial the daemon decides.
        if (this.#restart) this.signal('SIGKILL')
      },
      onClosed: () => {
        if (isCurrent() && this.#status === 'up') news({ slot: name, what: 'stream-closed' })
      }
    })
    return channel
  }

  #failed(child: ChildProcess | null, errno: string): void {
    if (this.#child !== child) return
    this.#child = null
    this.#status = 'down'
    this.#exits = noteExit(this.#exits, Date.now())
    this.#options.onExit()
    this.#options.news({ slot: this.#options.name, what: 'spawn-failed', errno })
    if (this.#restart) this.#again()
  }

  async #exited(child: ChildProcess, code: number | null, signal: string | null): Promise<void> {
    setTimeout(() => letGo(child), lastWordsMs).unref()
    if (this.#child !== child) return
    this.#child = null
    forgetPid(this.#options.pids, this.#options.name)
    for (const resolve of this.#gone.splice(0)) resolve()
    if (this.#status === 'ending') return
    this.#status = 'down'
    this.#channel?.close()
    // What it started must not hold its port or its state.
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
    // Nothing stands between an exit and a take-back.
    const isTakenBack = this.#options.onExit()
    const oom = await this.#options.oom(signal)
    await this.#options.sweep()
    if (!isTakenBack && (await this.#lostItsPort())) {
      this.#portTries++
      await this.#spawnAgain()
      return
    }
    this.#exits = noteExit(this.#exits, Date.now())
    const restarting = this.#restart
    if (restarting) this.#again()
    this.#options.news({ slot: this.#options.name, what: 'exited', code, signal, restarting, oom })
  }

  async #lostItsPort(): Promise<boolean> {
    const { ports, served } = this.#target ?? { ports: {}, served: true }
    if (served || this.#portTries >= portTriesMax) return false
    return await someTaken(Object.values(ports))
  }

  #again(): void {
    this.#status = 'waiting'
    this.#timer = setTimeout(() => void this.#spawnAgain(), backoffMs(this.#exits.length))
  }

  /** Nobody waits for this start: what goes wrong is news like any other failed one. */
  async #spawnAgain(): Promise<void> {
    if (this.#order === null || this.#child !== null || this.#status === 'ending') return
    try {
      await this.#spawn(this.#order)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.#failed(null, 'code' in error ? String(error.code) : 'unknown')
    }
  }

  #clear(): void {
    forgetPid(this.#options.pids, this.#options.name)
    for (const link of this.#target?.links ?? []) link.cut()
    this.#channel?.close()
    this.#order = null
    this.#child = null
    this.#channel = null
    this.#target = null
    this.#status = 'down'
    this.#live = false
    this.#inc = null
    this.#gone = []
    this.#exits = []
  }
}

async function later(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
