import { fromText, type Bytes } from '../base/index.ts'
import type { CoreRef } from '../records/index.ts'
import { hash } from '../trust/index.ts'

/**
 * How much a node carries for others. `full`: every tree it installs, large ones by ticket;
 * `sparse`: what it fetched, and whole trees by ticket; `off`: only what it is fetching itself.
 */
export type Seed = 'full' | 'sparse' | 'off'

/** Stored bytes above which not everybody carries a tree whole. */
const largeBytes = 256_000_000
/** Of large trees, one node in so many. */
const oneIn = 4

/**
 * Whether a node makes a core whole for others (S109). The ticket is its own: about one node in
 * four draws each core, and the same ones each time. Without a ticket it always does.
 */
export function makesWhole(seed: Seed, ticket: Bytes | null, core: CoreRef): boolean {
  if (seed === 'off') return false
  if (seed === 'full' && (core.bytes <= largeBytes || ticket === null)) return true
  if (ticket === null) return false
  const [first = 0] = hash([fromText('upswell/seed/v1'), ticket, core.key])
  return first % oneIn === 0
}
