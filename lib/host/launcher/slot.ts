import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { backoffMs, noteExit } from '../../cutover/keepalive.ts'
import type { LauncherNews, SlotView, SpawnOrder, Traffic } from './config.ts'
import type { Link, Target } from './link.ts'
import { forgetPid, notePid, signalGroup } from './pids.ts'
import { drain } from './relay.ts'

export interface SlotOptions {
  readonly name: 'a' | 'b'
  readonly pids: string
  readonly output: 'inherit' | 'ignore'
  readonly news: (news: LauncherNews) => void
}

export interface Ending {
  readonly drain: { readonly lingerMs: number; readonly drainMaxMs: number } | null
  /** From the signal to SIGKILL. */
  readonly graceMs: number
}

/** Starts on another port, when somebody took the chosen one in between. */
const portTriesMax = 5

/** One process of the app, in a process group of its own, started again if so ordered. */
export class AppSlot {
  readonly #options: SlotOptions
  readonly #counts = { connections: 0, lost: 0 }
  #order: SpawnOrder | null = null
  #child: ChildProcess | null = null
  #target: Target | null = null
  #status: SlotView['status'] = 'down'
  #restart = false
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

  get target(): Target | null {
    return this.#status === 'up' || this.#status === 'ending' ? this.#target : null
  }

  get traffic(): Traffic {
    return { ...this.#counts, open: this.#target?.links.size ?? 0 }
  }

  view(): SlotView | null {
    if (this.#order === null) return null
    const { release, gen } = this.#order
    const pid = this.#child?.pid ?? null
    const ports = this.#target?.ports ?? {}
    const [status, restart, exits] = [this.#status, this.#restart, this.#exits]
    return { release, gen, status, pid, ports, restart, exits }
  }

  keep(restart: boolean): void {
    this.#restart = restart
  }

  /** Starts the process; the outcome is news. The slot must be free. */
  async start(order: SpawnOrder, restart: boolean): Promise<void> {
    if (this.#order?.release !== order.release) this.#exits = []
    this.#order = order
    this.#restart = restart
    this.#portTries = 0
    await this.#spawn(order)
  }

  /** Drains if asked, signals, kills the group in the end. `ended` is the news of it. */
  async end({ drain: how, graceMs }: Ending): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#restart = false
    const child = this.#child
    const order = this.#order
    const target = this.#target
    this.#status = 'ending'
    const lost = how !== null && target !== null ? await drain(target, how) : 0
    if (this.#child === child && child?.pid !== undefined) {
      const { pid } = child
      const gone = new Promise<void>((resolve) => {
        this.#gone.push(resolve)
      })
      signalGroup(pid, how === null ? 'SIGTERM' : (this.#order?.signal ?? 'SIGTERM'))
      const kill = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
      if (this.#child !== null) await gone
      clearTimeout(kill)
      // What it left behind in its group goes with it.
      signalGroup(pid, 'SIGKILL')
    }
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

  async #spawn(order: SpawnOrder): Promise<void> {
    const ports: Record<string, number> = {}
    for (const name of order.ports) ports[name] = await freePort()
    const fill = filler(order.ports, ports)
    const [program = '', ...args] = order.argv.map(fill)
    const env = Object.fromEntries(
      Object.entries(order.env).map(([key, value]) => [key, fill(value)])
    )
    const output = this.#options.output === 'inherit' ? 2 : 'ignore'
    const child = spawn(program, args, {
      cwd: order.cwd,
      env: { ...env, ...portVariables(order.ports, ports) },
      detached: true,
      stdio: ['ignore', output, output]
    })
    this.#child = child
    this.#target = { ports, links: new Set<Link>(), counts: this.#counts, served: false }
    this.#status = 'up'
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) this.#failed(child, error.code ?? 'unknown')
    })
    child.once('exit', (code, signal) => void this.#exited(child, code, signal))
    if (child.pid === undefined) return
    notePid(this.#options.pids, this.#options.name, child.pid)
    this.#options.news({ slot: this.#options.name, what: 'started', pid: child.pid, ports })
  }

  #failed(child: ChildProcess, errno: string): void {
    if (this.#child !== child) return
    this.#child = null
    this.#status = 'down'
    this.#options.news({ slot: this.#options.name, what: 'spawn-failed', errno })
    if (this.#restart) this.#again()
  }

  async #exited(child: ChildProcess, code: number | null, signal: string | null): Promise<void> {
    if (this.#child !== child) return
    this.#child = null
    forgetPid(this.#options.pids, this.#options.name)
    if (this.#status === 'ending') {
      for (const resolve of this.#gone) resolve()
      return
    }
    this.#status = 'down'
    // What it started in its group must not hold its port or its state.
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL')
    const { ports, served } = this.#target ?? { ports: {}, served: true }
    if (!served && this.#portTries < portTriesMax && (await someTaken(Object.values(ports)))) {
      this.#portTries++
      if (this.#order !== null && this.#child === null) await this.#spawn(this.#order)
      return
    }
    this.#exits = noteExit(this.#exits, Date.now())
    const restarting = this.#restart
    if (restarting) this.#again()
    this.#options.news({ slot: this.#options.name, what: 'exited', code, signal, restarting })
  }

  #again(): void {
    this.#status = 'waiting'
    this.#timer = setTimeout(() => {
      if (this.#order !== null && this.#child === null) void this.#spawn(this.#order)
    }, backoffMs(this.#exits.length))
  }

  #clear(): void {
    forgetPid(this.#options.pids, this.#options.name)
    for (const link of this.#target?.links ?? []) link.cut()
    this.#order = null
    this.#child = null
    this.#target = null
    this.#status = 'down'
    this.#gone = []
    this.#exits = []
  }
}

/** A port nobody uses at this moment. */
async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const bound = server.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : 0
      server.close(() => resolve(port))
    })
  })
}

async function someTaken(ports: readonly number[]): Promise<boolean> {
  for (const port of ports) {
    const taken = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EADDRINUSE'))
      server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(false)))
    })
    if (taken) return true
  }
  return false
}

function filler(
  names: readonly string[],
  ports: Readonly<Record<string, number>>
): (text: string) => string {
  const variables = portVariables(names, ports)
  return (text) =>
    text.replace(/\$\{(PORT(?:_[A-Z0-9_]+)?)\}/g, (all, key) => variables[key] ?? all)
}

/** `PORT` is the first port; every port has its own name too. */
function portVariables(
  names: readonly string[],
  ports: Readonly<Record<string, number>>
): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {}
  for (const [index, name] of names.entries()) {
    const port = String(ports[name] ?? 0)
    if (index === 0) variables['PORT'] = port
    variables[`PORT_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`] = port
  }
  return variables
}
