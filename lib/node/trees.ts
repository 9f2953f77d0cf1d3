import { isOtaError, type Disk, type Log } from '../base/index.ts'
import type { Event } from '../cutover/index.ts'
import type { Store } from '../feed/index.ts'
import type { Machine } from '../host/index.ts'
import { isReleaseName, type Artifact } from '../records/index.ts'
import { toName, type KnownRelease } from '../trust/index.ts'
import type { Guarded } from './guards.ts'

export interface TreesPorts {
  readonly disk: Disk
  readonly log: Log
  readonly store: Pick<Store, 'fetchTree' | 'rebuild' | 'drop'>
  readonly machine: Pick<Machine, 'home'>
  readonly emit: (event: Event) => void
  /** The release of that name and its artifact for this machine, null if there is none. */
  readonly find: (
    name: string
  ) => { readonly known: KnownRelease; readonly artifact: Artifact } | null
  /** Whether a release may come a step nearer now. */
  readonly judge: (name: string) => Guarded
}

/** Signers took it back; what only makes it wait, as a brake, does not undo a fetch. */
function isLost(judged: Guarded): boolean {
  return (
    judged.tag === 'halted' || (judged.tag === 'withhold' && judged.code === 'THRESHOLD_NOT_MET')
  )
}

/**
 * The bytes of releases: fetched beside whatever runs, and made whole again afterwards so that this
 * node seeds. Nothing here can fail an upgrade but the fetch itself.
 */
export class Trees {
  readonly #ports: TreesPorts
  readonly #stop = new AbortController()
  readonly #seeding = new Set<string>()
  readonly #opened: Promise<void>
  #open: () => void = () => undefined
  #work: Promise<void>

  constructor(ports: TreesPorts) {
    this.#ports = ports
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
    this.#work = this.#opened
  }

  /** The store is open: what recovery asked for before that is done from here on. */
  open(): void {
    this.#open()
  }

  /** Performs a `fetch`; answers `fetched`, `no-source` or `failed`. */
  fetch(op: number, release: string): void {
    this.#fetch(op, release).catch((error: unknown) => this.#fail(op, error))
  }

  /** Makes the tree core of an installed release whole, in the background, once at a time. */
  seed(release: string): void {
    const found = this.#ports.find(release)
    if (found === null || this.#seeding.has(release) || this.#stop.signal.aborted) return
    this.#seeding.add(release)
    const { artifact } = found
    this.#work = this.#work.then(async () => {
      if (this.#stop.signal.aborted) return
      try {
        const tree = this.#ports.machine.home.tree(release)
        const result = await this.#ports.store.rebuild(artifact, tree)
        this.#ports.log('seeding', { release, result })
      } catch (error) {
        if (!isOtaError(error)) throw error
        this.#ports.log('seed-failed', { release, code: error.code, message: error.message })
      } finally {
        this.#seeding.delete(release)
      }
    })
  }

  /** Frees the cores of releases that nothing needs any more. */
  drop(releases: readonly string[]): void {
    for (const release of releases) {
      const found = this.#ports.find(release)
      if (found === null) continue
      this.#work = this.#work.then(async () => {
        if (this.#stop.signal.aborted) return
        await this.#ports.store.drop(found.artifact.tree)
      })
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#open()
    await this.#work
  }

  async #fetch(op: number, release: string): Promise<void> {
    await this.#opened
    this.#stop.signal.throwIfAborted()
    const found = this.#ports.find(release)
    // S19: counted again before the bytes are unpacked. Dropped, not quarantined: the decision
    // wants it again when nothing stands against it any more.
    if (found === null || this.#ports.judge(release).tag !== 'confirmed') {
      this.#ports.emit({ tag: 'failed', op, reason: 'not-eligible' })
      return
    }
    const { home } = this.#ports.machine
    const names = await this.#ports.disk.list(`${home.path}/versions`)
    const versions = names.filter(isReleaseName)
    // What was installed once lies here still; `verify` hashes it again.
    if (!versions.includes(release)) {
      await this.#ports.store.fetchTree(found.artifact, {
        into: home.work(op),
        reuse: versions.map((name) => home.tree(name)),
        signal: this.#stop.signal,
        onProgress: () => undefined
      })
    }
    // A fetch takes hours: what lost its quorum meanwhile is not put among the versions.
    if (isLost(this.#ports.judge(release))) {
      this.#ports.emit({ tag: 'failed', op, reason: 'not-eligible' })
      return
    }
    this.#ports.log('fetched', { release: toName(found.known.id), op })
    this.#ports.emit({ tag: 'fetched', op })
  }

  #fail(op: number, error: unknown): void {
    if (this.#stop.signal.aborted) return
    if (!isOtaError(error)) throw error
    this.#ports.log('fetch-failed', { op, code: error.code, message: error.message })
    if (error.code === 'NO_SPACE') this.#ports.emit({ tag: 'failed', op, reason: 'disk' })
    else if (error.code === 'NO_PERMISSION')
      this.#ports.emit({ tag: 'failed', op, reason: 'denied' })
    else if (error.code === 'BAD_TREE') this.#ports.emit({ tag: 'failed', op, reason: 'tree-rule' })
    else this.#ports.emit({ tag: 'no-source', op })
  }
}
