import { compare, equal, toHex, type Bytes } from '../../base/index.ts'
import type { Believed } from '../belief/believed.ts'
import type { Floor } from '../../records/index.ts'
import type { KnownControl, KnownRelease } from '../belief/known.ts'
import { compareOrder } from '../belief/order.ts'
import { countSigners, isMet } from '../belief/quorum.ts'
import { namedTrust } from '../belief/settle.ts'

export interface Permission {
  readonly have: number
  readonly need: number
  /** Labels of those who count, in the order of the trust. */
  readonly signers: readonly string[]
}

/**
 * design 1: permission is judged now, under the *current* trust, each key once; callers ask again
 * just before they install (S6, S19). 0 of 1 where no trust is here.
 */
export function permission(
  { trust }: Believed,
  release: Pick<KnownRelease, 'signers'>
): Permission {
  if (trust === null) return { have: 0, need: 1, signers: [] }
  const { have, need, signers } = countSigners(trust.body, 'release', release)
  return { have, need, signers: signers.map(({ label }) => label) }
}

/** Refusals in force on one release; each list holds the ids of the statements. */
export interface Refusals {
  readonly paused: readonly Bytes[]
  readonly aborted: readonly Bytes[]
  /** The floor it lies below: who set it, and the release it names. */
  readonly floor: { readonly by: Bytes; readonly release: Bytes } | null
}

/**
 * design 1: refusal was counted under the trust it names and stays until a current quorum lifts it
 * by id (S65). It touches only releases that name that trust or an older one (S92); of a release
 * not held, every one that names it.
 */
export function refusals(believed: Believed, releaseId: Bytes): Refusals {
  const held = believed.held.get(toHex(releaseId))?.any
  const release = held?.tag === 'release' ? held.known : null
  const named = standing(believed).filter(
    ({ body }) => equal(body.release, releaseId) && touches(body.head.trustVersion, release)
  )
  return {
    paused: named.filter(({ body }) => body.action === 'pause').map(({ id }) => id),
    aborted: named.filter(({ body }) => body.action === 'abort').map(({ id }) => id),
    floor: release === null ? null : floorAbove(believed, release)
  }
}

/** A floor in force in a channel: no node goes below `release`, set by statement `by`. */
interface FloorInForce {
  readonly by: Bytes
  readonly trustVersion: number
  readonly release: KnownRelease
}

/** Floors of a channel that name a release held here, highest first. */
function floors(believed: Believed, channel: string): readonly FloorInForce[] {
  const found: FloorInForce[] = []
  const add = (by: Bytes, trustVersion: number, release: KnownRelease | null): void => {
    if (release?.body.channel === channel) found.push({ by, trustVersion, release })
  }
  for (const { id, body } of standing(believed)) {
    add(id, body.head.trustVersion, target(believed, body.floor, body.release))
  }
  for (const { any } of believed.held.values()) {
    if (any.tag !== 'release' || !setsFloor(believed, any.known)) continue
    const { id, body } = any.known
    add(id, body.head.trustVersion, target(believed, body.floor, id))
  }
  return found.toSorted(
    (a, b) => compareOrder(b.release.body, a.release.body) || compare(a.by, b.by)
  )
}

/**
 * The resume number of a release: how often its rollout was resumed, 0 at first. It only rises
 * (S65).
 */
export function resumeNumber(believed: Believed, releaseId: Bytes): number {
  const numbers = resumesOf(believed, releaseId).map(({ body }) => body.resume)
  return Math.max(0, ...numbers)
}

/** Reporting keys that no longer count under the number in force; lists of equal numbers unite. */
export function excludedKeys(believed: Believed, releaseId: Bytes): readonly Bytes[] {
  const number = resumeNumber(believed, releaseId)
  const resumes = resumesOf(believed, releaseId).filter(({ body }) => body.resume === number)
  const keys = new Map(resumes.flatMap(({ body }) => body.exclude.map((key) => [toHex(key), key])))
  return [...keys.values()]
}

/** The furthest stage a quorum has widened to under the number in force, or null. */
export function widenedTo(believed: Believed, releaseId: Bytes): number | null {
  const number = resumeNumber(believed, releaseId)
  const stages = believed.controls
    .filter(({ body }) => body.action === 'widen' && equal(body.release, releaseId))
    .filter(({ body }) => body.resume === number)
    .map(({ body }) => body.stage)
  return stages.length === 0 ? null : Math.max(...stages)
}

/** Whether a resume has lifted this statement: a control, a floor, a brake, a dispute. */
export function isLifted(believed: Believed, id: Bytes): boolean {
  return believed.lifted.has(toHex(id))
}

function resumesOf({ controls }: Believed, releaseId: Bytes): readonly KnownControl[] {
  return controls.filter(({ body }) => body.action === 'resume' && equal(body.release, releaseId))
}

/** Pauses and aborts that no resume has lifted. */
function standing(believed: Believed): readonly KnownControl[] {
  return believed.controls.filter(
    ({ id, body }) =>
      (body.action === 'pause' || body.action === 'abort') && !isLifted(believed, id)
  )
}

function touches(trustVersion: number, release: Pick<KnownRelease, 'body'> | null): boolean {
  return release === null || release.body.head.trustVersion <= trustVersion
}

function floorAbove(believed: Believed, release: KnownRelease): Refusals['floor'] {
  const above = floors(believed, release.body.channel).find(
    (floor) =>
      touches(floor.trustVersion, release) && compareOrder(release.body, floor.release.body) < 0
  )
  return above === undefined ? null : { by: above.by, release: above.release.id }
}

/** The floor of a release is a refusal: counted under the trust it names, until lifted by id. */
function setsFloor(believed: Believed, { id, body, signers }: KnownRelease): boolean {
  if (body.floor.tag === 'none' || isLifted(believed, id)) return false
  const standingNow = believed.held.get(toHex(id))?.standing.tag
  if (standingNow === 'admitted') return true
  const named = namedTrust(believed, body.head.trustId)
  return (
    standingNow === 'pending' &&
    named !== null &&
    isMet(countSigners(named.body, 'release', { signers }))
  )
}

function target(believed: Believed, floor: Floor, self: Bytes): KnownRelease | null {
  if (floor.tag === 'none') return null
  const any = believed.held.get(toHex(floor.tag === 'self' ? self : floor.id))?.any
  return any?.tag === 'release' ? any.known : null
}
