import type Hypercore from 'hypercore'
import type { BlockRequest, HypercorePeer, InnerCore } from 'hypercore'
import { SECOND, type Clock } from '../base/index.ts'

/** A block that was asked of one peer so long ago is asked of a second one. */
const hedgeAfterMs = 2 * SECOND
/** Blocks asked twice at one look of a peer. */
const atOnceMax = 4

/**
 * Which blocks that are on their way are asked of one more peer. Hypercore asks up to three peers
 * for the same block as soon as they have nothing else to do, which doubles what a fetch costs
 * (measured); here only what is late is asked twice, and never thrice.
 */
export class Hedge {
  readonly #clock: Clock
  /** Oldest first. */
  readonly #since = new Map<BlockRequest, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes the place of hypercore's own queue in a core; doing so again changes nothing. */
  static into(core: Hypercore, clock: Clock): void {
    const { replicator } = core.core
    if (!(replicator.hotswaps instanceof Hedge)) replicator.hotswaps = new Hedge(clock)
  }

  add(block: BlockRequest): void {
    if (block.hotswap !== null) this.remove(block)
    if (block.inflight.length !== 1) return
    block.hotswap = { ref: this }
    this.#since.set(block, this.#clock.steadyMs())
  }

  remove(block: BlockRequest): void {
    block.hotswap = null
    this.#since.delete(block)
  }

  *pick(peer: HypercorePeer): Generator<BlockRequest> {
    const untilMs = this.#clock.steadyMs() - hedgeAfterMs
    let left = atOnceMax
    // What is yielded is asked for at once, and leaves the map by that.
    for (const [block, ms] of Array.from(this.#since)) {
      if (ms > untilMs || left === 0) return
      if (block.inflight.some((request) => request.peer === peer)) continue
      left -= 1
      yield block
    }
  }
}

/** Lets peers with nothing to do take over what is late at others; call it now and then. */
export function lookForLate({ replicator }: InnerCore): void {
  for (const peer of replicator.peers.slice()) replicator.updatePeer(peer)
}
