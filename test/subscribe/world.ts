import { join } from 'node:path'
import type { TestContext } from 'brittle'
import { Authority } from '../../lib/authority/index.ts'
import { DAY, type Bytes } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import { Store } from '../../lib/feed/index.ts'
import { Wire, type WireOptions } from '../../lib/gossip/index.ts'
import { realClock, realDice, realDisk } from '../../lib/host/index.ts'
import type { Artifact, Release, Statement } from '../../lib/records/index.ts'
import { formatJoin, toName } from '../../lib/trust/index.ts'
import { packFolder, writeTree, type Spec } from '../artifact/trees.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  signControl,
  signRelease,
  testPolicy,
  wire as bytesOf,
  type TestNetwork
} from '../tools/people.ts'

const clock = realClock()
const silent = (): void => {}

/** Everybody at once, and back at once: a plan of one stage, without controls or shadows. */
export const atOnce = testPolicy({
  plan: {
    nodes: 1,
    stages: [
      {
        who: 0,
        sharePpm: 1_000_000,
        bakeMs: 1_000,
        kT: 25,
        kC: 25,
        qT: 0,
        qC: 0,
        approve: 0
      }
    ],
    holdBackPpm: 0,
    jitter: 0,
    prefetchMs: 0
  },
  halt: { undoSpreadMs: 0 },
  others: { shadow: 'off' }
})

/**
 * A network on loopback with one node that holds everything: what a publisher leaves behind. All of
 * it is real but the signers, who are persons of the tests.
 */
export class World {
  readonly network: TestNetwork
  readonly #t: TestContext
  readonly #root: string
  readonly #authority: Authority
  readonly #store: Store
  readonly #wire: Wire
  readonly #nowMs: number

  private constructor(t: TestContext, root: string, parts: Parts) {
    this.#t = t
    this.#root = root
    this.network = parts.network
    this.#authority = parts.authority
    this.#store = parts.store
    this.#wire = parts.wire
    this.#nowMs = parts.nowMs
  }

  static async found(t: TestContext, bootstrap: WireOptions['bootstrap'] = 'none'): Promise<World> {
    const root = await t.tmp()
    const nowMs = clock.wallMs() - DAY
    const network = foundNetwork({ issuedMs: nowMs, expiresMs: nowMs + 365 * DAY })
    const disk = realDisk()
    const folder = join(root, 'publisher')
    for (const name of ['trusted', 'pending']) await disk.makeFolder(join(folder, name))
    const authority = await Authority.open(disk, silent, {
      folder,
      join: { network: network.id, checkpoint: null },
      nowMs: () => clock.wallMs()
    })
    await authority.intake(bytesOf(network.first), 'test')
    const pool = new Pool(authority.believed)
    const store = new Store(clock, realDice(), silent, { disk, folder: join(folder, 'store') })
    await store.ready()
    const wire = openWire(authority, pool, bootstrap)
    await wire.ready()
    wire.onStream((stream) => store.replicate(stream))
    authority.onChange((believed) => pool.setContext({ believed }))
    t.teardown(() => wire.close(), { order: 1 })
    t.teardown(() => store.close(), { order: 2 })
    return new World(t, root, { network, authority, store, wire, nowMs })
  }

  /** With its checkpoint: the first install need not wait for more sources. */
  get join(): string {
    return formatJoin(this.network.id, { version: 1, id: this.network.id })
  }

  get address(): string {
    return this.#wire.address() ?? ''
  }

  /** A folder for one follower. */
  folder(name: string): string {
    return join(this.#root, name)
  }

  /** Packs a tree, holds its core and lets persons 1 and 2 release it. */
  async release(seq: number, files: Spec, fields: Partial<Release> = {}): Promise<Published> {
    const folder = await writeTree(this.folder(`tree-${seq}`), files)
    const { pack, artifact } = await packFolder(folder)
    await this.#store.buildTreeCore(pack)
    return await this.publish(seq, [artifact], fields)
  }

  async publish(
    seq: number,
    artifacts: readonly Artifact[],
    fields: Partial<Release> = {}
  ): Promise<Published> {
    const { id } = this.network
    const head = headUnder(1, id, this.#nowMs + seq * 1_000)
    const body = makeRelease(id, { seq, label: `1.0.${seq}`, head, artifacts, ...fields })
    const statement = signRelease(id, body)
    await this.take(statement)
    return { id: idOfStatement(statement), name: toName(idOfStatement(statement)) }
  }

  async abort(release: Bytes): Promise<void> {
    const { id } = this.network
    const head = headUnder(1, id, this.#nowMs + 60_000)
    await this.take(signControl(id, makeControl(id, release, { action: 'abort', head })))
  }

  async take(statement: Statement): Promise<void> {
    const verdict = await this.#authority.intake(bytesOf(statement), 'test')
    this.#t.is(verdict.tag, 'admitted', 'the publisher admits what was signed')
  }
}

export interface Published {
  readonly id: Bytes
  readonly name: string
}

interface Parts {
  readonly network: TestNetwork
  readonly authority: Authority
  readonly store: Store
  readonly wire: Wire
  readonly nowMs: number
}

function openWire(authority: Authority, pool: Pool, bootstrap: WireOptions['bootstrap']): Wire {
  return new Wire(clock, realDice(), silent, {
    authority,
    pool,
    options: {
      network: authority.believed.network,
      keyPair: null,
      port: null,
      host: '127.0.0.1',
      peers: [],
      bootstrap,
      rendezvous: false,
      membership: null,
      nodePair: null,
      settleMs: () => 500
    }
  })
}
