import { type Clock, type Disk, type Log } from '../../base/index.ts'
import type { Command, Event, Reason, Slot, SlotName } from '../../cutover/index.ts'
import { LauncherRefusal, type LauncherClient } from './client.ts'
import { reasonOf } from '../performer.ts'
import type { Home } from '../files/home.ts'
import type { LauncherEvent, LauncherView, SlotView } from '../launcher/config.ts'
import { Prober } from './prober.ts'
import { environment, filler, readRunSpec, spawnOrder, type RunSpec } from './runspec.ts'

export type ProcessCommand = Extract<
  Command,
  { tag: 'start' | 'keep' | 'route' | 'arm' | 'disarm' | 'end' }
>

const drainedGraceMs = 5_000
const takenBackGraceMs = 2_000

interface Running {
  readonly spec: RunSpec
  readonly gen: string
  prober: Prober | null
}

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
  readonly #running: Record<SlotName, Running | null> = { a: null, b: null }

  constructor(clock: Clock, disk: Disk, log: Log, at: ProcessPorts) {
    this.#clock = clock
    this.#disk = disk
    this.#log = log
    this.#at = at
  }

  /** Takes over what the launcher runs already. */
  async adopt(view: LauncherView): Promise<void> {
    for (const name of ['a', 'b'] as const) {
      const slot = view.slots[name]
      if (slot === null || slot.status === 'down') continue
      const spec = await readRunSpec(this.#disk, this.#at.home.runSpec(slot.release))
      this.#running[name] = { spec, gen: slot.gen, prober: null }
      if (slot.status === 'up') this.#probe(name, slot.ports)
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
        client.tell('route', { slot: command.slot })
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
      default:
        break
    }
  }

  /** An event of the launcher, in words of the upgrade machine. */
  take(event: LauncherEvent): void {
    const { slot } = event
    switch (event.what) {
      case 'started':
        this.#probe(slot, event.ports)
        break
      case 'spawn-failed':
        this.#stopProbing(slot)
        this.#at.emit({ tag: 'start-failed', slot, reason: this.#spawnReason(slot, event.errno) })
        break
      case 'exited': {
        this.#stopProbing(slot)
        const { code, signal, restarting } = event
        this.#log('app-exited', { slot, code, signal, restarting })
        this.#at.emit({ tag: 'exited', slot, restarting })
        break
      }
      case 'ended':
        this.#stopProbing(slot)
        this.#running[slot] = null
        this.#log('app-ended', { slot, lost: event.lost })
        this.#at.emit({ tag: 'ended', slot })
        break
      case 'took-back':
        this.#log('took-back', { slot, to: event.to })
        break
      default:
        break
    }
  }

  close(): void {
    this.#stopProbing('a')
    this.#stopProbing('b')
  }

  async #start({ slot, release, gen, restart }: ProcessCommand & { tag: 'start' }): Promise<void> {
    const fail = (reason: Reason): void => this.#at.emit({ tag: 'start-failed', slot, reason })
    // Hashed again before the first start of a release on trial.
    const broken = restart ? null : await this.#at.verify(release)
    if (broken !== null) {
      fail(broken)
      return
    }
    try {
      const spec = await readRunSpec(this.#disk, this.#at.home.runSpec(release))
      this.#running[slot] = { spec, gen, prober: null }
      await this.#listen(spec)
      const { lingerMs, drainMaxMs, proxy, stopTimeoutMs } = spec
      const graceMs = proxy ? drainedGraceMs : Math.max(drainedGraceMs, stopTimeoutMs)
      this.#at.client.tell('manners', { drain: { lingerMs, drainMaxMs }, graceMs })
      const run = spawnOrder(spec, gen, this.#at.home.places(release, gen))
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
    if (!spec.proxy) return
    for (const { name, address } of spec.listen) {
      const answer = await this.#at.client.request('listen', { name, addr: address })
      this.#log('listening', { name, address: String(answer['addr']) })
    }
  }

  #end(slot: SlotName, drain: boolean): void {
    const spec = this.#running[slot]?.spec
    // What is being ended is no longer asked how it is.
    this.#stopProbing(slot)
    const { lingerMs, drainMaxMs, proxy, stopTimeoutMs } = spec ?? usualManners
    const patience = proxy ? drainedGraceMs : Math.max(drainedGraceMs, stopTimeoutMs)
    const graceMs = drain ? patience : takenBackGraceMs
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
      return [name, port === undefined ? local(address) : `127.0.0.1:${port}`] as const
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
    running.prober = new Prober(this.#clock, { ...spec, probes }, at, (tag) =>
      this.#at.emit({ tag, slot })
    )
    running.prober.start()
  }

  #stopProbing(slot: SlotName): void {
    this.#running[slot]?.prober?.stop()
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

const usualManners = { lingerMs: 1_500, drainMaxMs: 30_000, proxy: true, stopTimeoutMs: 30_000 }

/** An address as the app itself binds it, asked from this machine. */
function local(address: string): string {
  return address.replace(/^(0\.0\.0\.0|\[::\]|):/, '127.0.0.1:')
}
