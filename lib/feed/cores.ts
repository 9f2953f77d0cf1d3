import Hypercore from 'hypercore'
import type Corestore from 'corestore'
import { assert, toHex, type Bytes } from '../base/index.ts'
import { atDoor } from './failure.ts'

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
  readonly #gate: Gate

  /** `servesAll`: false, and peers get only what is being read or fetched here. */
  constructor(store: Corestore, { servesAll = true } = {}) {
    this.store = store
    this.#quiet = store.session({ active: false })
    this.#gate = new Gate(store, servesAll)
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

  /** Block bytes of all static cores; of sparse ones by the average block. */
  async storedBytes(): Promise<number> {
    let bytes = 0
    for await (const discoveryKey of this.store.list()) {
      const core = this.#quiet.get({ discoveryKey, active: false })
      await atDoor('open core', async () => await core.ready())
      try {
        if ((core.core.header?.manifest?.prologue ?? null) !== null) bytes += await heldBytes(core)
      } finally {
        await core.close()
      }
    }
    return bytes
  }

  /** Takes the core out of memory, with its channels; all sessions of it must be closed. */
  async unload(key: Bytes): Promise<void> {
    await this.store.cores.get(toHex(Hypercore.discoveryKey(key)))?.close()
  }

  /**
   * Deletes a core, its channels first: a sparse copy left in place would make the whole one built
   * over it sparse again, silently. No peer can have it opened meanwhile.
   */
  async erase(key: Bytes): Promise<void> {
    await this.#gate.shut(Hypercore.discoveryKey(key), async () => {
      if (await this.isStored(key)) {
        const core = await this.open(key)
        const record = core.state.storage.core
        await core.clear(0, core.length)
        await core.close()
        await this.unload(key)
        await this.store.storage.deleteCore(record)
      }
      await this.unload(key)
      assert(!(await this.isStored(key)), 'a deleted core is not stored')
    })
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

async function heldBytes(core: Hypercore): Promise<number> {
  let held = 0
  for (let i = 0; i < core.length; i += 1) if (await core.has(i)) held += 1
  return core.length === 0 ? 0 : Math.round((core.byteLength * held) / core.length)
}

/**
 * Keeps peers from having a core opened while it is deleted: a store opens what a peer asks for,
 * and one that vanishes in between costs the connection and the orderly end of the store.
 */
class Gate {
  readonly #shut = new Set<string>()
  readonly #opening = new Map<string, Set<Promise<void>>>()

  constructor(store: Corestore, servesAll: boolean) {
    /* oxlint-disable no-underscore-dangle -- corestore's own name; `test/contract` holds it */
    const attach = store._attachMaybe.bind(store)
    store._attachMaybe = async (muxer, discoveryKey) => {
      /* oxlint-enable no-underscore-dangle */
      const name = toHex(discoveryKey)
      if (this.#shut.has(name)) return
      const sessions = store.cores.get(name)?.replicator.activeSessions ?? 0
      if (!servesAll && sessions === 0) return
      const attaching = attach(muxer, discoveryKey)
      const all = this.#opening.get(name) ?? new Set()
      this.#opening.set(name, all.add(attaching))
      try {
        await attaching
      } finally {
        all.delete(attaching)
        if (all.size === 0) this.#opening.delete(name)
      }
    }
  }

  async shut(discoveryKey: Bytes, deed: () => Promise<void>): Promise<void> {
    const name = toHex(discoveryKey)
    this.#shut.add(name)
    try {
      const opening = this.#opening.get(name)
      if (opening !== undefined) await Promise.allSettled(opening)
      await deed()
    } finally {
      this.#shut.delete(name)
    }
  }
}

/** Closes a store. One core that failed to open would leave the storage open, and its lock held. */
export async function closeStore(store: Corestore): Promise<void> {
  try {
    await store.close()
  } finally {
    await store.storage.close()
  }
}
