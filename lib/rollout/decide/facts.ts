import { equal, isOtaError, PPM, toHex, type Bytes } from '../../base/index.ts'
import { rolloutsOf, type Rollout } from '../../crowd/index.ts'
import {
  admittedReleases,
  compareOrder,
  equalNumbers,
  permission,
  refusals,
  widenedTo,
  type Believed,
  type KnownRelease,
  type Permission
} from '../../trust/index.ts'
import { checkPolicy } from '../plan/policy.ts'

/** What signers say of one release, admitted or short of its quorum. */
export interface Judged {
  readonly hex: string
  readonly id: Bytes
  readonly known: KnownRelease
  readonly permission: Permission
  readonly admitted: boolean
  readonly aborted: boolean
  readonly paused: boolean
  /** The release whose floor this one lies below. */
  readonly floor: Bytes | null
  readonly equals: number
}

/** What belief alone says of an admitted release; the same for every node of the channel. */
export interface ReleaseFacts extends Judged {
  readonly rollout: Rollout
  /** Entry that a quorum widened to, within the signed list; 0 none (S66). */
  readonly widenTo: number
  /** A newer admitted release ended this one where it is. */
  readonly superseded: boolean
  /** No earlier release of the channel is known: nothing to be compared with. */
  readonly first: boolean
  /** Why the policy cannot be followed; then everybody holds (S57). */
  readonly invalid: string | null
}

/** Releases of a channel, oldest first. Kept beside the belief it follows from. */
export function releasesOf(believed: Believed, channel: string): readonly ReleaseFacts[] {
  const byChannel = memo.get(believed) ?? new Map<string, readonly ReleaseFacts[]>()
  memo.set(believed, byChannel)
  const held = byChannel.get(channel)
  if (held !== undefined) return held
  const newest = admittedReleases(believed, channel)
  const out = newest
    .map((known) => factsOf(believed, known, newest))
    .toSorted((a, b) => compareOrder(a.known.body, b.known.body) || (a.hex < b.hex ? -1 : 1))
  byChannel.set(channel, out)
  return out
}

const memo = new WeakMap<Believed, Map<string, readonly ReleaseFacts[]>>()

function factsOf(
  believed: Believed,
  known: KnownRelease,
  all: readonly KnownRelease[]
): ReleaseFacts {
  const judged = judge(believed, known, true)
  const { hex } = judged
  const rollout = rolloutsOf(believed).get(hex)
  if (rollout === undefined) throw new Error(`release ${hex} is admitted and has no rollout`)
  const widened = widenedTo(believed, known.id) ?? 0
  const names = (id: Bytes | null) => id !== null && toHex(id) === hex
  return {
    ...judged,
    rollout,
    // S66: a widen past the signed list is void
    widenTo: widened <= rollout.bands.list.length ? widened : 0,
    superseded: all.some(
      ({ body }) =>
        compareOrder(body, known.body) > 0 && (names(body.supersedes) || names(body.fixes))
    ),
    first: !all.some(({ body }) => compareOrder(body, known.body) < 0),
    invalid: whyInvalid(rollout)
  }
}

/** A release as signers stand to it now, also one that is not admitted any more (S6, S19). */
export function judgedOf(believed: Believed, known: KnownRelease): Judged {
  const admitted = admittedReleases(believed, known.body.channel)
  return judge(
    believed,
    known,
    admitted.some(({ id }) => equal(id, known.id))
  )
}

function judge(believed: Believed, known: KnownRelease, admitted: boolean): Judged {
  const { aborted, paused, floor } = refusals(believed, known.id)
  return {
    hex: toHex(known.id),
    id: known.id,
    known,
    permission: permission(believed, known),
    admitted,
    aborted: aborted.length > 0,
    paused: paused.length > 0,
    floor: floor?.release ?? null,
    equals: equalNumbers(believed, known).length
  }
}

function whyInvalid({ policy, known }: Rollout): string | null {
  try {
    checkPolicy(policy)
  } catch (error) {
    if (isOtaError(error, 'POLICY_INVALID')) return error.message
    throw error
  }
  const { fixes } = known.body
  const forFixed = policy.plan.stages.some(({ who }) => who === 1)
  if (!policy.plan.small && forFixed !== (fixes !== null)) {
    return 'policy stages: entries for the nodes of a fixed release need `fixes`, and it needs them'
  }
  return null
}

/** Share of the fleet that a stage has exposed, in ppm. */
export function exposedPpm({ bands }: Rollout, stage: number): number {
  return bands.list[stage - 1]?.reachPpm ?? (stage > bands.list.length ? PPM : 0)
}
