import { equal, isOtaError, OtaError, SECOND } from '../base/index.ts'
import type { Clock, Disk, Facts, Log } from '../base/index.ts'
import type { Event } from '../cutover/index.ts'
import type { LocalTree, Progress, Store } from '../feed/index.ts'
import type { Machine, SourceBuilder } from '../host/index.ts'
import { isReleaseName, type Artifact, type CoreRef } from '../records/index.ts'
import { toName, type KnownRelease } from '../trust/index.ts'
import type { Guarded } from './guards.ts'

/** How far a fetch is, is told so often. */
const tellEveryMs = SECOND
/** This machine cannot build it, or nobody has the source now: the built tree is taken (S52). */
const notHereCodes = ['CANNOT_BUILD', 'NO_PEERS', 'TIMEOUT'] as const
/** The source is not what was signed, or gives something else (S43, S52, S53). */
const otherCodes = [
  'BUILD_MISMATCH',
  'HASH_MISMATCH',
  'LENGTH_EXCEEDED',
  'DEPENDENCY_DRIFT',
  'BAD_TREE'
] as const

export interface TreesPorts {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  readonly store: Pick<Store, 'fetchTree' | 'fetchCore' | 'blocks' | 'rebuild' | 'drop'>
  /** Null: what carries its source is fetched built, as everything is. */
  readonly builder: Pick<SourceBuilder, 'check' | 'build'> | null
  readonly machine: Pick<Machine, 'home'>
  readonly emit: (event: Event) => void
  /** An event for whoever watches this node. */
  readonly tell: (event: string, facts: Facts) => void
  /** The release of that name and its artifact for this machine, null if there is none. */
  readonly find: (
    name: string
  ) => { readonly known: KnownRelease; readonly artifact: Artifact } | null
  /** Trees for this machine of all releases known here. */
  readonly known: () => readonly Artifact[]
  /** Whether a release may come a step nearer now. */
  readonly judge: (name: string) => Guarded
}

/** A release that is to lie here, and what does already. */
interface Wanted {
  readonly known: KnownRelease
  readonly artifact: Artifact
  readonly versions: readonly string[]
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

  /** Frees the cores of releases that nothing needs any more; what a kept one shares stays. */
  drop(releases: readonly string[], keep: readonly string[]): void {
    const coresOf = (names: readonly string[]): CoreRef[] =>
      names.flatMap((name) => {
        const found = this.#ports.find(name)
        const { tree, patch } = found?.artifact ?? { tree: null, patch: null }
        const source = found?.known.body.source?.core ?? null
        return [tree, patch, source].filter((ref) => ref !== null)
      })
    const kept = coresOf(keep)
    for (const ref of coresOf(releases)) {
      if (kept.some(({ key }) => equal(key, ref.key))) continue
      this.#work = this.#work.then(async () => {
        if (!this.#stop.signal.aborted) await this.#ports.store.drop(ref)
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
      this.#ports.emit({ tag: 'failed', op, reason: 'held' })
      return
    }
    const { home } = this.#ports.machine
    const names = await this.#ports.disk.list(`${home.path}/versions`)
    const versions = names.filter(isReleaseName)
    // What was installed once lies here still; `verify` hashes it again.
    if (!versions.includes(release)) await this.#bring(op, release, { ...found, versions })
    // A fetch takes hours: what lost its quorum meanwhile is not put among the versions.
    if (isLost(this.#ports.judge(release))) {
      this.#ports.emit({ tag: 'failed', op, reason: 'held' })
      return
    }
    this.#ports.log('fetched', { release: toName(found.known.id), op })
    this.#ports.emit({ tag: 'fetched', op })
  }

  /** A fetch that a crash cut off left half a tree: it is made again from the blocks held. */
  async #bring(op: number, release: string, wanted: Wanted): Promise<void> {
    const { store, machine, tell } = this.#ports
    const { home } = machine
    await home.discard(op)
    if (await this.#isBuilt(op, release, wanted)) return
    await home.discard(op)
    const { bases, reuse } = this.#local(wanted.versions)
    await store.fetchTree(wanted.artifact, {
      into: home.work(op),
      bases,
      reuse,
      others: this.#ports.known(),
      signal: this.#stop.signal,
      onProgress: this.#teller(release),
      onAlarm: ({ code, text }) => tell('alarm', { code, text })
    })
  }

  /**
   * The tree made from its source, where there is one and the operator wants that. A machine that
   * cannot build, or gets no source, takes the tree as it was built (S52); what comes out other
   * than signed is thrown, and never run.
   */
  async #isBuilt(op: number, release: string, wanted: Wanted): Promise<boolean> {
    const { builder, disk, store, machine, log } = this.#ports
    const { source } = wanted.known.body
    if (builder === null || source === null) return false
    const { signal } = this.#stop
    const into = machine.home.work(op)
    const folder = `${into}.source`
    try {
      await builder.check()
      await store.fetchCore(source.core, { signal, onProgress: this.#teller(release) })
      const blocks = store.blocks(source.core)
      const { artifact } = wanted
      await builder.build({ source, artifact, blocks, folder, into, signal })
      log('built', { release, commit: source.commit })
      return true
    } catch (error) {
      if (!isOtaError(error)) throw error
      if (otherCodes.some((code) => isOtaError(error, code))) throw this.#other(release, error)
      if (notHereCodes.every((code) => !isOtaError(error, code))) throw error
      log('not-built', { release, code: error.code, message: error.message })
      return false
    } finally {
      await disk.remove(folder)
    }
  }

  /** The source, or what came of it, is not what was signed: both sides are told. */
  #other(release: string, error: OtaError): OtaError {
    const { have = null, need = null } = error.facts
    const text = error.message
    this.#ports.tell('alarm', { code: error.code, text, release, have, need })
    return new OtaError('BUILD_MISMATCH', text, { cause: error })
  }

  /** Version folders by what their release signed; those of no known release give chunks only. */
  #local(versions: readonly string[]): { bases: LocalTree[]; reuse: string[] } {
    const bases: LocalTree[] = []
    const reuse: string[] = []
    for (const name of versions) {
      const folder = this.#ports.machine.home.tree(name)
      const treeDigest = this.#ports.find(name)?.artifact.treeDigest
      if (treeDigest === undefined) reuse.push(folder)
      else bases.push({ folder, treeDigest })
    }
    return { bases, reuse }
  }

  #teller(release: string): (progress: Progress) => void {
    const { clock, tell } = this.#ports
    let toldMs = -Infinity
    return (progress) => {
      const nowMs = clock.steadyMs()
      const isOver = progress.blocksNeeded > 0 && progress.blocks === progress.blocksNeeded
      if (nowMs - toldMs < tellEveryMs && !isOver) return
      toldMs = nowMs
      tell('progress', { release, ...progress })
    }
  }

  #fail(op: number, error: unknown): void {
    if (this.#stop.signal.aborted) return
    if (!isOtaError(error)) throw error
    this.#ports.log('fetch-failed', { op, code: error.code, message: error.message })
    if (error.code === 'NO_SPACE') this.#ports.emit({ tag: 'failed', op, reason: 'disk' })
    else if (error.code === 'NO_PERMISSION')
      this.#ports.emit({ tag: 'failed', op, reason: 'denied' })
    else if (error.code === 'BUILD_MISMATCH')
      this.#ports.emit({ tag: 'failed', op, reason: 'unreproducible' })
    else if (error.code === 'BAD_TREE') this.#ports.emit({ tag: 'failed', op, reason: 'tree-rule' })
    else this.#ports.emit({ tag: 'no-source', op })
  }
}
