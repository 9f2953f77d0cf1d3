import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { isAbsolute, join, sep } from 'node:path'
import { OtaError } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import type { LaunchConfig, LauncherView, SpawnOrder } from './config.ts'
import { DaemonKeeper } from './daemon.ts'
import type { Target } from './link.ts'
import { endStrays, forgetPid, livingPid, notePid } from './pids.ts'
import { Relay } from './relay.ts'
import { ControlServer } from './server.ts'
import { AppSlot, type Ending } from './slot.ts'
import { socketPath } from './socket-path.ts'

const strayGraceMs = 1_000
const usualEnding: Ending = { drain: { lingerMs: 1_500, drainMaxMs: 30_000 }, graceMs: 5_000 }

/**
 * The launcher of one home: it holds the public ports, the app's processes and the daemon, and is
 * never replaced while they live. It decides nothing but restarts and an armed take-back.
 */
export class Launcher {
  readonly #config: LaunchConfig
  readonly #log: Log
  readonly #run: string
  readonly #pids: string
  readonly #slots: Readonly<Record<'a' | 'b', AppSlot>>
  readonly #relay: Relay
  readonly #server: ControlServer
  readonly #daemon: DaemonKeeper
  #routed: 'a' | 'b' | null = null
  #armed: { on: 'a' | 'b'; to: 'a' | 'b' } | null = null
  #ending: Ending = usualEnding
  #stopped: Promise<void> | null = null
  #end: (code: number) => void = () => undefined
  /** Resolves with the exit code of the launcher. */
  readonly ended: Promise<number>

  constructor(config: LaunchConfig, log: Log) {
    this.#config = config
    this.#log = log
    this.#run = join(config.home, 'run')
    this.#pids = join(this.#run, 'pids')
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    const slot = (name: 'a' | 'b'): AppSlot =>
      new AppSlot({
        name,
        pids: this.#pids,
        output: config.output ?? 'inherit',
        news: (news) => {
          if (news.what === 'exited' || news.what === 'spawn-failed') this.#takeBack(name)
          this.#log(`slot-${news.what}`, { slot: name })
          this.#server.tell(news)
        }
      })
    this.#slots = { a: slot('a'), b: slot('b') }
    this.#relay = new Relay(() => this.#inCharge())
    this.#server = new ControlServer((verb, request) => this.#perform(verb, request))
    this.#daemon = new DaemonKeeper(config, this.#pids, (code) => this.#gaveUp(code))
  }

  /**
   * Ends what an earlier launcher left behind, takes its place and starts the daemon. `LOCKED` if a
   * launcher of this home is running.
   */
  async start(): Promise<void> {
    mkdirSync(this.#run, { recursive: true, mode: 0o700 })
    const running = livingPid(this.#run, 'launcher.pid')
    if (running !== null && running !== process.pid) {
      throw new OtaError('LOCKED', `"${this.#config.home}" is run by process ${running}`, {
        hint: 'stop it first, or give this app a home of its own',
        facts: { pid: running }
      })
    }
    notePid(this.#run, 'launcher.pid', process.pid)
    const strays = await endStrays(this.#pids, strayGraceMs)
    if (strays.length > 0) this.#log('strays-ended', { count: strays.length })
    writeFileSync(join(this.#run, 'launch.json'), JSON.stringify(this.#config), { mode: 0o600 })
    await this.#server.listen(socketPath(this.#run, 'launcher.sock'))
    this.#daemon.start()
  }

  /** Lets the app finish, ends it and the daemon; twice is once. */
  async stop(code = 0): Promise<void> {
    this.#stopped ??= this.#stop(code)
    await this.#stopped
  }

  async #stop(code: number): Promise<void> {
    this.#relay.close()
    this.#server.close()
    const slots = Object.values(this.#slots).filter((slot) => !slot.isFree)
    const ends = slots.map(async (slot) => await slot.end(this.#ending))
    await Promise.all([this.#daemon.stop(), ...ends])
    forgetPid(this.#run, 'launcher.pid')
    this.#end(code)
  }

  #gaveUp(code: number): void {
    const isServing = Object.values(this.#slots).some((slot) => slot.target !== null)
    // A daemon that cannot start must not end an app that runs.
    if (isServing && code === 2) return
    void this.stop(code)
  }

  #inCharge(): Target | null {
    return this.#routed === null ? null : this.#slots[this.#routed].target
  }

  /** Without the daemon and without a disk in the way: the old version is warm. */
  #takeBack(exited: 'a' | 'b'): void {
    const armed = this.#armed
    if (armed === null || armed.on !== exited) return
    this.#armed = null
    if (this.#slots[armed.to].target === null) return
    this.#routed = armed.to
    this.#server.tell({ slot: exited, what: 'took-back', to: armed.to })
  }

  async #perform(verb: string, request: Record<string, unknown>): Promise<object> {
    const { slot, restart } = request
    switch (verb) {
      case 'hello':
      case 'list':
        return this.#view()
      case 'listen': {
        const address = await this.#relay.listen(textOf(request, 'name'), textOf(request, 'addr'))
        return { addr: address }
      }
      case 'spawn':
        await this.#spawn(slotOf(slot), orderOf(request['run']), restart === true)
        return {}
      case 'keep':
        this.#slots[slotOf(slot)].keep(restart === true)
        return {}
      case 'route':
        this.#routed = slot === null ? null : slotOf(slot)
        return {}
      case 'arm':
        this.#arm(slotOf(request['on']), slotOf(request['to']))
        return {}
      case 'disarm':
        this.#armed = null
        return {}
      case 'end':
        void this.#slots[slotOf(slot)].end(endingOf(request))
        return {}
      case 'manners':
        this.#ending = endingOf(request)
        return {}
      case 'quit':
        void this.stop(0)
        return {}
      default:
        throw new Error(`unknown verb ${verb}`)
    }
  }

  async #spawn(name: 'a' | 'b', order: SpawnOrder, restart: boolean): Promise<void> {
    const slot = this.#slots[name]
    // A broken daemon starts nothing but what lies in a version folder of this home.
    const allowed = join(realpathSync(this.#config.home), 'versions') + sep
    if (!isAbsolute(order.cwd) || !realpathSync(order.cwd).startsWith(allowed)) {
      throw new OtaError('NO_PERMISSION', `"${order.cwd}" is no version folder of this home`)
    }
    if (this.#stopped !== null) throw new OtaError('HELD', 'the launcher is stopping')
    if (!slot.isFree) {
      const held = slot.view()
      if (held?.release === order.release && held.status !== 'ending') return
      throw new OtaError('HELD', `slot ${name} is in use by release ${held?.release}`)
    }
    await slot.start(order, restart)
  }

  /** If what it waits for has happened already, it happens now. */
  #arm(on: 'a' | 'b', to: 'a' | 'b'): void {
    this.#armed = { on, to }
    if (this.#slots[on].target === null) this.#takeBack(on)
  }

  #view(): LauncherView {
    const { a, b } = this.#slots
    return {
      pid: process.pid,
      daemonStarts: this.#daemon.starts,
      slots: { a: a.view(), b: b.view() },
      routed: this.#routed,
      armed: this.#armed,
      listens: this.#relay.addresses,
      traffic: { a: a.traffic, b: b.traffic },
      refused: this.#relay.refused
    }
  }
}

function slotOf(value: unknown): 'a' | 'b' {
  if (value !== 'a' && value !== 'b') throw new Error('no such slot')
  return value
}

function textOf(request: Record<string, unknown>, key: string): string {
  const value = request[key]
  if (typeof value !== 'string') throw new Error(`no ${key}`)
  return value
}

function endingOf({ drain, graceMs }: Record<string, unknown>): Ending {
  const fields = new Map<string, unknown>(Object.entries(drain ?? {}))
  const lingerMs = Number(fields.get('lingerMs') ?? 0)
  const drainMaxMs = Number(fields.get('drainMaxMs') ?? 0)
  return { drain: drain === null ? null : { lingerMs, drainMaxMs }, graceMs: Number(graceMs) }
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const

function orderOf(run: unknown): SpawnOrder {
  if (typeof run !== 'object' || run === null) throw new Error('no run')
  const fields = new Map<string, unknown>(Object.entries(run))
  const text = (key: string): string => textOf(Object.fromEntries(fields), key)
  const argv = texts(fields.get('argv'))
  if (argv.length === 0) throw new Error('no program')
  const signal = SIGNALS.find((name) => name === fields.get('signal')) ?? 'SIGTERM'
  const env: [string, string][] = []
  for (const [key, value] of Object.entries(fields.get('env') ?? {})) env.push([key, String(value)])
  return {
    release: text('release'),
    gen: text('gen'),
    argv,
    env: Object.fromEntries(env),
    cwd: text('cwd'),
    ports: texts(fields.get('ports')),
    signal
  }
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
