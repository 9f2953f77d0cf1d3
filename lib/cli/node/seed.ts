import { join } from 'node:path'
import { isOtaError, type Log } from '../../base/index.ts'
import { inBackground } from '../../base/life.ts'
import type { Store } from '../../feed/index.ts'
import type { Artifact } from '../../records/index.ts'
import { toName } from '../../trust/index.ts'
import type { NodeConfig } from './config/schema.ts'
import { aborted } from './daemon.ts'
import { takerOf } from './mirrors.ts'
import { Parts, readGround, storeOf, wireOf, type Ground } from './ground.ts'

/** Releases of each channel that a seeder carries whole. */
const carriedMost = 3

/**
 * Carries statements, evidence and bytes of a network and runs no app: every platform of the newest
 * releases of every channel. Resolves when `signal` fires.
 */
export async function runSeeder(
  home: string,
  config: NodeConfig,
  given: {
    readonly log: Log
    readonly signal: AbortSignal
    readonly onOpen: (address: string | null) => void
  }
): Promise<void> {
  const { log, signal, onOpen } = given
  const ground = await readGround(home, config, log)
  const parts = new Parts(async (own) => {
    const store = own(storeOf(ground))
    await store.ready()
    const wire = own(await wireOf(ground, { running: () => null }))
    const carrier = own(new Carrier(ground, store))
    own({ close: store.onBlock(async (_, __, bytes) => await carrier.take(bytes)) })
    own({ close: wire.onStream((stream) => store.replicate(stream)) })
    await wire.ready()
    onOpen(wire.address())
    await carrier.open()
    own(ground.mirrors)
    await ground.mirrors.ready()
    ground.mirrors.follow(takerOf(ground, wire))
  })
  try {
    await parts.ready()
    await aborted(signal)
  } finally {
    await parts.close()
  }
}

/** Follows what is believed: feeds to read, trees to hold. */
class Carrier {
  readonly #ground: Ground
  readonly #store: Store
  readonly #stop = new AbortController()
  readonly #done = new Set<string>()
  #work: Promise<void> = Promise.resolve()
  #unlisten: () => void = () => undefined

  constructor(ground: Ground, store: Store) {
    this.#ground = ground
    this.#store = store
  }

  async open(): Promise<void> {
    this.#unlisten = this.#ground.authority.onChange(() => this.#believes())
    await this.#follow()
  }

  async take(bytes: Uint8Array): Promise<boolean> {
    const verdict = await this.#ground.authority.intake(bytes, 'feed')
    return verdict.tag !== 'refused'
  }

  async close(): Promise<void> {
    this.#unlisten()
    this.#stop.abort()
    await this.#work
  }

  #believes(): void {
    this.#follow().catch(inBackground)
  }

  async #follow(): Promise<void> {
    const { authority, pool } = this.#ground
    const { believed } = authority
    pool.setContext({ believed })
    await this.#store.openFeeds(believed.trust?.body.feeds ?? [])
    const perChannel = new Map<string, number>()
    for (const { body } of believed.releases) {
      const count = (perChannel.get(body.channel) ?? 0) + 1
      perChannel.set(body.channel, count)
      if (count <= carriedMost) for (const artifact of body.artifacts) this.#carry(artifact)
    }
  }

  #carry(artifact: Artifact): void {
    const name = toName(artifact.tree.key)
    if (this.#done.has(name)) return
    this.#done.add(name)
    this.#work = this.#work.then(async () => await this.#fetch(artifact, name))
  }

  /** The tree is laid out once, so that the whole core can be made from it, and then let go. */
  async #fetch(artifact: Artifact, name: string): Promise<void> {
    const { disk, log, home, clock } = this.#ground
    const into = join(home, 'tmp', name)
    try {
      const { signal } = this.#stop
      if (!(await this.#store.hasWhole(artifact.tree))) {
        await disk.remove(into)
        await disk.makeFolder(join(home, 'tmp'), 0o700)
        await this.#store.fetchTree(artifact, { into, signal })
        const result = await this.#store.rebuild(artifact, into)
        log('carrying', { core: name, result })
      }
      // Where the encoder differs, or the lot fell otherwise, the blocks themselves are taken.
      await this.#store.fetchCore(artifact.tree, { signal })
      if (artifact.patch !== null) await this.#store.fetchCore(artifact.patch, { signal })
    } catch (error) {
      if (this.#stop.signal.aborted) return
      if (!isOtaError(error)) throw error
      log('carry-failed', { core: name, code: error.code, message: error.message })
      this.#done.delete(name)
      clock.after(10_000, () => this.#believes())
    } finally {
      await disk.remove(into)
    }
  }
}
