import Corestore from 'corestore'
import Hypercore from 'hypercore'
import { isOtaError, MIB, SECOND } from '../base/index.ts'
import type { Bytes, Clock, Dice, Disk, Log } from '../base/index.ts'
import { workHere, type TreeWork } from '../artifact/index.ts'
import { inBackground, type Closable } from '../base/life.ts'
import { closeStore, Cores } from './cores.ts'
import { translated } from './failure.ts'
import { Mailboxes } from './mailboxes.ts'
import type { Mirrors } from './mirror/mirrors.ts'
import type { Seed } from './seeding.ts'
import { TreeCores } from './trees.ts'
import { Uploads } from './uploads.ts'

export interface StoreOptions {
  readonly disk: Disk
  /** `cores` below it is hypercore's; `feeds` holds marks, proofs and the build journal. */
  readonly folder: string
  /**
   * A node's store holds nothing that peers and version folders do not: one that does not open is
   * deleted and made anew, and one that met a full disk is opened anew when there is space again.
   * Never for a store in which a signer's own feed lies.
   */
  readonly cache?: boolean
  /** Memory of the storage's write buffer; 1 MiB unless told. */
  readonly writeBufferBytes?: number
  /** No block within this time ends a fetch; a minute unless told. Blocks of feeds get half. */
  readonly stallMs?: number
  /** What is carried for others; `full` unless told. */
  readonly seed?: Seed
  /** This node's lot where not everybody carries a tree: its public key. */
  readonly ticket?: Bytes
  /** Bytes per second of static cores sent to all peers together; no limit unless told. */
  readonly uploadBytesPerSecond?: number
  /** Above so many stored bytes no tree is made whole for others; no limit unless told. */
  readonly seedBytesMax?: number
  /** Plain files that are asked for blocks where no peer gives any; closed by whoever made them. */
  readonly mirrors?: Mirrors
  /** Where heavy work on trees is done; in the loop of this process unless told. */
  readonly work?: TreeWork
  /** Largest decoder window this machine grants, in bits; 24 unless told. */
  readonly lgwinMax?: 24 | 27
  /** An app's own corestore, used beside the app and left open. */
  readonly corestore?: object
}

export interface StorePorts {
  readonly clock: Clock
  readonly dice: Dice
  readonly log: Log
  readonly streams: () => readonly object[]
}

/** One corestore while it is open, and what lives on it. */
export class Opened {
  readonly corestore: Corestore
  readonly mailboxes: Mailboxes
  readonly trees: TreeCores
  readonly #below: readonly Closable[]

  private constructor(ports: StorePorts, options: StoreOptions, found: Found) {
    const { clock, dice, log, streams } = ports
    const { disk, folder, seed = 'full', ticket = null, seedBytesMax = Infinity, mirrors } = options
    this.corestore = found.corestore
    const cores = new Cores(found.corestore, { servesAll: seed !== 'off' })
    const rate = options.uploadBytesPerSecond
    const uploads = rate === undefined ? [] : [new Uploads(clock, found.corestore, rate)]
    this.#below = [...uploads, found]
    const stallMs = options.stallMs ?? 60 * SECOND
    this.mailboxes = new Mailboxes(clock, log, cores, {
      disk,
      folder: `${folder}/feeds`,
      withinMs: Math.min(stallMs, 30 * SECOND),
      hasPeers: () => streams().length > 0
    })
    const { work = workHere(disk), lgwinMax = 24 } = options
    this.trees = new TreeCores({ clock, dice, log, disk, mirrors, work, lgwinMax }, cores, {
      folder,
      seeding: { seed, ticket, bytesMax: seedBytesMax },
      journal: `${folder}/feeds/building`,
      streams,
      stallMs
    })
  }

  /** Errors of `Store`. Nothing stays open after one. */
  static async open(ports: StorePorts, options: StoreOptions): Promise<Opened> {
    const opened = new Opened(ports, options, await findCorestore(ports.log, options))
    try {
      await opened.mailboxes.open()
      await opened.trees.open()
    } catch (error) {
      await opened.close().catch(inBackground)
      throw error
    }
    return opened
  }

  /** Closes everything, whatever fails; throws the first failure. */
  async close(): Promise<void> {
    let failed: unknown = null
    for (const one of [this.trees, this.mailboxes, ...this.#below]) {
      try {
        await one.close()
      } catch (error) {
        failed ??= error
      }
    }
    if (failed !== null) throw failed
  }
}

interface Found extends Closable {
  readonly corestore: Corestore
}

async function findCorestore(log: Log, options: StoreOptions): Promise<Found> {
  const { corestore: given, cache, disk, folder } = options
  if (given !== undefined) {
    // The app hands in its own corestore; the public types do not mention the package.
    const corestore = (given as Corestore).session()
    return { corestore, close: async () => await corestore.close() }
  }
  try {
    return await tryOpen(options)
  } catch (cause) {
    const error = translated(cause, 'open the core store')
    const isBroken = isOtaError(error, 'INTERNAL') || isOtaError(error, 'STORE_MOVED')
    if (cache !== true || !isBroken) throw error
    log('store-reset', { text: error.message })
    await disk.remove(`${folder}/cores`)
    return await tryOpen(options)
  }
}

async function tryOpen({ folder, writeBufferBytes = MIB }: StoreOptions): Promise<Found> {
  const settings = { writeBufferSize: writeBufferBytes }
  const corestore = new Corestore(Hypercore.defaultStorage(`${folder}/cores`, settings))
  try {
    await corestore.ready()
  } catch (error) {
    // A store that failed to open has nothing to close but its lock; the first error counts.
    await closeStore(corestore).catch(inBackground)
    throw error
  }
  return { corestore, close: async () => await closeStore(corestore) }
}
