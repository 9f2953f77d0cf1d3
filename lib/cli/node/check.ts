import { equal, OtaError, SECOND, toHex, type Clock } from '../../base/index.ts'
import type { Node } from '../../node/index.ts'
import {
  admittedReleases,
  authorityDigest,
  compareOrder,
  toName,
  toShortName,
  type AnyKnown,
  type Believed
} from '../../trust/index.ts'
import { amount } from '../frame/index.ts'
import type { Around } from './around.ts'

/** Peers answer within a round trip; what takes longer comes by itself. */
const leastMs = SECOND
const mostMs = 6 * SECOND
const lookEveryMs = SECOND / 4

/** What `check` found; ids are z32 names. */
export interface CheckView {
  /** Peers that were asked, and those that believe by now exactly what this node does. */
  readonly asked: number
  readonly agree: number
  /** What came in by asking. */
  readonly news: readonly { readonly id: string; readonly type: string }[]
  /** Newest release above the one that runs, or null. */
  readonly newest: string | null
  readonly message: string
}

/**
 * Asks every peer now what it has, and waits for the answers. Throws `NO_PEERS` where nobody can be
 * asked, `NOTHING_TO_DO` when nothing came and nothing newer than what runs is known.
 */
export async function checkNow(
  node: Pick<Node, 'status'>,
  { clock, authority, pool, wire }: Pick<Around, 'clock' | 'authority' | 'pool' | 'wire'>
): Promise<CheckView> {
  const before = authority.believed
  if (ready(wire).length === 0) {
    throw new OtaError('NO_PEERS', 'no peer is connected that could be asked', {
      hint: 'see the peers with: ota-node status'
    })
  }
  // A search begins with asking everybody at once. One that is on already goes on by itself.
  const isSearching = wire.rung > 0
  wire.search(true)
  await answers(clock, () => agreeing(wire, authority.believed) === ready(wire).length)
  if (!isSearching && isCalm(pool, clock.wallMs())) wire.search(false)
  const { believed } = authority
  const news = newsOf(before, believed)
  const newest = newestAbove(believed, await node.status())
  const asked = ready(wire).length
  const who = `${amount(asked, 'peer')} asked`
  if (news.length === 0 && newest === null) {
    throw new OtaError('NOTHING_TO_DO', `${who}, there is nothing new`)
  }
  const came = news.length === 0 ? 'nothing came' : `${amount(news.length, 'statement')} came`
  const next = newest === null ? 'no newer release' : `newest release ${toShortName(newest)}`
  return {
    asked,
    agree: agreeing(wire, believed),
    news,
    newest: newest && toName(newest),
    message: `${who}: ${came}, ${next}`
  }
}

/** Nothing is missing that the conductor searches for by itself. */
function isCalm(pool: Around['pool'], nowMs: number): boolean {
  const { state } = pool.freshness(nowMs)
  return (state === 'none' || state === 'fresh') && pool.claim(nowMs) === null
}

function ready(wire: Around['wire']): ReturnType<Around['wire']['peers']> {
  return wire.peers().filter((peer) => peer.ready)
}

function agreeing(wire: Around['wire'], believed: Believed): number {
  const digest = authorityDigest(believed)
  return ready(wire).filter((peer) => peer.digest !== null && equal(peer.digest, digest)).length
}

/** Resolves when `agree` says so, not before the answers can be there, and in bounded time. */
function answers(clock: Clock, agree: () => boolean): Promise<void> {
  const startMs = clock.steadyMs()
  return new Promise((resolve) => {
    const look = (): void => {
      const passedMs = clock.steadyMs() - startMs
      if (passedMs >= mostMs || (passedMs >= leastMs && agree())) resolve()
      else clock.after(lookEveryMs, look)
    }
    look()
  })
}

function newsOf(before: Believed, after: Believed): CheckView['news'] {
  return [...after.held.values()].flatMap(({ any, standing }) => {
    const was = before.held.get(toHex(any.known.id))?.standing.tag
    const isNew = standing.tag === 'admitted' && was !== 'admitted'
    return isNew ? [{ id: toName(any.known.id), type: typeOf(any) }] : []
  })
}

function typeOf(any: AnyKnown): string {
  return any.tag === 'other' ? `type ${any.known.body.type}` : any.tag
}

function newestAbove(
  believed: Believed,
  { channel, running }: Awaited<ReturnType<Node['status']>>
): Uint8Array | null {
  const [newest] = admittedReleases(believed, channel)
  if (newest === undefined) return null
  return running === null || compareOrder(newest.body, running) > 0 ? newest.id : null
}
