import { MIB, OtaError, SECOND, type Clock, type Disk } from '../base/index.ts'
import { inBackground } from '../base/life.ts'
import type { Artifact } from '../records/index.ts'

/** While bytes come, the disk is looked at so often. */
const lookEveryMs = 2 * SECOND
/**
 * Below this nothing more is fetched. The storage of cores does not survive a write that fails: it
 * must never come to one.
 */
const reserveBytes = 16 * MIB

/** Room for one tree, and for its blocks in the store. */
export class Space {
  readonly #ports: { readonly clock: Clock; readonly disk: Disk }
  readonly #what: { readonly artifact: Artifact; readonly into: string; readonly store: string }
  #cancel: () => void = () => undefined
  #closed = false

  constructor(
    ports: { readonly clock: Clock; readonly disk: Disk },
    what: { readonly artifact: Artifact; readonly into: string; readonly store: string }
  ) {
    this.#ports = ports
    this.#what = what
  }

  /** Before the first byte: the tree may take half of what is free. Throws `NO_SPACE`. */
  async check(): Promise<void> {
    const { artifact, into, store } = this.#what
    const { disk } = this.#ports
    const parent = into.slice(0, Math.max(1, into.lastIndexOf('/')))
    await disk.makeFolder(parent)
    await need(disk, parent, 2 * artifact.bytes)
    await checkRoom(disk, store, Math.min(artifact.tree.bytes, artifact.bytes))
  }

  /** Calls `full` at each look that finds the disk of the store nearly full. */
  watch(full: (error: OtaError) => void): void {
    if (this.#closed) return
    this.#cancel = this.#ports.clock.after(lookEveryMs, () => {
      this.#look(full).catch(inBackground)
    })
  }

  close(): void {
    this.#closed = true
    this.#cancel()
  }

  async #look(full: (error: OtaError) => void): Promise<void> {
    try {
      await need(this.#ports.disk, this.#what.store, reserveBytes)
    } catch (error) {
      if (!(error instanceof OtaError)) throw error
      if (!this.#closed) full(error)
    }
    this.watch(full)
  }
}

/** Room for a core of so many bytes in the store. Throws `NO_SPACE`. */
export async function checkRoom(disk: Disk, store: string, bytes: number): Promise<void> {
  await need(disk, store, bytes + reserveBytes)
}

async function need(disk: Disk, folder: string, bytes: number): Promise<void> {
  const free = await disk.freeBytes(folder)
  if (free >= bytes) return
  const facts = { have: free, need: bytes }
  throw new OtaError('NO_SPACE', `${bytes} free bytes are needed in "${folder}"`, {
    facts,
    hint: 'free some: it goes on by itself'
  })
}
