import { equal, PPM, type Bytes } from '../base/index.ts'
import { setKey } from '../records/index.ts'
import type { Peer } from './peer.ts'
import type { SetView } from '../crowd/index.ts'
import type { Round } from './walk.ts'

/** Peers that must agree that something is missing, before it counts as missing. */
const witnesses = 3
const settledRounds = 2
const settledPeers = 2
const skewPeersMin = 5
const stageType = 32

/** Whether the rounds since a moment suffice; what they brought must have had time to arrive. */
export function hasSettled(
  peers: readonly Peer[],
  rounds: readonly Round[],
  { sinceSteadyMs, nowMs }: { readonly sinceSteadyMs: number; readonly nowMs: number }
): boolean {
  const counted = peers.filter((peer) => peer.counted).length
  const through = rounds.filter(
    (round) => round.counted && round.startedMs >= sinceSteadyMs && round.doneMs <= nowMs
  )
  const partners = new Set(through.map(({ peer }) => peer))
  return through.length >= settledRounds && partners.size >= Math.min(settledPeers, counted)
}

/** Least share of own members over the stage sets of a rollout, in ppm; 1,000,000 without any. */
export function coverageOf(
  sets: readonly SetView[],
  { release, resume }: { readonly release: Bytes; readonly resume: number },
  unanswered: (set: string) => readonly number[]
): number {
  const subject = release.subarray(0, 8)
  const shares = sets
    .filter(({ ref }) => ref.type === stageType && ref.a === resume && equal(ref.subject, subject))
    .map(({ ref, count }) => {
      // Short ids differ per connection: at least three peers list no more than the third most.
      const missing = unanswered(setKey(ref)).toSorted((x, y) => y - x)[witnesses - 1] ?? 0
      return count + missing === 0 ? PPM : Math.floor((count * PPM) / (count + missing))
    })
  return Math.min(PPM, ...shares)
}

/** Median clock of outbound peers against ours, milliseconds; null with fewer than five. */
export function medianSkewMs(peers: readonly Peer[]): number | null {
  const skews = peers
    .filter(({ outbound, hello }) => outbound && hello !== null)
    .map(({ skewMs }) => skewMs)
    .toSorted((x, y) => x - y)
  if (skews.length < skewPeersMin) return null
  const middle = Math.floor(skews.length / 2)
  const [low = 0, high = 0] = [skews[skews.length % 2 === 0 ? middle - 1 : middle], skews[middle]]
  return Math.round((low + high) / 2)
}
