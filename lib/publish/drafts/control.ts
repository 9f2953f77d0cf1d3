import { OtaError, equal, toHex, type Bytes } from '../../base/index.ts'
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
  /** Widen only: the stage to go to, as `watch` counts them; 0 otherwise. */
  readonly stage: number
  /** Resume only: ids of what it lifts, each of them in `inForce`. */
  readonly lifts: readonly Bytes[]
  /** Resume only: what it may lift. */
  readonly inForce: readonly InForce[]
  /** Resume only: reporting keys that no longer count. */
  readonly exclude: readonly Bytes[]
  /** Resume only: the highest number that a key here has signed; it signs none of them again. */
  readonly signed?: number
  readonly nowMs: number
}

/** Something that stands against a release, and that a resume may lift by its id. */
export interface InForce {
  readonly id: Bytes
  readonly what: 'pause' | 'abort' | 'floor' | 'brake' | 'dispute'
  /** Labels of who said it. */
  readonly by: readonly string[]
  /** As they gave it, for people; may be empty. */
  readonly reason: string
  /** When it ends by itself, unix ms; null: not before a resume. */
  readonly untilMs: number | null
}

/** What single keys said of a release, as the evidence of this home shows it. */
export interface Against {
  readonly brakes: readonly {
    readonly id: Bytes
    readonly label: string
    readonly reason: string
    readonly note: string
    readonly untilMs: number
  }[]
  readonly disputes: readonly {
    readonly id: Bytes
    readonly label: string
    readonly organisation: string
    readonly treeDigest: Bytes
  }[]
}

/**
 * A pause, resume, abort or widen of `release`, as a draft. The trust it names decides whose
 * signatures refuse; a resume takes the next number, the others the number in force. Throws
 * `CONTROL_OUT_OF_BOUNDS` for a stage outside the signed plan (S66).
 */
export function draftControl(
  believed: Believed,
  release: KnownRelease,
  options: ControlOptions
): Draft {
  const { action } = options
  const number = resumeNumber(believed, release.id)
  if (action === 'resume') refuseIdleResume(release, options)
  if (action === 'widen') refuseOutOfPlan(release, options.stage)
  const control: Control = {
    head: headOf(currentTrust(believed), options.nowMs),
    action,
    release: release.id,
    resume: action === 'resume' ? Math.max(number, options.signed ?? 0) + 1 : number,
    floor: options.floor,
    stage: action === 'widen' ? options.stage : 0,
    lifts: options.lifts,
    exclude: options.exclude,
    reason: options.reason,
    ext: []
  }
  return draftOf(believed.network, { tag: 'control', control })
}

/** Everything in force against a release: refusals of a quorum, brakes and disputes of one key. */
export function inForce(
  believed: Believed,
  release: Bytes,
  { brakes, disputes }: Against
): readonly InForce[] {
  const { paused, aborted, floor } = refusals(believed, release)
  const found = [
    ...paused.map((id) => refusalOf(believed, id, 'pause')),
    ...aborted.map((id) => refusalOf(believed, id, 'abort'))
  ]
  const named = new Set(found.map(({ id }) => toHex(id)))
  if (floor !== null && !named.has(toHex(floor.by)) && !isLifted(believed, floor.by)) {
    found.push(refusalOf(believed, floor.by, 'floor'))
  }
  const alone: InForce[] = brakes.map(({ id, label, reason, note, untilMs }) => {
    const text = reason === 'other' ? note : `${reason}: ${note}`
    return { id, what: 'brake', by: [label], reason: text, untilMs }
  })
  for (const { id, label, organisation, treeDigest } of disputes) {
    const reason = `${organisation} built ${toShortName(treeDigest)}`
    alone.push({ id, what: 'dispute', by: [label], reason, untilMs: null })
  }
  return [...found, ...alone]
}

function refusalOf(believed: Believed, id: Bytes, what: InForce['what']): InForce {
  const any = believed.held.get(toHex(id))?.any
  const untilMs = null
  if (any?.tag === 'control') {
    const by = labelsOf(believed, any.known.signers)
    return { id, what, by, reason: any.known.body.reason, untilMs }
  }
  // a floor may be set by a release, which says nothing about why
  return {
    id,
    what,
    by: any === undefined ? [] : labelsOf(believed, any.known.signers),
    reason: '',
    untilMs
  }
}

/** Labels of keys as the newest trust that lists them gives them; strangers are left out. */
export function labelsOf({ trusts }: Believed, keys: readonly Bytes[]): readonly string[] {
  return keys.flatMap((key) => {
    for (const { body } of trusts.toReversed()) {
      const members = body.roles.flatMap((role) => role.members)
      const found = members.find((member) => equal(member.key, key))
      if (found !== undefined) return [found.label]
    }
    return []
  })
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

function refuseIdleResume({ id }: KnownRelease, { lifts, inForce: known }: ControlOptions): void {
  const stranger = lifts.find((lift) => !known.some((one) => equal(one.id, lift)))
  if (stranger === undefined) return
  throw new OtaError('USAGE', `${toShortName(stranger)} is not in force on ${toShortName(id)}`)
}

/** The first stage is begun by nobody's leave, and the list ends where it was signed to end. */
function refuseOutOfPlan({ id, body }: KnownRelease, stage: number): void {
  const { plan } = body.policy
  const last = plan.stages.length
  if (!plan.small && stage >= 2 && stage <= last) return
  const what = `release ${toShortName(id)}`
  if (plan.small || last < 2) {
    const why = plan.small ? 'goes node by node' : 'has one stage'
    throw new OtaError('CONTROL_OUT_OF_BOUNDS', `${what} ${why}: there is no stage to widen to`)
  }
  throw new OtaError(
    'CONTROL_OUT_OF_BOUNDS',
    `${what} can be widened to stage 2 to ${last} of its signed plan, not ${stage}`,
    { facts: { stage, stages: last } }
  )
}
