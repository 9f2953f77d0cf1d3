import { MINUTE, toHex, type Bytes } from '../base/index.ts'
import type { Believed } from '../trust/index.ts'

/** Peers or feeds that must agree on the newest trust before a first install without checkpoint. */
const peersAgreeing = 4
const feedsAgreeing = 2
const agreeMs = MINUTE

export interface Sight {
  /** Peers that stand on a trust of the same version as this node. */
  readonly peersAgree: number
  /** Something is installed: the network is no stranger. */
  readonly runs: boolean
}

/**
 * Whether the newest trust may be built upon by a node that was told the network id only (S93): a
 * checkpoint of the join string that is met, or several sources that agree for a minute, or an
 * earlier install. Retired root keys do not own anybody's first look.
 */
export class Sources {
  #agreed: { readonly trust: string; readonly sinceMs: number } | null = null
  readonly #feeds = new Map<string, Set<string>>()

  /** A feed brought the statement of this id. */
  fromFeed(feed: Bytes, id: Bytes): void {
    const key = toHex(id)
    const feeds = this.#feeds.get(key) ?? new Set<string>()
    this.#feeds.set(key, feeds.add(toHex(feed)))
  }

  /**
   * Time in ms until the trust is settled if nothing changes: 0 now, null not in sight.
   * `steadyMs` never falls.
   */
  leftMs({ trust, checkpoint, fork }: Believed, sight: Sight, steadyMs: number): number | null {
    if (trust === null || fork.length > 0) return null
    if (sight.runs) return 0
    if (checkpoint !== null && trust.body.version >= checkpoint.version) return 0
    const hex = toHex(trust.id)
    const feeds = this.#feeds.get(hex)?.size ?? 0
    if (sight.peersAgree < peersAgreeing && feeds < feedsAgreeing) {
      this.#agreed = null
      return null
    }
    // The minute is for this trust: one that follows it has to stand as long.
    if (this.#agreed?.trust !== hex) this.#agreed = { trust: hex, sinceMs: steadyMs }
    return Math.max(0, this.#agreed.sinceMs + agreeMs - steadyMs)
  }
}
