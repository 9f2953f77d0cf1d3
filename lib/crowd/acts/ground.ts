import { toHex } from '../../base/index.ts'
import type { Member, RoleName } from '../../records/index.ts'
import { countSigners, membersOf, type Believed, type KnownRelease } from '../../trust/index.ts'

/** Who may act, and on what, read from one belief. */
export interface Ground {
  readonly believed: Believed
  /** Members of the current trust by the hex of their keys: a key it drops says nothing more. */
  readonly builders: ReadonlyMap<string, Member>
  readonly brakers: ReadonlyMap<string, Member>
  readonly beacons: ReadonlyMap<string, Member>
  /** Different keys that must brake before it acts, and that must be heard to be fresh. */
  readonly brakesNeeded: number
  readonly beaconsNeeded: number
  /** Releases by the subject of evidence about them: the first 16 bytes of the id, in hex. */
  readonly releases: ReadonlyMap<string, KnownRelease>
}

export function groundOf(believed: Believed): Ground {
  return {
    believed,
    builders: roleOf(believed, 'build'),
    brakers: roleOf(believed, 'brake'),
    beacons: roleOf(believed, 'beacon'),
    brakesNeeded: needOf(believed, 'brake'),
    beaconsNeeded: needOf(believed, 'beacon'),
    releases: new Map(releasesOf(believed).map((known) => [subjectOf(known), known]))
  }
}

/**
 * Releases that had their quorum once. One that waits for the signatures of a new trust keeps what
 * was said of it (S91); drafts have nothing said of them yet.
 */
function releasesOf({ releases, held }: Believed): readonly KnownRelease[] {
  const settled = [...held.values()].flatMap(({ any, settled: was }) =>
    any.tag === 'release' && was ? [any.known] : []
  )
  return [...settled, ...releases]
}

function subjectOf({ id }: KnownRelease): string {
  return toHex(id.subarray(0, 16))
}

function roleOf({ trust }: Believed, role: RoleName): ReadonlyMap<string, Member> {
  const members = trust === null ? [] : membersOf(trust.body, role)
  return new Map(members.map((member) => [toHex(member.key), member]))
}

function needOf({ trust }: Believed, role: RoleName): number {
  return trust === null ? 1 : countSigners(trust.body, role, { signers: [] }).need
}
