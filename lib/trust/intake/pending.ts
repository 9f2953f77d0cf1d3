import { compare, pendingPerKeyMax, toHex } from '../../base/index.ts'
import type { Believed, Held } from '../belief/believed.ts'
import { countUnderCurrent } from '../belief/judge.ts'
import type { AnyKnown } from '../belief/known.ts'

/**
 * Ids, in hex, of what is not worth its place on disk: refused now, or short of its quorum and
 * without a valid signature of a current key of its role, or behind the 16 newest of each of its
 * signers (S99). The newest stay, so that abandoned drafts never block a new one.
 */
export function superfluous(believed: Believed): ReadonlySet<string> {
  const { trust } = believed
  const drop = new Set<string>()
  const byKey = new Map<string, Held[]>()
  for (const [hex, held] of believed.held) {
    if (held.settled || held.standing.tag === 'admitted' || held.standing.tag === 'kept') continue
    drop.add(hex)
    if (held.standing.tag === 'refused' || trust === null) continue
    for (const { key } of countUnderCurrent(held.any, trust).signers) {
      const list = byKey.get(toHex(key)) ?? []
      byKey.set(toHex(key), [...list, held])
    }
  }
  for (const list of byKey.values()) {
    for (const { any } of list.toSorted(newestFirst).slice(0, pendingPerKeyMax)) {
      drop.delete(toHex(any.known.id))
    }
  }
  return drop
}

function newestFirst(a: Held, b: Held): number {
  return issuedMs(b.any) - issuedMs(a.any) || compare(a.any.known.id, b.any.known.id)
}

/** The date inside; 0 for a type that cannot be read. */
function issuedMs(any: AnyKnown): number {
  if (any.tag === 'other') return 0
  return any.tag === 'trust' ? any.known.body.issuedMs : any.known.body.head.issuedMs
}
