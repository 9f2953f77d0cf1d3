import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import type { TestContext } from 'brittle'
import { bytesOf, encodeManifest, scanTree, treeDigest } from '../../lib/artifact/index.ts'
import type { Facts } from '../../lib/base/index.ts'
import type { Event } from '../../lib/cutover/index.ts'
import { Home } from '../../lib/host/files/home.ts'
import { findJail, noLocalApp, realClock, realDisk } from '../../lib/host/index.ts'
import type { JailFound, LocalApp, ReleaseFacts } from '../../lib/host/index.ts'
import { FilePerformer } from '../../lib/host/performer.ts'
import { StateWork } from '../../lib/host/state/work.ts'
import type { Pair, Pointer } from '../../lib/records/index.ts'

const jail: JailFound = await findJail()
/** Containers and hardened kernels permit no namespaces: there is nothing to migrate in then. */
export const skip = jail.tag === 'none'

export const one = 'a'.repeat(52)
export const two = 'b'.repeat(52)
export const three = 'c'.repeat(52)

export interface Store {
  add(id: string, name: string): void
  get(id: string): string
  ids(): string[]
}

/** A home with releases in it, and the performers of files and state; no process but hooks runs. */
export class Lab {
  readonly home: Home
  readonly files: FilePerformer
  readonly state: StateWork
  readonly told: { readonly event: string; readonly facts: Facts }[] = []
  local: LocalApp = noLocalApp
  jail: JailFound = jail
  readonly #facts = new Map<string, ReleaseFacts>()
  #seq = 0

  private constructor(path: string) {
    const disk = realDisk()
    this.home = new Home(disk, path)
    this.files = new FilePerformer(disk, this.home, {
      local: () => this.local,
      facts: { platform: 'linux', arch: 'x64', node: '20.20.2', daemon: '0.2.0' },
      release: (name) => this.#facts.get(name) ?? null
    })
    const log = (event: string, facts: Facts = {}): void => void this.told.push({ event, facts })
    this.state = new StateWork(realClock(), disk, log, {
      home: this.home,
      local: () => this.local,
      jail: async () => await Promise.resolve(this.jail),
      verify: async (release) => await this.files.verifyInstalled(release)
    })
  }

  static async open(t: TestContext, path?: string): Promise<Lab> {
    const lab = new Lab(path ?? join(await t.tmp(), 'home'))
    await lab.home.prepare()
    return lab
  }

  /**
   * Puts an app into its version folder; `hook` takes the place of its migration, `change` of parts
   * of its `ota.json`.
   */
  async place(
    release: string,
    app: string,
    { hook, last, change = {} }: { hook?: string; last?: string; change?: object } = {}
  ): Promise<void> {
    const tree = this.home.tree(release)
    await cp(resolve('fixtures/apps', app), tree, { recursive: true })
    if (hook !== undefined) {
      await rename(join(tree, 'tools/migrate.js'), join(tree, 'tools/whole.js'))
      const text = await readFile(resolve('fixtures/hooks', `${hook}.js`), 'utf8')
      await writeFile(
        join(tree, 'tools/migrate.js'),
        last === undefined ? text : `${text}// ${last}\n`
      )
    }
    const ota = JSON.parse(await readFile(join(tree, 'ota.json'), 'utf8')) as object
    await writeFile(join(tree, 'ota.json'), JSON.stringify({ ...ota, ...change }))
    const manifest = await scanTree(realDisk(), tree)
    this.#facts.set(release, {
      platform: 'linux-x64',
      treeDigest: treeDigest(encodeManifest(manifest, 'linux-x64')),
      entries: manifest.entries.length,
      bytes: bytesOf(manifest)
    })
  }

  async prepare(op: number, release: string, from: Pair | null): Promise<Event> {
    return await this.perform({ tag: 'prepare', op, release, from })
  }

  async perform(command: Parameters<FilePerformer['perform']>[0]): Promise<Event> {
    const event = await this.files.perform(command)
    if (event === null) throw new Error(`${command.tag} was not answered`)
    return event
  }

  /** Writes the pointer; `seq` rises by itself. */
  async flip(pointer: Omit<Pointer, 'v' | 'seq'>): Promise<Event> {
    this.#seq += 1
    return await this.perform({ tag: 'flip', pointer: { v: 1, seq: this.#seq, ...pointer } })
  }

  /** The first version in place, with some users in its state. */
  async first(users: Readonly<Record<string, string>>): Promise<Pair> {
    await this.place(one, 'stateful-1')
    const prepared = await this.prepare(1, one, null)
    if (prepared.tag !== 'prepared') throw new Error(`not prepared: ${JSON.stringify(prepared)}`)
    const { gen } = prepared.plan
    const store = this.store(one, gen)
    for (const [id, name] of Object.entries(users)) store.add(id, name)
    await this.flip({ op: 1, release: one, gen, phase: 'committed', prev: null })
    return { release: one, gen }
  }

  /** The state as a version reads it. */
  store(release: string, gen: string): Store {
    const load = createRequire(import.meta.url)
    const { open } = load(join(this.home.tree(release), 'store.js')) as {
      open: (folder: string) => Store
    }
    return open(this.home.gens.path(gen))
  }

  /** Resolves when something is so, looked at now and then. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((done) => setTimeout(done, 20))
  }

  /** Files and contents of a folder in one text. */
  async digest(folder: string): Promise<string> {
    const hash = createHash('sha256')
    const names = await readdir(folder, { recursive: true, withFileTypes: true })
    for (const entry of names.toSorted((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1))) {
      hash.update(`${pathOf(entry)}\n`)
      if (entry.isFile()) hash.update(await readFile(pathOf(entry)))
    }
    return hash.digest('hex')
  }

  /** A private copy as a rehearsal gets it. */
  async copy(op: number, gen: string): Promise<string> {
    const folder = join(this.home.path, 'snapshots', String(op))
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await cp(this.home.gens.path(gen), join(folder, 'state'), { recursive: true })
    return join(folder, 'state')
  }
}

function pathOf(entry: { readonly parentPath: string; readonly name: string }): string {
  return join(entry.parentPath, entry.name)
}
