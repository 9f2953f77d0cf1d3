import { cp, mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { bytesOf, encodeManifest, scanTree, treeDigest } from '../../lib/artifact/index.ts'
import { dueMs, step } from '../../lib/cutover/index.ts'
import type { Command, Event, Report, State, Step } from '../../lib/cutover/index.ts'
import { Machine, noLocalApp, realClock, realDisk } from '../../lib/host/index.ts'
import type { LocalApp, ReleaseFacts } from '../../lib/host/index.ts'

export const releases = {
  good: 'a'.repeat(52),
  crashing: 'c'.repeat(52),
  slow: 's'.repeat(52),
  better: 'b'.repeat(52),
  stateful1: 'e'.repeat(52),
  stateful2: 'f'.repeat(52),
  stateful3: 'g'.repeat(52),
  lossy: 'h'.repeat(52),
  exiting: 'x'.repeat(52),
  hanging: 'n'.repeat(52),
  leaking: 'k'.repeat(52),
  late: 'd'.repeat(52),
  stubborn: 'o'.repeat(52),
  phoning: 'p'.repeat(52),
  sluggish: 'u'.repeat(52)
} as const

export type AppName = keyof typeof releases

const folders: Readonly<Record<AppName, string>> = {
  good: 'fixtures/apps/good',
  crashing: 'fixtures/apps/crashing',
  slow: 'fixtures/apps/slow',
  better: 'fixtures/apps/good',
  stateful1: 'fixtures/apps/stateful-1',
  stateful2: 'fixtures/apps/stateful-2',
  stateful3: 'fixtures/apps/stateful-3',
  lossy: 'fixtures/apps/lossy',
  exiting: 'fixtures/apps/exiting',
  hanging: 'fixtures/apps/hanging',
  leaking: 'fixtures/apps/leaking',
  late: 'fixtures/apps/late',
  stubborn: 'fixtures/apps/stubborn',
  phoning: 'fixtures/apps/phoning',
  sluggish: 'fixtures/apps/sluggish'
}

/** The loop around machine and state in its smallest form: bytes come from `fixtures/apps`. */
export class Conductor {
  readonly machine: Machine
  readonly reports: Report[] = []
  readonly ignored: Event[] = []
  state: State | null = null
  readonly #root: string
  #turn: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | null = null
  #watchers = new Set<() => void>()

  private constructor(machine: Machine, root: string) {
    this.machine = machine
    this.#root = root
  }

  static async open(
    home: string,
    options: { readonly local?: LocalApp; readonly crashAfter?: string; onLost?: () => void } = {}
  ): Promise<Conductor> {
    const root = resolve('.')
    const facts = await allFacts(root)
    const machine = new Machine(realClock(), realDisk(), () => undefined, {
      home,
      local: () => options.local ?? { ...noLocalApp, shadow: 'off', phoneHome: 'off' },
      facts: { platform: 'linux', arch: 'x64', node: '20.20.2', daemon: '0.1.0' },
      release: (name) => facts.get(name) ?? null,
      crashAfter: options.crashAfter,
      onLost: options.onLost ?? (() => undefined)
    })
    await machine.ready()
    const conductor = new Conductor(machine, root)
    await conductor.#take(machine.recovered)
    machine.onEvent((event) => conductor.tell(event))
    return conductor
  }

  tell(event: Event): void {
    this.#turn = this.#next(this.#turn, event)
  }

  /** Installs or upgrades to an app, as far as giving it its turn. */
  async upgrade(name: AppName): Promise<void> {
    const release = releases[name]
    this.tell({ tag: 'want', release, kind: 'code' })
    await this.until(({ op }) => op?.release === release && op.state === 'waiting')
    // Nobody gets a turn while an old process still ends.
    await this.until(({ slots, pointer }) => {
      const used = [slots.a, slots.b].filter((slot) => slot !== null).length
      return used <= (pointer === null ? 0 : 1)
    })
    this.tell({ tag: 'go', release })
    await this.until(({ op }) => op === null || op.state !== 'waiting')
  }

  /** Resolves when the state satisfies `condition`. */
  async until(condition: (state: State) => boolean): Promise<State> {
    return await new Promise((done) => {
      const look = (): void => {
        if (this.state === null || !condition(this.state)) return
        this.#watchers.delete(look)
        done(this.state)
      }
      this.#watchers.add(look)
      look()
    })
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#watchers.clear()
    await this.machine.close()
  }

  async #next(before: Promise<void>, event: Event): Promise<void> {
    await before
    if (this.state === null || this.machine.closing !== null) return
    const result = step(this.state, event, Date.now())
    if (result.ignored) this.ignored.push(event)
    await this.#take(result)
  }

  async #take({ state, lines, commands }: Step): Promise<void> {
    await this.machine.append(lines, state)
    this.state = state
    for (const command of commands) if (!this.machine.perform(command)) this.#perform(command)
    for (const look of this.#watchers) look()
    if (this.#timer !== null) clearTimeout(this.#timer)
    const due = dueMs(state)
    if (due === null) return
    this.#timer = setTimeout(() => this.tell({ tag: 'tick' }), Math.max(1, due - Date.now()))
  }

  #perform(command: Command): void {
    if (command.tag === 'report') this.reports.push(command)
    if (command.tag === 'confirm') this.tell({ tag: 'confirmed', op: command.op })
    if (command.tag === 'fetch') void this.#fetch(command.op, command.release)
  }

  async #fetch(op: number, release: string): Promise<void> {
    const name = (Object.keys(releases) as AppName[]).find((app) => releases[app] === release)
    const work = this.machine.home.work(op)
    await mkdir(work, { recursive: true })
    await cp(resolve(this.#root, folders[name ?? 'good']), work, { recursive: true })
    this.tell({ tag: 'fetched', op })
  }
}

async function allFacts(root: string): Promise<ReadonlyMap<string, ReleaseFacts>> {
  const facts = new Map<string, ReleaseFacts>()
  for (const name of Object.keys(releases) as AppName[]) {
    const manifest = await scanTree(realDisk(), resolve(root, folders[name]))
    facts.set(releases[name], {
      platform: 'linux-x64',
      treeDigest: treeDigest(encodeManifest(manifest, 'linux-x64')),
      entries: manifest.entries.length,
      bytes: bytesOf(manifest)
    })
  }
  return facts
}
