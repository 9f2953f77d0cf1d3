import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import Corestore from 'corestore'

/** A peer that follows the app's core and asks again as soon as its connection is gone. */
export class Peer {
  readonly #store: Corestore
  readonly #port: number
  #socket: Socket | null = null
  #lastMs = 0
  #gapMs = 0
  #closed = false
  blocks = 0

  constructor(folder: string, port: number) {
    this.#store = new Corestore(join(folder, 'peer'))
    this.#port = port
  }

  /** Longest time without a new block so far; begins anew. */
  takeGap(): number {
    const gap = this.#gapMs
    this.#gapMs = 0
    return gap
  }

  async follow(key: string): Promise<void> {
    const core = this.#store.get({ key: Buffer.from(key, 'hex') })
    await core.ready()
    core.on('append', () => {
      const nowMs = performance.now()
      if (this.#lastMs > 0) this.#gapMs = Math.max(this.#gapMs, nowMs - this.#lastMs)
      this.#lastMs = nowMs
      this.blocks = core.length
    })
    // Everything there will be, which our own types of hypercore leave out.
    core.download({ start: 0, end: -1 } as never)
    this.#dial()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#socket?.destroy()
    await this.#store.close()
  }

  #dial(): void {
    if (this.#closed) return
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    const stream = this.#store.replicate(true) as Duplex
    stream.on('error', () => undefined)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      stream.destroy()
      setTimeout(() => this.#dial(), 10)
    })
    socket.pipe(stream).pipe(socket)
  }
}
