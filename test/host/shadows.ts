import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Facts as LogFacts } from '../../lib/base/index.ts'
import {
  findJail,
  noLocalApp,
  realClock,
  realDisk,
  Rehearsal,
  readShadowReport,
  type JailFound,
  type LocalApp,
  type RehearsalCommand,
  type RehearsalOptions,
  type ShadowReport
} from '../../lib/host/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import { makeRunSpec, readOtaJson, writeRunSpec } from '../../lib/host/app/runspec.ts'
import type { Event } from '../../lib/cutover/index.ts'
import type { Pair } from '../../lib/records/index.ts'

export const jail = await findJail({ kinds: ['unshare'] })
/** Containers and hardened kernels permit no namespaces: there is nothing to run then. */
export const skip = jail.tag === 'none'

/** `ota.json` of an app that is written in the test itself. */
export const otaOf = (more: object = {}): string =>
  JSON.stringify({
    ota: 1,
    name: 'app',
    start: ['node', 'app.js'],
    startTimeout: 5,
    listen: [{ name: 'http', proto: 'tcp', default: '127.0.0.1:8137' }],
    health: { probe: { http: 'http:/' }, interval: 0.2, badFor: 1 },
    state: { class: 'none' },
    shadow: { window: 1 },
    ...more
  })

/** Serves at the address of `ota`. */
export const serve =
  "require('http').createServer((q, r) => r.end('ok')).listen(8137, '127.0.0.1');"

/** State of a version that runs, unchanged by the next one. */
export const stateful = {
  state: { class: 'snapshot', schema: 1, from: [1] },
  check: { run: ['node', 'check.js'] }
}

type Json = Readonly<Record<string, unknown>>

interface App {
  /** Folder below `fixtures/apps`, or the files themselves. */
  readonly from: string | Readonly<Record<string, string>>
  /** Laid over its `ota.json`. */
  readonly ota?: Json
  readonly local?: Partial<LocalApp>
}

type Options = Partial<RehearsalOptions>

/** A home with versions and states, where shadows are run without a daemon around them. */
export class ShadowRoom {
  readonly home: Home
  readonly disk = realDisk()
  readonly events: Event[] = []
  readonly logged: { readonly event: string; readonly facts: LogFacts }[] = []
  #op = 0

  private constructor(folder: string) {
    this.home = new Home(this.disk, join(folder, 'home'))
  }

  static async open(folder: string): Promise<ShadowRoom> {
    // the user of a jail has to get here where we are root
    await mkdir(folder, { recursive: true })
    await chmod(folder, 0o755)
    const room = new ShadowRoom(folder)
    await mkdir(room.home.path, { mode: 0o700 })
    await room.home.prepare()
    return room
  }

  async install(release: string, { from, ota = {}, local = {} }: App): Promise<void> {
    const tree = this.home.tree(release)
    await mkdir(tree, { recursive: true })
    if (typeof from === 'string') await cp(`fixtures/apps/${from}`, tree, { recursive: true })
    else for (const [name, text] of Object.entries(from)) await writeFile(join(tree, name), text)
    const path = join(tree, 'ota.json')
    const base = JSON.parse(await readFile(path, 'utf8')) as Json
    await writeFile(path, JSON.stringify({ ...base, ...ota }))
    const facts = { platform: 'linux', arch: 'x64', node: '20.20.2', daemon: '0.1.0' }
    const read = await readOtaJson(this.disk, tree)
    const spec = makeRunSpec({ release, ota: read }, { ...noLocalApp, ...local }, facts)
    await writeRunSpec(this.disk, this.home.runSpec(release), spec)
  }

  /** A live state for what runs. */
  async live(release: string, files: Readonly<Record<string, string>>): Promise<Pair> {
    const gen = '1-1'
    const folder = this.home.places(release, gen).state
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    return { release, gen }
  }

  rehearsal(options: Options = {}): Rehearsal {
    const log = (event: string, facts: LogFacts = {}): void =>
      void this.logged.push({ event, facts })
    return new Rehearsal(realClock(), this.disk, log, {
      home: this.home,
      state: { rehearse: async (op) => await Promise.resolve({ tag: 'rehearsed', op }) },
      verify: async () => await Promise.resolve(null),
      app: () => null,
      onEvent: (event) => void this.events.push(event),
      jail: async () => await Promise.resolve<JailFound>(jail),
      watches: async () => await Promise.resolve('full'),
      ...options
    })
  }

  /** Copy, rehearsal and shadow of one op, to its end; everything is removed after it. */
  async shadow(
    release: string,
    how: Partial<RehearsalCommand & { tag: 'shadow' }> = {},
    options: Options = {}
  ): Promise<{ readonly event: Event | null; readonly report: ShadowReport | null }> {
    const op = ++this.#op
    const rehearsal = this.rehearsal(options)
    const asked = { op, release, from: how.from ?? null }
    await rehearsal.perform({ tag: 'snapshot', ...asked })
    await rehearsal.perform({ tag: 'rehearse', ...asked })
    const looks = { shadow: 'prefer', phoneHome: 'prefer', ...how } as const
    const event = await rehearsal.perform({ ...looks, tag: 'shadow', ...asked })
    await rehearsal.perform({ tag: 'end-shadow', op })
    return { event, report: await readShadowReport(this.disk, this.home.path, release) }
  }
}
