import { compare, pendingPerKeyMax, toHex } from '../../base/index.ts'
import type { Held } from '../belief/believed.ts'
import { countUnderCurrent } from '../belief/judge.ts'
import type { Ledger } from '../belief/ledger.ts'
import { issuedMs } from './forget.ts'

/**
 * Ids, in hex, of what waits and is not worth its place on disk: refused now, or without a valid
 * signature of a current key of its role, or behind the 16 newest of each of its signers (S99). The
 * newest stay, so that abandoned drafts never block a new one.
 */
export function superfluous(ledger: Ledger): ReadonlySet<string> {
  const { trust } = ledger
  const drop = new Set<string>(ledger.waiting)
  const byKey = new Map<string, Held[]>()
  for (const hex of ledger.waiting) {
    const held = ledger.held.get(hex)
    if (held === undefined || held.standing.tag === 'refused' || trust === null) continue
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
