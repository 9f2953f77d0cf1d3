import { equal } from '../../base/index.ts'
import type { Release } from '../../records/index.ts'
import type { Believed } from './believed.ts'
import type { KnownRelease } from './known.ts'
import { placeIn } from './sorted.ts'

type Numbered = Pick<Release, 'epoch' | 'seq'>

/** design 1, order: (epoch, seq) within a channel. Negative, 0 or positive; 0 is S42's alarm. */
export function compareOrder(a: Numbered, b: Numbered): number {
  return a.epoch - b.epoch || a.seq - b.seq
}

/** The releases of a channel that are admitted now, newest first. */
export function admittedReleases(believed: Believed, channel: string): readonly KnownRelease[] {
  return believed.releases.filter(({ body }) => body.channel === channel)
}

/**
 * Other admitted releases with the channel and number of this one. Nobody starts any of them; who
 * runs one keeps it; any higher number ends it. There is no tie-break (S42).
 */
export function equalNumbers(believed: Believed, release: KnownRelease): readonly KnownRelease[] {
  const { releases } = believed
  const found: KnownRelease[] = []
  for (let at = placeIn(releases, release, byNumber); at < releases.length; at++) {
    const other = releases[at]
    if (other === undefined || byNumber(other, release) !== 0) break
    if (!equal(other.id, release.id)) found.push(other)
  }
  return found
}

type Placed = Pick<KnownRelease, 'body'>

/** Channels by name, in each the newest first. */
export function byNumber(a: Placed, b: Placed): number {
  if (a.body.channel !== b.body.channel) return a.body.channel < b.body.channel ? -1 : 1
  return compareOrder(b.body, a.body)
}
