import { OtaError, equal, type Bytes } from '../../base/index.ts'
import type { Control, Floor, Head } from '../../records/index.ts'
import {
  isLifted,
  refusals,
  resumeNumber,
  toShortName,
  type Believed,
  type KnownRelease,
  type KnownTrust
} from '../../trust/index.ts'
import { draftOf, type Draft } from '../papers/request.ts'

export interface ControlOptions {
  readonly action: Control['action']
  readonly reason: string
  /** Abort only; `none` otherwise. */
  readonly floor: Floor
  /** Resume only: ids of what it lifts. */
  readonly lifts: readonly Bytes[]
  /** Resume only: reporting keys that no longer count. */
  readonly exclude: readonly Bytes[]
  readonly nowMs: number
}

/**
 * A pause, resume or abort of `release`, as a draft. The trust it names decides whose signatures
 * refuse; a resume takes the next number, the others the number in force.
 */
export function draftControl(
  believed: Believed,
  release: KnownRelease,
  options: ControlOptions
): Draft {
  const inForce = resumeNumber(believed, release.id)
  if (options.action === 'resume') refuseIdleResume(believed, release, options.lifts)
  const control: Control = {
    head: headOf(currentTrust(believed), options.nowMs),
    action: options.action,
    release: release.id,
    resume: options.action === 'resume' ? inForce + 1 : inForce,
    floor: options.floor,
    stage: 0,
    lifts: options.lifts,
    exclude: options.exclude,
    reason: options.reason,
    ext: []
  }
  return draftOf(believed.network, { tag: 'control', control })
}

/** Everything in force against a release, by id: what a resume may lift. */
export function liftable(believed: Believed, release: Bytes): readonly Bytes[] {
  const { paused, aborted, floor } = refusals(believed, release)
  const ids = [...paused, ...aborted]
  if (floor !== null && !isLifted(believed, floor.by)) ids.push(floor.by)
  return ids
}

/** The trust that statements name now; throws `TRUST_GAP` before there is one. */
export function currentTrust({ trust }: Believed): KnownTrust {
  if (trust !== null) return trust
  throw new OtaError('TRUST_GAP', 'no trust is here yet', {
    hint: 'follow a network first: ota-publish join JOIN'
  })
}

/** What types 2 to 5 begin with. */
export function headOf(trust: KnownTrust, nowMs: number): Head {
  return { trustVersion: trust.body.version, trustId: trust.id, issuedMs: nowMs }
}

function refuseIdleResume(believed: Believed, release: KnownRelease, lifts: readonly Bytes[]) {
  const known = liftable(believed, release.id)
  const stranger = lifts.find((id) => !known.some((one) => equal(one, id)))
  if (stranger === undefined) return
  throw new OtaError(
    'USAGE',
    `${toShortName(stranger)} is not in force on ${toShortName(release.id)}`
  )
}
