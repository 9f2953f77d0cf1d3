import * as fs from 'node:fs/promises'
import { diskMarginBytes, type Clock } from '../../base/index.ts'
import { measureState } from './walk.ts'

const LOOK_MS = 200

/** Raised inside, and caught here. */
class NoRoom extends Error {}

/**
 * Looks at the room on disk while a hook writes: a migration that fills the disk must not take the
 * journal and the running app along (S73). `over`: it wrote more than it may, which is its own
 * fault; `none`: the disk has no room left though it wrote little.
 */
export class Watch {
  room: 'enough' | 'over' | 'none' = 'enough'
  readonly #clock: Clock
  readonly #folder: string
  readonly #most: number | null

  /** `most`: bytes that may lie in `folder`; null: as many as leave the margin free. */
  constructor(clock: Clock, folder: string, most: number | null) {
    this.#clock = clock
    this.#folder = folder
    this.#most = most
  }

  /** Null when it was ended for want of room; then `room` says whose. */
  async during<T>(
    work: (signal: AbortSignal) => Promise<T>,
    outer: AbortSignal | undefined
  ): Promise<T | null> {
    const own = new AbortController()
    const forward = (): void => own.abort(outer?.reason)
    outer?.addEventListener('abort', forward, { once: true })
    if (outer?.aborted === true) forward()
    const startFree = await freeOf(this.#folder)
    const stop = this.#look(startFree, (reason) => own.abort(reason))
    try {
      return await work(own.signal)
    } catch (error) {
      if (error instanceof NoRoom) return null
      throw error
    } finally {
      stop()
      outer?.removeEventListener('abort', forward)
      await this.#isFull({ startFree, atEnd: true })
    }
  }

  /** Looks every now and then until told to stop; `end` hears why it cannot go on. */
  #look(startFree: number, end: (reason: unknown) => void): () => void {
    let cancel: (() => void) | null = null
    let stopped = false
    const look = async (): Promise<void> => {
      if (await this.#isFull({ startFree, atEnd: false })) end(new NoRoom())
      else if (!stopped) cancel = this.#clock.after(LOOK_MS, () => void look().catch(end))
    }
    void look().catch(end)
    return () => {
      stopped = true
      cancel?.()
    }
  }

  /** Measures only where what went from the disk gives a reason to, and once at the end. */
  async #isFull(when: { readonly startFree: number; readonly atEnd: boolean }): Promise<boolean> {
    if (this.room !== 'enough') return true
    const folder = this.#folder
    const { startFree, atEnd } = when
    const free = await freeOf(folder)
    const isLow = free < diskMarginBytes / 2
    const most = this.#most ?? Math.max(startFree / 2, startFree - diskMarginBytes)
    if (!isLow && !atEnd && startFree - free < most) return false
    const { bytes } = await measureState(folder)
    if (bytes > most || (isLow && bytes > Math.max(startFree / 4, diskMarginBytes / 8)))
      this.room = 'over'
    else if (isLow) this.room = 'none'
    return this.room !== 'enough'
  }
}

/** Bytes that may be written to the disk of a path. */
export async function freeOf(folder: string): Promise<number> {
  const { bavail, bsize } = await fs.statfs(folder)
  return bavail * bsize
}
