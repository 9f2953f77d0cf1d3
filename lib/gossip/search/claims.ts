import { isOtaError, toHex, type Bytes } from '../../base/index.ts'
import { decodeEvidence, type SetRef } from '../../records/index.ts'
import { shed } from '../pick.ts'
import type { AuthoritySource } from '../ports.ts'

const beaconType = 51
/** Digests remembered as asked for; a beacon repeats its own every ten minutes. */
const askedMax = 64

/**
 * What beacons name and this node never believed: it is asked for at once, and once. Whether to
 * wait for it, and to go on searching, is for others to decide (S39, S40).
 */
export class Claims {
  readonly #network: Bytes
  readonly #authority: AuthoritySource
  readonly #asked = new Set<string>()

  constructor(network: Bytes, authority: AuthoritySource) {
    this.#network = network
    this.#authority = authority
  }

  /** Whether `item`, which the pool has accepted into `ref`, names something new to ask for. */
  isNew(item: Bytes, ref: SetRef | null): boolean {
    if (ref?.type !== beaconType) return false
    const digest = this.#digestOf(item)
    if (digest === null || this.#authority.hadDigest(digest)) return false
    const name = toHex(digest)
    if (this.#asked.has(name)) return false
    this.#asked.add(name)
    shed(this.#asked, askedMax)
    return true
  }

  #digestOf(item: Bytes): Bytes | null {
    try {
      const { body } = decodeEvidence(item, this.#network)
      return body.tag === 'beacon' ? body.beacon.digest : null
    } catch (error) {
      if (!isOtaError(error)) throw error
      return null
    }
  }
}
