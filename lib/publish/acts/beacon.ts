import { DAY, SECOND, alloc } from '../../base/index.ts'
import type { EvidenceDraft } from '../../records/index.ts'
import { authorityDigest, type Believed } from '../../trust/index.ts'
import { currentTrust } from '../drafts/control.ts'

/**
 * "This is what I believe now": version and id of the trust and the digest of all else. It can only
 * make nodes wait. Throws `TRUST_GAP` before there is a trust.
 */
export function draftBeacon(believed: Believed, seq: number): EvidenceDraft {
  const { body, id } = currentTrust(believed)
  const digest = authorityDigest(believed)
  return {
    subject: alloc(16),
    stage: 0,
    interval: 0,
    seq,
    ttlS: DAY / SECOND,
    body: { tag: 'beacon', beacon: { trustVersion: body.version, trustId: id, digest } }
  }
}
