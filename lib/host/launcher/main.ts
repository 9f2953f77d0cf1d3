import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { OtaError } from '../../base/errors.ts'
import type { Log } from '../../base/ports.ts'
import { judgeListen, judgeSpawn, type Allowed } from '../rights/allowed.ts'
import { isSendable } from './channel.ts'
import type { LaunchConfig, LauncherView, SpawnOrder } from './config.ts'
import { DaemonKeeper } from './daemon.ts'
import { Front, type InCharge } from './front.ts'
import { Incarnation } from './incarnation.ts'
import { backlogOf, endingOf, orderOf, servingOf, signalOf, slotOf, textOf } from './orders.ts'
import { OutputLog } from './output.ts'
import { endStrays, forgetPid, livingPid, notePid } from './pids.ts'
import { drain } from './relay.ts'
import { Rights } from './rights.ts'
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
  readonly #front: Front
  readonly #rights: Rights
  #inc: Incarnation | null = null
  #output: OutputLog | null = null
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
    this.#rights = new Rights(config.user)
    this.#slots = { a: this.#slot('a'), b: this.#slot('b') }
    this.#front = new Front({
      pids: this.#pids,
      inCharge: () => this.#inCharge(),
      failed: (slot, error) => log('front-failed', { slot, message: error.message })
    })
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
    this.#inc = new Incarnation(this.#config.home)
    this.#output = new OutputLog(join(this.#config.home, 'log'), 'app')
    await this.#rights.look()
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
    this.#front.close()
    this.#server.close()
    const slots = Object.values(this.#slots).filter((slot) => !slot.isFree)
    const ends = slots.map(async (slot) => await slot.end(this.#ending))
    await Promise.all([this.#daemon.stop(), ...ends])
    this.#front.stop()
    this.#output?.close()
    forgetPid(this.#run, 'launcher.pid')
    this.#end(code)
  }

  #gaveUp(code: number): void {
    const isServing = Object.values(this.#slots).some((slot) => slot.target !== null)
    // A daemon that cannot start must not end an app that runs.
    if (isServing && code === 2) return
    void this.stop(code)
  }

  #slot(name: 'a' | 'b'): AppSlot {
    return new AppSlot({
      name,
      pids: this.#pids,
      incarnation: { raise: () => this.#counter().raise(), last: () => this.#counter().last },
      socket: (socket) => this.#front.descriptor(socket),
      output: (bytes) => this.#output?.write(bytes),
      dress: async (order) => await this.#rights.dress(name, order),
      drain: async (target, how) => {
        const held = this.#front.drain(name, how.drainMaxMs)
        return (await drain(target, how)) + (await held)
      },
      sweep: async () => await this.#rights.sweep(name),
      oom: async (signal) => await this.#rights.oom(name, signal),
      onExit: () => this.#takeBack(name),
      news: (news) => {
        this.#log(`slot-${news.what}`, { slot: name })
        // A slot in charge that started anew has other ports.
        if (news.what === 'started' && this.#routed === name) void this.#front.turn()
        this.#server.tell(news)
      }
    })
  }

  #counter(): Incarnation {
    if (this.#inc === null) throw new Error('the launcher is not started')
    return this.#inc
  }

  #inCharge(): InCharge | null {
    const target = this.#routed === null ? null : this.#slots[this.#routed].target
    if (this.#routed === null || target === null) return null
    return { key: this.#routed, serving: this.#slots[this.#routed].serving, target }
  }

  /** Without the daemon and without a disk in the way: the old version is warm. */
  #takeBack(exited: 'a' | 'b'): boolean {
    const armed = this.#armed
    if (armed === null || armed.on !== exited) return false
    this.#armed = null
    const warm = this.#slots[armed.to]
    if (warm.target === null) return false
    warm.say('OTA=resume')
    void this.#route(armed.to)
    this.#server.tell({ slot: exited, what: 'took-back', to: armed.to })
    return true
  }

  async #route(to: 'a' | 'b' | null): Promise<void> {
    this.#routed = to
    await this.#front.turn()
  }

  async #perform(verb: string, request: Record<string, unknown>): Promise<object> {
    const { slot, restart } = request
    switch (verb) {
      case 'hello':
      case 'list':
        return this.#view()
      case 'listen':
        return { addr: await this.#listen(request) }
      case 'unlisten':
        this.#front.unlisten(textOf(request, 'name'))
        return {}
      case 'spawn':
        await this.#spawn(slotOf(slot), orderOf(request['run']), restart === true)
        return {}
      case 'keep':
        this.#slots[slotOf(slot)].keep(restart === true)
        return {}
      case 'send':
        return { sent: this.#send(slotOf(slot), textOf(request, 'line')) }
      case 'signal':
        return { sent: this.#slots[slotOf(slot)].signal(signalOf(request['sig'])) }
      case 'route':
        await this.#route(slot === null ? null : slotOf(slot))
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

  async #listen(request: Record<string, unknown>): Promise<string> {
    const address = textOf(request, 'addr')
    const refusal = judgeListen(this.#allowed(), address)
    if (refusal !== null) throw new OtaError('NO_PERMISSION', refusal)
    const backlog = backlogOf(request['backlog'])
    const how = servingOf(request['how'])
    return await this.#front.listen(textOf(request, 'name'), address, { how, backlog })
  }

  #send(name: 'a' | 'b', line: string): boolean {
    if (!isSendable(line)) throw new Error('no line for an app')
    return this.#slots[name].say(line)
  }

  #allowed(): Allowed {
    const { home, user = null, addresses = null } = this.#config
    return { root: realpathSync(home), user, addresses }
  }

  async #spawn(name: 'a' | 'b', order: SpawnOrder, restart: boolean): Promise<void> {
    const slot = this.#slots[name]
    // A broken daemon starts nothing but what lies in a version folder of this home.
    const { uid = null, gid = null } = this.#config.user ?? {}
    const cwd = isAbsolute(order.cwd) ? realpathSync(order.cwd) : order.cwd
    const refusal = judgeSpawn(this.#allowed(), { ...order, cwd, uid, gid })
    if (refusal !== null) throw new OtaError('NO_PERMISSION', refusal)
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
    // The number of the life that a take-back begins is durable before it is needed.
    if (this.#slots[to].hasStream) this.#counter().reserve()
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
      listens: this.#front.addresses,
      traffic: { a: a.traffic, b: b.traffic },
      refused: this.#front.refused,
      hold: this.#front.hold?.counts ?? null
    }
  }
}
