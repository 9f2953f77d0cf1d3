import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Event, SlotName } from '../../lib/cutover/index.ts'
import { noLocalApp, realClock, realDisk, type LauncherView } from '../../lib/host/index.ts'
import { LauncherClient } from '../../lib/host/app/client.ts'
import { Processes, type ProcessCommand } from '../../lib/host/app/processes.ts'
import { makeRunSpec, readOtaJson, writeRunSpec } from '../../lib/host/app/runspec.ts'
import { Home } from '../../lib/host/files/home.ts'

const machine = { platform: 'linux', arch: 'x64', node: '20.20.2', daemon: '0.1.0' }
const idle = [process.execPath, '-e', 'setInterval(() => {}, 60000)']
const launch = join(import.meta.dirname, 'launch.js')

/** Parts of `ota.json` that a test changes. */
export type Change = Readonly<Record<string, unknown>>

/**
 * A launcher in a process of its own, driven through the daemon's own hands, without a network and
 * without the upgrade machine: the test says what comes next.
 */
export class Rig {
  readonly home: Home
  readonly launcher: ChildProcess
  readonly events: Event[] = []
  readonly logs: string[] = []
  #client: LauncherClient | null = null
  #processes: Processes | null = null
  #watchers = new Set<() => void>()

  private constructor(path: string, launcher: ChildProcess) {
    this.home = new Home(realDisk(), path)
    this.launcher = launcher
  }

  /** Starts the launcher of the home below `folder`, behind a program if any; takes control. */
  static async open(folder: string, before: readonly string[] = []): Promise<Rig> {
    const path = join(folder, 'home')
    await new Home(realDisk(), path).prepare()
    const [program = '', ...args] = [...before, process.execPath, launch, path, ...idle]
    const child = spawn(program, args, { stdio: 'ignore' })
    const rig = new Rig(path, child)
    await rig.connect()
    return rig
  }

  /** Takes control, as a daemon that was started anew does. */
  async connect(): Promise<void> {
    for (;;) {
      try {
        const taken: { processes: Processes | null } = { processes: null }
        const opened = await LauncherClient.open(
          this.home.run,
          (event) => taken.processes?.take(event),
          nothing
        )
        this.#client = opened.client
        const processes = new Processes(realClock(), realDisk(), this.#log, {
          home: this.home,
          client: opened.client,
          emit: (event) => this.#emit(event),
          verify: () => Promise.resolve(null)
        })
        taken.processes = processes
        this.#processes = processes
        await processes.adopt(opened.view)
        return
      } catch (error) {
        if (this.launcher.exitCode !== null) throw error
        await later(20)
      }
    }
  }

  /** Lets go of the launcher, as a daemon that is killed does. */
  async disconnect(): Promise<void> {
    this.#processes?.close()
    await this.#client?.close()
  }

  get processes(): Processes {
    if (this.#processes === null) throw new Error('not connected')
    return this.#processes
  }

  get client(): LauncherClient {
    if (this.#client === null) throw new Error('not connected')
    return this.#client
  }

  /** Puts a tree of `fixtures/apps` in place as `release`, with the client library beside it. */
  async install(release: string, app: string, change: Change = {}): Promise<void> {
    const tree = this.home.tree(release)
    await makeTree(tree, app, change)
    const ota = await readOtaJson(realDisk(), tree)
    const spec = makeRunSpec({ release, ota }, noLocalApp, machine)
    await writeRunSpec(realDisk(), this.home.runSpec(release), spec)
    await mkdir(join(this.home.path, 'state', '0-1'), { recursive: true, mode: 0o700 })
  }

  async do(command: ProcessCommand): Promise<void> {
    await this.processes.perform(command)
  }

  async start(slot: SlotName, release: string, mode: 'live' | 'wait' = 'live'): Promise<void> {
    await this.do({ tag: 'start', slot, release, gen: '0-1', restart: false, mode })
  }

  /** Starts and waits until it is healthy, in charge and routed to. */
  async serve(slot: SlotName, release: string): Promise<void> {
    await this.start(slot, release)
    await this.told('healthy', slot)
    await this.do({ tag: 'route', slot })
  }

  /** The steps of an overlapped hand-over, as the upgrade machine orders them. */
  async overlap(to: SlotName, release: string): Promise<void> {
    const from = to === 'a' ? 'b' : 'a'
    await this.start(to, release, 'wait')
    await this.told('healthy', to)
    await this.do({ tag: 'takeover', slot: to })
    await this.told('primary', to)
    await this.do({ tag: 'route', slot: to })
    await this.do({ tag: 'release', slot: from })
    await this.told('released', from)
  }

  /** The first event of that tag and slot from `from` on; takes it and those before it away. */
  async told(tag: Event['tag'], slot?: SlotName): Promise<Event> {
    return await new Promise((done) => {
      const look = (): void => {
        const index = this.events.findIndex((event) => isOf(event, tag, slot))
        const [found] = index < 0 ? [] : this.events.splice(0, index + 1).slice(-1)
        if (found === undefined) return
        this.#watchers.delete(look)
        done(found)
      }
      this.#watchers.add(look)
      look()
    })
  }

  async view(): Promise<LauncherView> {
    return (await this.client.request('list')) as unknown as LauncherView
  }

  async port(name = 'http'): Promise<number> {
    const { listens } = await this.view()
    return Number(listens[name]?.split(':').at(-1))
  }

  async pid(slot: SlotName): Promise<number> {
    const { slots } = await this.view()
    const pid = slots[slot]?.pid
    if (pid === undefined || pid === null) throw new Error(`nothing runs in slot ${slot}`)
    return pid
  }

  async close(): Promise<void> {
    await this.disconnect()
    if (this.launcher.exitCode !== null || this.launcher.signalCode !== null) return
    this.launcher.kill('SIGTERM')
    await once(this.launcher, 'exit')
  }

  readonly #log = (event: string, facts: object = {}): void => {
    this.logs.push(`${event} ${JSON.stringify(facts)}`)
  }

  #emit(event: Event): void {
    this.events.push(event)
    for (const look of this.#watchers) look()
  }
}

/** A tree of `fixtures/apps` with changes in its `ota.json`, and the client library beside it. */
export async function makeTree(tree: string, app: string, change: Change = {}): Promise<void> {
  await rm(tree, { recursive: true, force: true })
  await cp(resolve('fixtures/apps', app), tree, { recursive: true })
  await vendor(tree)
  const path = join(tree, 'ota.json')
  const said: unknown = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify(merged(said, change)))
}

/** The library an app of level 1 or 2 brings along, as `npm install` would put it. */
async function vendor(tree: string): Promise<void> {
  const root = resolve(import.meta.dirname, '../..')
  const folder = join(tree, 'node_modules', 'upswell')
  const from = join(root, 'lib/app')
  await mkdir(folder, { recursive: true })
  await cp(from, join(folder, 'app'), { recursive: true, filter: (path) => !path.endsWith('.ts') })
  const exports = { './app': './app/index.js' }
  const about = { name: 'upswell', type: 'module', version: '0.0.0', exports }
  await writeFile(join(folder, 'package.json'), JSON.stringify(about))
  await chmod(dirname(folder), 0o755)
}

function merged(value: unknown, change: Change): unknown {
  const all = new Map<string, unknown>(Object.entries(value ?? {}))
  for (const [key, part] of Object.entries(change)) {
    const isPart = typeof part === 'object' && part !== null && !Array.isArray(part)
    all.set(key, isPart ? merged(all.get(key), part as Change) : part)
  }
  return Object.fromEntries(all)
}

export async function later(ms: number): Promise<void> {
  await new Promise((done) => {
    setTimeout(done, ms)
  })
}

function nothing(): void {
  return undefined
}

function isOf(event: Event, tag: Event['tag'], slot: SlotName | undefined): boolean {
  return event.tag === tag && (slot === undefined || ('slot' in event && event.slot === slot))
}
