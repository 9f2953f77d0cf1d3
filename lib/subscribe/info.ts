import { OtaError } from '../base/index.ts'
import type { Artifact } from '../records/index.ts'
import { offerFor } from '../rollout/index.ts'
import { toName, type KnownRelease } from '../trust/index.ts'
import type { ReleaseInfo } from './subscription.ts'

/** A release as an app sees it, for the platform `platform`. */
export function describe({ id, body }: KnownRelease, platform: string): ReleaseInfo {
  const { channel, epoch, seq, label, notes, kind } = body
  const { artifact } = offerFor(body.artifacts, platform)
  return {
    id: toName(id),
    channel,
    epoch,
    seq,
    label,
    notes,
    kind,
    bytes: artifact?.bytes ?? null
  }
}

/**
 * The tree of a release for this platform; throws `NOT_ELIGIBLE` with wanted and has (S49),
 * `INCOMPLETE` where one of its components is not for this platform (S51).
 */
export function treeFor({ id, body }: KnownRelease, platform: string): Artifact {
  const { artifact, code, text } = offerFor(body.artifacts, platform)
  if (artifact !== null) return artifact
  const has = body.artifacts.map((one) => one.platform).join(', ') || 'none'
  const facts = { wanted: platform, has }
  if (code === 'INCOMPLETE') throw new OtaError(code, `release ${toName(id)}: ${text}`, { facts })
  throw new OtaError('NOT_ELIGIBLE', `release ${toName(id)} is not for ${platform}, has ${has}`, {
    facts
  })
}

/** Place of that tree among the artifacts, as builders name it; -1 if there is none. */
export function indexFor({ body }: KnownRelease, platform: string): number {
  return body.artifacts.findIndex((one) => one.component === '' && one.platform === platform)
}
