import { join } from 'node:path'
import type { Offer } from '../../../crowd/index.ts'
import type { Store } from '../../../feed/index.ts'
import { toName } from '../../../trust/index.ts'
import type { Ground } from '../ground.ts'
import type { Shelf } from './ports.ts'

export const platform = `${process.platform}-${process.arch}`

/** A home as files see it. `hear` takes what single keys said: into the pool, or to peers too. */
export function shelfOf(
  { authority, clock, disk, home, pool }: Ground,
  store: Store,
  hear: (wire: Uint8Array) => Offer
): Shelf {
  return {
    disk,
    home,
    authority,
    pool,
    store,
    nowMs: () => clock.wallMs(),
    hear,
    versionOf: (release) => join(home, 'versions', toName(release))
  }
}
