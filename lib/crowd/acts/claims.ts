import { equal, toHex, type Bytes } from '../../base/index.ts'
import type { Beacon } from '../../records/index.ts'
import type { Believed } from '../../trust/index.ts'
import type { Act } from './act.ts'
import type { BeaconBook } from './beacon-book.ts'
import { staleMs } from './freshness.ts'
import type { Ground } from './ground.ts'
import type { Claim } from './types.ts'

/** Whether this node believes, or believed before, what a digest stands for. */
export type HadDigest = (digest: Bytes) => boolean

interface Word {
  readonly label: string
  readonly code: Claim['code']
  readonly said: Beacon
  /** The beacon before it of the same key said something this node lacks as well. */
  readonly again: boolean
}

/**
 * What fresh beacons name and this node never had (S39, S40). Each key speaks with its newest
 * beacon; the claim shown is the one that most of them make.
 */
export function claimOf(
  book: BeaconBook,
  ground: Ground,
  hadDigest: HadDigest,
  nowMs: number
): Claim | null {
  const words = [...ground.beacons].flatMap(([signer, { label }]): readonly Word[] => {
    const [newest, before] = book.saidBy(signer)
    if (newest === undefined || !isFresh(newest, nowMs)) return []
    const code = codeOf(newest.said, ground.believed, hadDigest)
    const was = before === undefined ? null : codeOf(before.said, ground.believed, hadDigest)
    return code === null ? [] : [{ label, code, said: newest.said, again: was !== null }]
  })
  const [first] = words.toSorted((a, b) => countOf(words, b) - countOf(words, a) || byWord(a, b))
  if (first === undefined) return null
  const { trustVersion, trustId, digest } = first.said
  return {
    code: first.code,
    by: words.map(({ label }) => label).toSorted(),
    majority: words.length * 2 > ground.beacons.size,
    alarm: words.some(({ again }) => again),
    trustVersion,
    trustId,
    digest
  }
}

function isFresh({ tsMs, endMs }: Act<Beacon>, nowMs: number): boolean {
  return nowMs < tsMs + staleMs && nowMs <= endMs
}

/** Null: nothing that this node lacks; the beacon says the same, or is behind. */
function codeOf(
  { trustVersion, trustId, digest }: Beacon,
  believed: Believed,
  hadDigest: HadDigest
): Claim['code'] | null {
  const { trust, trusts, fork } = believed
  // an older trust may have been skipped on the way to the current one: nothing is missing
  const isAhead = trustVersion >= (trust?.body.version ?? 0)
  const hasTrust = [...trusts, ...fork].some(({ id }) => equal(id, trustId))
  if (isAhead && !hasTrust) return 'TRUST_WITHHELD'
  return hadDigest(digest) ? null : 'WITHHELD'
}

function countOf(words: readonly Word[], word: Word): number {
  return words.filter(
    ({ code, said }) => code === word.code && equal(said.digest, word.said.digest)
  ).length
}

/** A missing trust first, then the higher version, then the smaller digest. */
function byWord(a: Word, b: Word): number {
  if (a.code !== b.code) return a.code === 'TRUST_WITHHELD' ? -1 : 1
  if (a.said.trustVersion !== b.said.trustVersion) return b.said.trustVersion - a.said.trustVersion
  return toHex(a.said.digest) < toHex(b.said.digest) ? -1 : 1
}
