import { isPeerFault } from '../../authority/index.ts'
import { equal, toHex, type Bytes } from '../../base/index.ts'
import type { Offer } from '../../crowd/index.ts'
import type { MirrorTaker } from '../../feed/index.ts'
import type { Wire } from '../../gossip/index.ts'
import type { Ground } from './ground.ts'

/** Evidence remembered as of no use here; then all is forgotten, which only costs asking again. */
const ignoredMax = 4_096

/** What mirrors bring goes the way of what peers bring, and is judged there. */
export function takerOf(
  { authority, pool }: Pick<Ground, 'authority' | 'pool'>,
  wire: Pick<Wire, 'publish' | 'peers'>
): MirrorTaker {
  const ignored = new Set<string>()
  return {
    wants: (ids) => authority.wants(ids),
    take: async (bytes, id) => {
      const verdict = await authority.intake(bytes, 'mirror')
      return !isPeerFault(verdict) && isOf(verdict.id, id)
    },
    lacks: (id) => !ignored.has(toHex(id)) && pool.get(id) === null,
    hear: (bytes, id) => {
      const offer = wire.publish(bytes)
      if (offer.answer === 'ignored') {
        if (ignored.size >= ignoredMax) ignored.clear()
        ignored.add(toHex(id))
      }
      return isHonest(offer, id)
    },
    hasPeers: () => wire.peers().some(({ ready }) => ready)
  }
}

/** What could not be read has no id, and was judged by its fault. */
function isOf(found: Bytes | null, id: Bytes): boolean {
  return found === null || equal(found, id)
}

function isHonest({ answer, id: found }: Offer, id: Bytes): boolean {
  return answer !== 'rejected' && isOf(found, id)
}
