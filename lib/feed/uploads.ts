import type Corestore from 'corestore'
import type { BlockMessage, HypercorePeer, InnerCore } from 'hypercore'
import { KIB, SECOND, type Clock } from '../base/index.ts'
import { inBackground } from '../base/life.ts'

/** How often it is looked whether more may be sent. */
const lookEveryMs = 50
/** After a pause so much goes out at once: one block of the largest kind. */
const burstBytes = 256 * KIB

interface Asker {
  readonly serve: (message: BlockMessage) => Promise<void>
  readonly queue: BlockMessage[]
}

/**
 * Holds what static cores send to so many bytes per second. Hypercore has no limit of its own and
 * no pause for one channel; here a request for a block waits before it is looked at, and askers
 * take turns. Nothing is held on the wire, so gossip on the same connection is not slowed, and
 * statements in feeds are never held.
 */
export class Uploads {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  readonly #askers = new Map<HypercorePeer, Asker>()
  #tokens = burstBytes
  #countedMs: number
  #cancel: (() => void) | null = null
  #isServing = false
  #closed = false

  constructor(clock: Clock, store: Corestore, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
    this.#countedMs = clock.steadyMs()
    store.watch((core) => this.#hold(core))
  }

  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#askers.clear()
  }

  /* oxlint-disable no-underscore-dangle -- hypercore's own names; `test/contract` holds them */
  #hold(core: InnerCore): void {
    const { replicator } = core
    const addPeer = replicator._addPeer.bind(replicator)
    replicator._addPeer = (peer) => {
      this.#holdPeer(core, peer)
      addPeer(peer)
    }
    const noteUpload = replicator._onupload.bind(replicator)
    replicator._onupload = (index, bytes, peer) => {
      if (isStatic(core)) this.#tokens -= bytes
      noteUpload(index, bytes, peer)
    }
  }
  /* oxlint-enable no-underscore-dangle */

  #holdPeer(core: InnerCore, peer: HypercorePeer): void {
    const serve = peer.onrequest.bind(peer)
    const cancel = peer.oncancel.bind(peer)
    const queue: BlockMessage[] = []
    const onrequest = async (message: BlockMessage): Promise<void> => {
      if (message.block === null || !isStatic(core)) return await serve(message)
      queue.push(message)
      this.#askers.set(peer, { serve, queue })
      this.#pump()
    }
    const oncancel = (message: { readonly request: number }): void => {
      const at = queue.findIndex(({ id }) => id === message.request)
      if (at !== -1) queue.splice(at, 1)
      cancel(message)
    }
    // Its channel calls both by name.
    Object.assign(peer, { onrequest, oncancel })
  }

  #pump(): void {
    if (this.#closed || this.#isServing || this.#askers.size === 0) return
    this.#refill()
    if (this.#tokens > 0) this.#serveOne().catch(inBackground)
    else this.#pumpLater()
  }

  #pumpLater(): void {
    this.#cancel ??= this.#clock.after(lookEveryMs, () => {
      this.#cancel = null
      this.#pump()
    })
  }

  /** One at a time: how large a block is shows only once it is sent. */
  async #serveOne(): Promise<void> {
    this.#isServing = true
    try {
      const next = this.#next()
      if (next === null) return
      const { peer, asker, message } = next
      await asker.serve(message).catch((error: unknown) => {
        // As the connection would have it from hypercore itself: too many requests make no sense.
        peer.stream.destroy(error)
      })
    } finally {
      this.#isServing = false
    }
    if (this.#next(false) === null) this.#pumpLater()
    else this.#pump()
  }

  /** The next asker in turn whose connection takes more; what is gone is forgotten. */
  #next(take = true): { peer: HypercorePeer; asker: Asker; message: BlockMessage } | null {
    for (const [peer, asker] of Array.from(this.#askers)) {
      const [message] = asker.queue
      if (peer.removed || message === undefined) this.#askers.delete(peer)
      else if (peer.protomux.drained) {
        if (!take) return { peer, asker, message }
        asker.queue.shift()
        this.#askers.delete(peer)
        this.#askers.set(peer, asker)
        return { peer, asker, message }
      }
    }
    return null
  }

  #refill(): void {
    const nowMs = this.#clock.steadyMs()
    const more = ((nowMs - this.#countedMs) * this.#bytesPerSecond) / SECOND
    this.#tokens = Math.min(burstBytes, this.#tokens + more)
    this.#countedMs = nowMs
  }
}

/** Nobody can append to it: a tree core or a patch core. */
function isStatic({ header }: InnerCore): boolean {
  return (header?.manifest?.prologue ?? null) !== null
}
