import { equal, toHex, type Bytes } from '../../../base/index.ts'
import {
  equalNumbers,
  isLifted,
  liveIds,
  permission,
  refusals,
  resumeNumber,
  toName,
  widenedTo,
  type Believed,
  type KnownControl,
  type KnownRelease
} from '../../../trust/index.ts'
import type { ControlState, ReleaseState, TrustDump } from './types.ts'

/** Admitted releases by channel, newest first, with all that stands against each. */
export function channelsIn(believed: Believed): TrustDump['channels'] {
  const byChannel = new Map<string, ReleaseState[]>()
  for (const known of believed.releases) {
    const { channel } = known.body
    byChannel.set(channel, [...(byChannel.get(channel) ?? []), releaseIn(believed, known)])
  }
  return [...byChannel].map(([channel, releases]) => ({ channel, releases }))
}

function releaseIn(believed: Believed, known: KnownRelease): ReleaseState {
  const { id, body } = known
  const { label, kind, epoch, seq, head, artifacts } = body
  const { paused, aborted, floor } = refusals(believed, id)
  return {
    release: toName(id),
    label,
    kind,
    epoch,
    seq,
    ...permission(believed, known),
    trustVersion: head.trustVersion,
    resume: resumeNumber(believed, id),
    widenedTo: widenedTo(believed, id),
    paused: paused.map(toName),
    aborted: aborted.map(toName),
    below: floor && toName(floor.release),
    equals: equalNumbers(believed, known).map((other) => toName(other.id)),
    artifacts: artifacts.map(({ component, platform, treeDigest, entries, bytes }) => {
      return { component, platform, treeDigest: toName(treeDigest), entries, bytes }
    })
  }
}

/** Every control that is believed, live ones and those that were lifted. */
export function controlsIn(believed: Believed): readonly ControlState[] {
  const live = liveIds(believed)
  return believed.controls.map((control) => controlIn(believed, control, live))
}

function controlIn(
  believed: Believed,
  { id, body }: KnownControl,
  live: readonly Bytes[]
): ControlState {
  const { action, release, resume, stage, head, reason, lifts } = body
  return {
    id: toName(id),
    action,
    release: toName(release),
    resume,
    stage,
    trustVersion: head.trustVersion,
    issuedMs: head.issuedMs,
    reason,
    lifted: isLifted(believed, id),
    live: live.some((other) => equal(other, id)),
    lifts: lifts.map(toName)
  }
}

/** Floors that some release held here lies below. */
export function floorsIn(believed: Believed): TrustDump['floors'] {
  const found = new Map<string, TrustDump['floors'][number]>()
  for (const { any } of believed.held.values()) {
    if (any.tag !== 'release') continue
    const { floor } = refusals(believed, any.known.id)
    if (floor === null) continue
    const { by, release } = floor
    found.set(toHex(by), { by: toName(by), release: toName(release) })
  }
  return [...found.values()]
}
