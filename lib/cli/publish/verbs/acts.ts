import { HOUR, SECOND, equal, unreachable, type Bytes } from '../../../base/index.ts'
import type { Kept } from '../../../crowd/index.ts'
import { labelsOf } from '../../../publish/index.ts'
import { decodeEvidence, type Evidence } from '../../../records/index.ts'
import { evidenceId, isLifted, toShortName, type Believed } from '../../../trust/index.ts'
import { escapeText, formatDuration, type Value } from '../../frame/index.ts'

/** Something one key said alone, as `log` and `show` show it. */
export interface ActView {
  readonly id: Bytes
  readonly type: 'brake' | 'attest' | 'beacon'
  readonly key: Bytes
  /** As the newest trust that lists the key gives it. */
  readonly label: string
  /** When its signer dated it, unix ms. */
  readonly issued: number
  /** `live`, `over`, `lifted`; `equal` or `DISPUTE`; `newest` of a beacon. */
  readonly standing: string
  /** In words, escaped. */
  readonly text: string
  readonly facts: { readonly [name: string]: Value }
}

/** What single keys said, of what this home keeps. */
export function actsOf(
  believed: Believed,
  kept: readonly Kept[],
  nowMs: number
): readonly ActView[] {
  // beside statements a pool keeps marks of its own, of one byte
  return kept
    .filter(({ wire }) => wire.byteLength > 1)
    .flatMap((one) => viewOf(believed, one, nowMs) ?? [])
}

function viewOf(believed: Believed, { wire, receivedMs }: Kept, nowMs: number): ActView | null {
  const evidence = decodeEvidence(wire, believed.network)
  const { body, signer, tsS, subject } = evidence
  const common = {
    id: evidenceId(evidence),
    key: signer,
    label: labelsOf(believed, [signer])[0] ?? toShortName(signer),
    issued: tsS * SECOND
  }
  const about = releaseOf(believed, subject)
  const what = about === null ? 'a release not here' : `release ${toShortName(about.id)}`
  switch (body.tag) {
    case 'brake': {
      const { reason, note } = body.brake
      const lastsMs = Math.min(evidence.ttlS === 0 ? 24 * HOUR : evidence.ttlS * SECOND, 24 * HOUR)
      const untilMs = receivedMs + lastsMs
      const isOver = nowMs >= untilMs
      const standing = isLifted(believed, common.id) ? 'lifted' : isOver ? 'over' : 'live'
      const left = standing === 'live' ? `, ${formatDuration(untilMs - nowMs)} left` : ''
      const text = `${what}  ${reason}: "${escapeText(note)}"${left}`
      const facts = {
        release: about?.id ?? null,
        reason,
        note,
        received: receivedMs,
        until: untilMs
      }
      return { ...common, type: 'brake', standing, text, facts }
    }
    case 'attest':
      return { ...common, type: 'attest', ...attestWords(believed, evidence, what) }
    case 'beacon': {
      const { trustVersion, trustId, digest } = body.beacon
      const text = `trust ${trustVersion}  digest ${toShortName(digest)}  number ${evidence.seq}`
      const facts = { trustVersion, trustId, digest, seq: evidence.seq }
      return { ...common, type: 'beacon', standing: 'newest', text, facts }
    }
    case 'enrol':
    case 'outcome':
    case 'census':
    case 'verdict':
    case 'vote':
      // nodes say these, and no home keeps them
      return null
    default:
      return unreachable(body)
  }
}

function attestWords(believed: Believed, evidence: Evidence, what: string) {
  const { body, subject, stage } = evidence
  const treeDigest = body.tag === 'attest' ? body.attest.treeDigest : evidence.subject
  const release = releaseOf(believed, subject)
  const artifact = release?.body.artifacts[stage]
  const isEqual = artifact !== undefined && equal(artifact.treeDigest, treeDigest)
  const isOver = isLifted(believed, evidenceId(evidence))
  const standing = isOver ? 'lifted' : isEqual ? 'equal' : 'DISPUTE'
  const platform = artifact === undefined ? `artifact ${stage}` : escapeText(artifact.platform)
  const text = `${what} for ${platform}  built ${toShortName(treeDigest)}`
  return { standing, text, facts: { release: release?.id ?? null, artifact: stage, treeDigest } }
}

function releaseOf({ held }: Believed, subject: Bytes) {
  for (const { any } of held.values()) {
    if (any.tag !== 'release') continue
    if (equal(any.known.id.subarray(0, subject.byteLength), subject)) return any.known
  }
  return null
}
