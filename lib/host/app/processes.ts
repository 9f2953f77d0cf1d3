import { isOtaError, unreachable, type Clock, type Disk, type Log } from '../../base/index.ts'
import type { Command, Event, Reason, Slot, SlotName } from '../../cutover/index.ts'
import { LauncherRefusal, type LauncherClient } from './client.ts'
import { reasonOf } from '../performer.ts'
import type { Home } from '../files/home.ts'
import type { LauncherEvent, LauncherView, Serving, SlotView } from '../launcher/config.ts'
import { heard, silence, type Said } from '../launcher/said.ts'
import { Appetite } from './appetite.ts'
import { Charge } from './charge.ts'
import { AppControl } from './control.ts'
import { Prober, type Gate } from './prober.ts'
import { graceOf, isPrimary, local, newRunning, usualManners, type Running } from './running.ts'
import { environment, filler, readRunSpec, spawnOrder, type RunSpec } from './runspec.ts'

export type ProcessCommand = Extract<
  Command,
  {
    tag: 'start' | 'keep' | 'route' | 'arm' | 'disarm' | 'end' | 'release' | 'takeover' | 'resume'
  }
>

const takenBackGraceMs = 2_000
/** Good looks in a row at a socket on which the old version accepts too. */
const sharedLooks = 5

export interface ProcessPorts {
  readonly home: Home
  readonly client: LauncherClient
  readonly emit: (event: Event) => void
  readonly verify: (release: string) => Promise<Reason | null>
}

/** Commands that end in processes, and what processes do, told as events. */
export class Processes {
  readonly #clock: Clock
  readonly #disk: Disk
  readonly #log: Log
  readonly #at: ProcessPorts
  readonly #charge: Charge
  /** Addresses in force of what the launcher listens on. */
  readonly #addresses = new Map<string, string>()
  readonly #running: Record<SlotName, Running | null> = { a: null, b: null }
  /** Talks with apps of level 2. */
  readonly control: AppControl

  constructor(clock: Clock, disk: Disk, log: Log, at: ProcessPorts) {
    this.#clock = clock
    this.#disk = disk
    this.#log = log
    this.#at = at
    this.control = new AppControl(clock, at.client)
    this.#charge = new Charge(clock, log, this.control, at.emit)
  }

  /** Takes over what the launcher runs already. */
  async adopt(view: LauncherView): Promise<void> {
    for (const [name, address] of Object.entries(view.listens)) this.#addresses.set(name, address)
    for (const name of ['a', 'b'] as const) {
      const slot = view.slots[name]
      if (slot === null || slot.status === 'down') continue
      const spec = await readRunSpec(this.#disk, this.#at.home.runSpec(slot.release))
      const word = slot.word ?? silence
      this.#running[name] = newRunning(spec, slot.gen, { word, waits: !slot.live })
      if (slot.status === 'up') this.#probe(name, slot.ports)
      if (slot.pid !== null) this.#watchAppetite(name, slot.pid)
    }
  }

  async perform(command: ProcessCommand): Promise<void> {
    const { client } = this.#at
    switch (command.tag) {
      case 'start':
        await this.#start(command)
        break
      case 'keep': {
        const { slot, restart } = command
        client.tell('keep', { slot, restart })
        break
      }
      case 'route':
        // What comes after it may count on nothing being on its way any more.
        if (command.slot === null) await this.#hold()
        else client.tell('route', { slot: command.slot })
        break
      case 'arm':
        client.tell('arm', { on: command.on, to: command.to })
        break
      case 'disarm':
        client.tell('disarm')
        break
      case 'end':
        this.#end(command.slot, command.drain)
        break
      case 'takeover':
      case 'resume':
        this.#takeCharge(command.slot, command.tag)
        break
      case 'release':
        this.#charge.release(command.slot, this.#running[command.slot])
        break
      default:
        unreachable(command)
    }
  }

  /** An event of the launcher, in words of the upgrade machine. */
  take(event: LauncherEvent): void {
    const { slot } = event
    switch (event.what) {
      case 'started':
        this.#forget(slot)
        this.#probe(slot, event.ports)
        this.#watchAppetite(slot, event.pid)
        break
      case 'spawn-failed':
        this.#stopProbing(slot)
        this.#at.emit({ tag: 'start-failed', slot, reason: this.#spawnReason(slot, event.errno) })
        break
      case 'exited':
        this.#exited(event)
        break
      case 'ended':
        this.#stopProbing(slot)
        this.control.lost(slot)
        this.#running[slot] = null
        this.#log('app-ended', { slot, lost: event.lost })
        this.#at.emit({ tag: 'ended', slot })
        break
      case 'took-back':
        this.#log('took-back', { slot, to: event.to })
        break
      case 'said':
        this.#heard(slot, event.said)
        break
      case 'watchdog':
        this.#log('watchdog-missed', { slot })
        this.#at.emit({ tag: 'watchdog', slot })
        break
      case 'stream-closed':
        this.#log('control-stream-closed', { slot })
        this.control.lost(slot)
        break
      default:
        unreachable(event)
    }
  }

  close(): void {
    this.#charge.close()
    this.control.close()
    this.#stopProbing('a')
    this.#stopProbing('b')
  }

  /** A process that just began has said nothing yet. */
  #forget(slot: SlotName): void {
    const running = this.#running[slot]
    if (running === null) return
    running.word = silence
    // Started again by the launcher, it is put in charge at once if it ever was.
    running.isPrimary = isPrimary(running.spec, silence)
  }

  #exited(event: LauncherEvent & { what: 'exited' }): void {
    const { slot, code, signal, restarting, oom } = event
    const isFull = this.#running[slot]?.appetite?.isFull === true
    this.#stopProbing(slot)
    this.control.lost(slot)
    this.#log('app-exited', { slot, code, signal, restarting, oom, isFull })
    if (oom === 'own' || isFull) this.#at.emit({ tag: 'over-limit', slot })
    else if (oom === 'machine') this.#at.emit({ tag: 'starved', slot })
    this.#at.emit({ tag: 'exited', slot, restarting })
  }

  #watchAppetite(slot: SlotName, pid: number): void {
    const running = this.#running[slot]
    const limit = running?.spec.limits.memory ?? null
    if (running === null || limit === null) return
    const { intervalMs } = running.spec
    running.appetite = new Appetite(this.#clock, { pid, limit, intervalMs })
  }

  #heard(slot: SlotName, said: Said): void {
    const running = this.#running[slot]
    if (running === null) return
    running.word = heard(running.word, said)
    if (said.tag === 'state') running.isPrimary = isPrimary(running.spec, running.word)
    this.control.take(slot, said)
    running.prober?.nudge()
  }

  async #hold(): Promise<void> {
    try {
      await this.#at.client.request('route', { slot: null })
    } catch (error) {
      // The launcher goes, which `onLost` tells of; or it is late, and the hand-over goes on.
      if (!(error instanceof LauncherRefusal) && !isOtaError(error, 'TIMEOUT')) throw error
    }
  }

  #takeCharge(slot: SlotName, verb: 'takeover' | 'resume'): void {
    const taken = this.#running[slot]
    if (taken !== null) taken.waits = false
    this.#charge.take(slot, verb, taken)
  }

  #gate(running: Running): Gate {
    const { spec, word, waits, isPrimary: isOpen } = running
    const isLoading = word.state === null || word.state === 'idle' || word.state === 'synced'
    // Taking charge has a time of its own: one that was well is not found bad for it.
    const mayLoad = waits || running.isHealthy()
    const isReady = spec.level < 2 || (word.ready && (mayLoad || !isLoading))
    const looks = spec.passes && spec.level === 1 ? sharedLooks : 1
    return { isReady, isBad: word.bad !== null, isOpen: isOpen || !spec.passes, looks }
  }

  async #start(command: ProcessCommand & { tag: 'start' }): Promise<void> {
    const { slot, release, gen, restart, mode } = command
    const fail = (reason: Reason): void => this.#at.emit({ tag: 'start-failed', slot, reason })
    // Hashed again before the first start of a release on trial.
    const broken = restart ? null : await this.#at.verify(release)
    if (broken !== null) {
      fail(broken)
      return
    }
    try {
      const spec = await readRunSpec(this.#disk, this.#at.home.runSpec(release))
      this.#running[slot] = newRunning(spec, gen, { waits: mode === 'wait' })
      await this.#listen(spec)
      const { lingerMs, drainMaxMs, level, watchdogMs, limits, hold } = spec
      const graceMs = graceOf(spec)
      this.#at.client.tell('manners', { drain: { lingerMs, drainMaxMs }, graceMs })
      const sockets = spec.passes ? spec.listen.map(({ name, spares }) => ({ name, spares })) : []
      const pass = { level, mode, sockets, watchdogMs }
      const order = spawnOrder(spec, gen, this.#at.home.places(release, gen))
      const run = { ...order, hold, pass, limits }
      await this.#at.client.request('spawn', { slot, run, restart })
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== null) fail(reason)
      if (reason !== null) return
      if (!(error instanceof LauncherRefusal)) throw error
      // The launcher went, and this process is about to follow: that is nobody's failure.
      if (error.errno === 'EPIPE') return
      this.#log('start-refused', { slot, errno: error.errno, message: error.message })
      const isPort = error.errno === 'EADDRINUSE' || error.errno === 'EADDRNOTAVAIL'
      fail(isPort ? 'port' : error.errno === 'EACCES' ? 'denied' : 'unavailable')
    }
  }

  async #listen(spec: RunSpec): Promise<void> {
    const how: Serving = spec.passes ? 'pass' : spec.hold ? 'hold' : 'relay'
    if (!spec.proxy && !spec.passes) {
      // It binds them by itself: nobody else may hold them.
      for (const { name } of spec.listen) await this.#at.client.request('unlisten', { name })
      return
    }
    for (const { name, address } of spec.listen) {
      const answer = await this.#at.client.request('listen', { name, addr: address, how })
      this.#addresses.set(name, String(answer['addr']))
      this.#log('listening', { name, address: String(answer['addr']) })
    }
  }

  #end(slot: SlotName, drain: boolean): void {
    const spec = this.#running[slot]?.spec
    // What is being ended is no longer asked how it is.
    this.#stopProbing(slot)
    const { lingerMs, drainMaxMs } = spec ?? usualManners
    const graceMs = drain ? graceOf(spec ?? usualManners) : takenBackGraceMs
    this.#at.client.tell('end', { slot, drain: drain ? { lingerMs, drainMaxMs } : null, graceMs })
  }

  #probe(slot: SlotName, ports: Readonly<Record<string, number>>): void {
    const running = this.#running[slot]
    if (running === null) return
    this.#stopProbing(slot)
    const { spec, gen } = running
    const places = this.#at.home.places(spec.release, gen)
    const fill = filler(places)
    const addresses = spec.listen.map(({ name, address }) => {
      const port = ports[name]
      const held = spec.passes ? (this.#addresses.get(name) ?? address) : address
      return [name, port === undefined ? local(held) : `127.0.0.1:${port}`] as const
    })
    const [first] = spec.listen
    const port = first === undefined ? undefined : ports[first.name]
    const at = {
      cwd: places.tree,
      env: {
        ...environment(places, spec.release),
        ...spec.env,
        ...(port === undefined ? {} : { PORT: String(port) })
      },
      addresses: Object.fromEntries(addresses),
      startedMs: this.#clock.steadyMs()
    }
    const probes = spec.probes.map((probe) =>
      probe.tag === 'command'
        ? { ...probe, run: probe.run.map((one) => fill(one).replaceAll('${PORT}', String(port))) }
        : probe
    )
    const gate = (): Gate => this.#gate(running)
    running.prober = new Prober(this.#clock, { ...spec, probes }, { ...at, gate }, (tag) => {
      this.#at.emit({ tag, slot })
      if (tag === 'healthy') running.awaited?.()
    })
    running.prober.start()
  }

  #stopProbing(slot: SlotName): void {
    this.#running[slot]?.prober?.stop()
    this.#running[slot]?.appetite?.stop()
  }

  /**
   * No proof that the machine is at fault counts against the release, unless we chose the program.
   */
  #spawnReason(slot: SlotName, errno: string): Reason {
    if (errno === 'ENOMEM' || errno === 'EAGAIN') return 'memory'
    return this.#running[slot]?.spec.overridden === true ? 'command' : 'exit'
  }
}

/** A slot of the launcher as the upgrade machine sees it. */
export function slotOf(view: SlotView | null): Slot | null {
  if (view === null) return null
  const { release, exits } = view
  switch (view.status) {
    case 'up':
    case 'waiting':
      return { release, exits, status: 'starting' }
    case 'ending':
    case 'down':
      return { release, exits, status: view.status }
    default:
      return null
  }
}
