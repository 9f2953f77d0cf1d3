import Hypercore from 'hypercore'
import type Corestore from 'corestore'
import { assert, OtaError, toHex, type Bytes } from '../base/index.ts'
import { atDoor } from './failure.ts'

/** Tries until no peer has opened the core again while it was deleted. */
const eraseTriesMax = 10

/** The key of the feed that this signer's key pair writes. */
export function feedKey(publicKey: Bytes): Bytes {
  return Hypercore.key({ version: 1, signers: [{ publicKey }] })
}

/**
 * Cores of one store by key, without serving or asking anybody: sessions made here open no channel
 * by themselves. Serving needs none, the store opens a core when a peer asks for it.
 */
export class Cores {
  readonly store: Corestore
  readonly #quiet: Corestore

  constructor(store: Corestore) {
    this.store = store
    this.#quiet = store.session({ active: false })
  }

  /** A session that opens no channel; close it. */
  async open(key: Bytes): Promise<Hypercore> {
    const core = this.#quiet.get({ key, active: false })
    await atDoor('open core', async () => await core.ready())
    return core
  }

  /** A session that downloads: the channels it is given attach, and later ones by themselves. */
  async openActive(key: Bytes): Promise<Hypercore> {
    const core = this.#quiet.get({ key })
    await atDoor('open core', async () => await core.ready())
    return core
  }

  async isStored(key: Bytes): Promise<boolean> {
    return await this.store.storage.hasCore(Hypercore.discoveryKey(key))
  }

  async isWhole(key: Bytes, blocks: number): Promise<boolean> {
    if (!(await this.isStored(key))) return false
    const core = await this.open(key)
    try {
      return core.length >= blocks && (await core.has(0, blocks))
    } finally {
      await core.close()
    }
  }

  /** Takes the core out of memory, with its channels; all sessions of it must be closed. */
  async unload(key: Bytes): Promise<void> {
    await this.store.cores.get(toHex(Hypercore.discoveryKey(key)))?.close()
  }

  /**
   * Deletes a core, its channels first: a sparse copy left in place would make the whole one built
   * over it sparse again, silently. A peer may ask for the core and so open it in between; then once
   * more.
   */
  async erase(key: Bytes): Promise<void> {
    for (let tries = 0; tries < eraseTriesMax; tries += 1) {
      if (!(await this.isStored(key))) {
        await this.unload(key)
        return
      }
      const core = await this.open(key)
      const record = core.state.storage.core
      await core.clear(0, core.length)
      await core.close()
      await this.unload(key)
      await this.store.storage.deleteCore(record)
    }
    throw new OtaError('INTERNAL', 'a core that peers keep asking for could not be deleted')
  }

  /** Gives the disk of a core back, as far as the storage does. */
  async clear(key: Bytes): Promise<void> {
    if (!(await this.isStored(key))) return
    const core = await this.open(key)
    try {
      await core.clear(0, core.length)
      await core.compact()
    } finally {
      await core.close()
    }
    assert(core.closing !== null, 'a cleared core is closed')
  }
}
