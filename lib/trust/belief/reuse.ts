import { equal, toHex } from '../../base/index.ts'
import { trustOf } from './chain.ts'
import { drawsOf } from './drawers.ts'
import type { KnownRelease } from './known.ts'
import { compareOrder } from './order.ts'
import { countSigners, isMet } from './quorum.ts'
import type { Item, Scene, Standing } from './standing.ts'

type Entry<T> = [string, T]

/**
 * One draw number under two releases: the one with the higher (epoch, seq, channel, id) is refused
 * wherever both are known, whatever came first; both stay as the proof (S101).
 */
export function withoutReuse<T extends Item & { readonly standing: Standing }>(
  entries: readonly Entry<T>[],
  scene: Scene
): Entry<T>[] {
  const first = new Map<number, KnownRelease>()
  for (const [, item] of entries) {
    if (item.any.tag !== 'release' || !hasDrawn(item.any.known, item, scene)) continue
    const { drawNumber } = item.any.known.body
    const holder = drawNumber === null ? undefined : first.get(drawNumber)
    if (drawNumber === null) continue
    if (holder === undefined || compareDraw(item.any.known, holder) < 0) {
      first.set(drawNumber, item.any.known)
    }
  }
  return entries.map(([hex, item]) => {
    const { any, standing } = item
    if (any.tag !== 'release' || any.known.body.drawNumber === null) return [hex, item]
    const holder = first.get(any.known.body.drawNumber)
    if (holder === undefined || equal(holder.id, any.known.id)) return [hex, item]
    if (standing.tag !== 'admitted') return [hex, item]
    const message = `draw number ${any.known.body.drawNumber} belongs to another release`
    return [hex, { ...item, standing: { tag: 'kept', code: 'DRAW_REUSED', message } }]
  })
}

/** Used up once a quorum, now or under the trust it names, stood beside all values. */
function hasDrawn(known: KnownRelease, { standing, settled }: Judged, { chain }: Scene): boolean {
  if (standing.tag === 'admitted' || settled) return true
  const named = trustOf(chain.path, known.body.head.trustId)
  if (named === null || drawsOf(known, named.body).tag !== 'complete') return false
  return isMet(countSigners(named.body, 'release', known))
}

interface Judged {
  readonly standing: Standing
  readonly settled: boolean
}

function compareDraw(a: KnownRelease, b: KnownRelease): number {
  const order = compareOrder(a.body, b.body)
  if (order !== 0) return order
  if (a.body.channel !== b.body.channel) return a.body.channel < b.body.channel ? -1 : 1
  return toHex(a.id) < toHex(b.id) ? -1 : 1
}
