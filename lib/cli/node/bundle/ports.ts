import type { Authority } from '../../../authority/index.ts'
import type { Bytes, Disk } from '../../../base/index.ts'
import type { Offer, Pool } from '../../../crowd/index.ts'
import type { Store } from '../../../feed/index.ts'

/** What a file is made from, and what it is taken into: a home, with its daemon or without. */
export interface Shelf {
  readonly disk: Disk
  /** The folder whose disk the cores fill. */
  readonly home: string
  readonly authority: Pick<Authority, 'believed' | 'intake' | 'list' | 'read'>
  readonly pool: Pick<Pool, 'kept'>
  readonly store: Pick<Store, 'hasWhole' | 'blocks' | 'buildTreeCore' | 'drop'>
  readonly nowMs: () => number
  /** Takes in what a single key said, as if a peer had. */
  readonly hear: (wire: Bytes) => Offer
  /** Folder of an installed version, from which its tree core can be made; it may be missing. */
  readonly versionOf: (release: Bytes) => string | null
}
