import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import type { Socket } from 'node:net'
import { resolve as resolvePath } from 'node:path'
import { probeOnce, type Probed } from '../app/probe.ts'
import { realClock } from '../clock.ts'
import { Channel } from '../launcher/channel.ts'
import { filler, freePort } from '../launcher/ports.ts'
import { addressOf, bindRaw, isRaw, type RawSocket } from '../launcher/raw.ts'
import { startProcess } from '../launcher/start.ts'
import { Watch } from '../netwatch/watch.ts'
import { judgeHookExit } from '../state/exits.ts'
import { Meter, overLimit } from './meters.ts'
import type { InsideEnd, InsideReason, ShadowOrder, ShadowWord } from './order.ts'

const lookMs = 100
const meterMs = 500
const answerMsMax = 5_000
const selfCheckMs = 10_000
const shadowProbeMs = 60_000
const backlog = 128
/** Number of a life below that of any live process. */
const shadowLife = 0

type Outcome = Pick<InsideEnd, 'answer' | 'reason' | 'why'>
const passed: Outcome = { answer: 'pass', reason: null, why: '' }
const failed = (reason: InsideReason, why: string): Outcome => ({ answer: 'fail', reason, why })
const unable = (why: string): Outcome => ({ answer: 'unavailable', reason: null, why })

/** Runs the app of an order from its start to the end of the window, and says how it fared. */
export class Inside {
  readonly #order: ShadowOrder
  readonly #say: (word: ShadowWord) => void
  readonly #clock = realClock()
  readonly #meter = new Meter([1, process.pid])
  #ports: Readonly<Record<string, number>> = {}
  /** Where its sockets were bound: an address may leave the port open. */
  readonly #bound = new Map<string, string>()
  #readyMs: number | null = null
  #selfCheck: InsideEnd['selfCheck'] = 'silent'
  /** The first thing that ends the shadow before its time. */
  #early: Outcome | null = null
  #wake: () => void = () => undefined

  constructor(order: ShadowOrder, say: (word: ShadowWord) => void) {
    this.#order = order
    this.#say = say
  }

  /** Never rejects: what goes wrong in here and is not the app's is `unavailable`. */
  async run(): Promise<InsideEnd> {
    const { watch: look } = this.#order
    let watch: Watch | null = null
    let outcome: Outcome
    let seen: InsideEnd['seen'] = null
    try {
      watch =
        look === null
          ? null
          : await Watch.start(look, (destination) => {
              this.#say({ tag: 'tried', destination })
            })
      outcome = await this.#live()
      seen = watch === null ? null : await watch.seen()
    } catch (error) {
      outcome = unable(error instanceof Error ? error.message : 'the shadow broke down')
    }
    watch?.close()
    const [meters, readyMs, selfCheck] = [this.#meter.meters, this.#readyMs, this.#selfCheck]
    return { ...outcome, meters, seen, readyMs, selfCheck }
  }

  async #live(): Promise<Outcome> {
    const missing = this.#missing()
    if (missing !== null) return unable(`the jail has no program "${missing}"`)
    const sockets = this.#bind()
    await this.#choosePorts()
    const { child, channel } = this.#start(sockets)
    const startedMs = this.#clock.steadyMs()
    const stop = this.#measure()
    try {
      return await this.#observe(startedMs, channel)
    } finally {
      stop()
      channel?.close()
      this.#early ??= passed
      if (child.pid !== undefined) killGroup(child.pid)
    }
  }

  /** Null: it is there. What an operator put in place of the start line may lie anywhere. */
  #missing(): string | null {
    const { argv, cwd, env } = this.#order
    const [program = ''] = argv
    const folders = program.includes('/') ? [cwd] : (env['PATH'] ?? '').split(':')
    return folders.some((folder) => isProgram(resolvePath(folder, program))) ? null : program
  }

  #bind(): ReadonlyMap<string, RawSocket> {
    const sockets = new Map<string, RawSocket>()
    for (const { name, address, how } of this.#order.listen) {
      if (how !== 'passed') continue
      const { host, port } = parts(address)
      const socket = bindRaw(host, port)
      if (!isRaw(socket)) throw new Error(`cannot bind ${address}: errno ${-socket}`)
      sockets.set(name, socket)
      this.#bound.set(name, addressOf(socket) ?? address)
    }
    return sockets
  }

  async #choosePorts(): Promise<void> {
    const ports: Record<string, number> = {}
    for (const { name, how } of this.#order.listen) {
      if (how === 'port') ports[name] = await freePort()
    }
    this.#ports = ports
  }

  #start(sockets: ReadonlyMap<string, RawSocket>): {
    readonly child: ChildProcess
    readonly channel: Channel | null
  } {
    const { release, gen, argv, env, cwd, pass, listen } = this.#order
    const ports = listen.flatMap(({ name, how }) => (how === 'port' ? [name] : []))
    // Nothing is accepted here: it listens, is given away and closed before the loop turns.
    for (const socket of sockets.values()) socket.listen(backlog)
    const { child, stream } = startProcess({
      order: { release, gen, argv, env, cwd, ports, signal: 'SIGTERM', pass },
      ports: this.#ports,
      incarnation: shadowLife,
      socket: (name) => sockets.get(name)?.fd,
      output: (bytes) => void process.stderr.write(bytes),
      dress: (words) => ({ argv: this.#dressed(words) })
    })
    for (const socket of sockets.values()) socket.close()
    child.once('error', (error) => this.#end(unable(`it cannot be started: ${error.message}`)))
    child.once('exit', (code, signal) => {
      const how = signal === null ? `with ${code}` : `by ${signal}`
      const when = this.#readyMs === null ? 'before it was ready' : 'while it was watched'
      this.#end(failed('exit', `it ended ${how} ${when}`))
    })
    return { child, channel: stream === null ? null : this.#listen(stream) }
  }

  #listen(stream: Socket): Channel {
    return new Channel(stream, {
      watchdogMs: this.#order.pass.watchdogMs,
      onSaid: (said) => {
        if (said.tag !== 'health') return
        this.#selfCheck = said.reason === null ? 'ok' : 'bad'
        if (said.reason !== null) this.#end(failed('health', `it says of itself: ${said.reason}`))
      },
      onSilent: () => this.#end(failed('watchdog', 'it gave no sign of life twice')),
      onClosed: () => undefined
    })
  }

  async #observe(startedMs: number, channel: Channel | null): Promise<Outcome> {
    const { startTimeoutMs, intervalMs, windowMs, badForMs, pass } = this.#order
    const at = this.#probed(startedMs)
    let isTold = false
    for (;;) {
      const isReady = pass.level < 2 || channel?.word.ready === true
      // Who waits for its turn accepts only then; in here the sockets are nobody else's.
      if (isReady && !isTold) isTold = channel?.send(`OTA=takeover:${shadowLife}`) === true
      if (isReady && (await this.#isWell(at))) break
      if (this.#early !== null) return this.#early
      if (this.#clock.steadyMs() - startedMs >= startTimeoutMs) {
        return failed('start-timeout', `it was not ready after ${startTimeoutMs} ms`)
      }
      await this.#pause(lookMs)
    }
    this.#readyMs = Math.round(this.#clock.steadyMs() - startedMs)
    this.#say({ tag: 'ready' })
    const end = this.#clock.steadyMs() + windowMs
    let wellMs = this.#clock.steadyMs()
    while (this.#early === null && this.#clock.steadyMs() < end) {
      await this.#pause(Math.min(intervalMs, end - this.#clock.steadyMs()))
      if (await this.#isWell(at)) wellMs = this.#clock.steadyMs()
      else if (this.#clock.steadyMs() - wellMs >= badForMs) {
        return failed('health', `its probes failed for ${badForMs} ms`)
      }
    }
    return this.#early ?? (await this.#asked(at, channel))
  }

  /** At the end of the window: its own check, then the release's probe for the shadow. */
  async #asked(at: Probed, channel: Channel | null): Promise<Outcome> {
    if (channel !== null) {
      this.#selfCheck = 'silent'
      channel.send('OTA=shadow-check')
      const until = this.#clock.steadyMs() + Math.min(selfCheckMs, this.#order.windowMs)
      while (this.#isSilent() && this.#clock.steadyMs() < until) await this.#pause(lookMs)
    }
    if (this.#early !== null) return this.#early
    const { shadowProbe } = this.#order
    if (shadowProbe !== null) {
      const verdict = judgeHookExit(await this.#hook(shadowProbe, at))
      if (verdict.tag === 'retry') return unable('its probe cannot answer now (exit 75)')
      if (verdict.tag === 'failed') return failed('health', `its probe failed: ${verdict.text}`)
    }
    return this.#early ?? passed
  }

  #isSilent(): boolean {
    return this.#selfCheck === 'silent' && this.#early === null
  }

  async #hook(run: readonly string[], at: Probed): Promise<Parameters<typeof judgeHookExit>[0]> {
    const [program = '', ...args] = this.#dressed(
      run.map(filler(Object.keys(this.#ports), this.#ports))
    )
    return await new Promise((resolve) => {
      const child = spawn(program, args, { cwd: at.cwd, env: { ...at.env }, stdio: 'ignore' })
      let timedOut = false
      const timer = setTimeout(() => {
        timedOut = true
        child.kill('SIGKILL')
      }, shadowProbeMs)
      const end = (exit: number | null, signal: string | null): void => {
        clearTimeout(timer)
        resolve({ exit, signal, timedOut, overflowed: false, hasResult: null })
      }
      child.once('error', () => end(127, null))
      child.once('exit', end)
    })
  }

  async #isWell(at: Probed): Promise<boolean> {
    const { intervalMs, probes } = this.#order
    const timeoutMs = Math.min(answerMsMax, Math.max(1_000, intervalMs))
    const answers = await Promise.all(
      probes.map(async (probe) => {
        const dressed =
          probe.tag === 'command' ? { ...probe, run: this.#dressed(probe.run) } : probe
        return await probeOnce(this.#clock, dressed, at, timeoutMs)
      })
    )
    return answers.every((answer) => answer)
  }

  #probed(startedMs: number): Probed {
    const { cwd, env, listen } = this.#order
    const addresses = listen.map(({ name, address, how }) => {
      const port = this.#ports[name]
      const held = this.#bound.get(name) ?? address
      return [name, how === 'port' && port !== undefined ? `127.0.0.1:${port}` : held]
    })
    return { cwd, env, addresses: Object.fromEntries(addresses), startedMs }
  }

  /** The app has no right that this process has, and cannot look into it. */
  #dressed(words: readonly string[]): readonly string[] {
    const { nofile } = this.#order.limits
    const limits = ['prlimit', '--core=0', ...(nofile === null ? [] : [`--nofile=${nofile}`])]
    const drop =
      process.getuid?.() === 0
        ? ['unshare', '--user', '--map-user=65534', '--map-group=65534']
        : ['setpriv', '--inh-caps=-all', '--ambient-caps=-all']
    const last = drop[0] === 'unshare' ? ['setpriv'] : []
    return [...drop, ...last, '--no-new-privs', ...limits, ...words]
  }

  #measure(): () => void {
    const look = (): void => {
      this.#meter.look()
      const broken = overLimit(this.#meter.meters, this.#order.limits)
      if (broken !== null) this.#end(failed('over-limit', broken))
    }
    const timer = setInterval(look, meterMs)
    return () => {
      clearInterval(timer)
      look()
    }
  }

  #end(outcome: Outcome): void {
    this.#early ??= outcome
    this.#wake()
  }

  /** Ends sooner when the shadow does. */
  async #pause(ms: number): Promise<void> {
    if (this.#early !== null) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // absent, or not to be run: both are no program
    return false
  }
}

function parts(address: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? []
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it ended by itself
  }
}
