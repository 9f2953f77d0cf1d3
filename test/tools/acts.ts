import { alloc, HOUR, type Bytes } from '../../lib/base/index.ts'
import type { Beacon, Brake, Evidence, EvidenceDraft } from '../../lib/records/index.ts'
import {
  admit,
  authorityDigest,
  believeNothing,
  signEvidence,
  type Believed
} from '../../lib/trust/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import { idOf, person, testNowMs, type TestNetwork } from './people.ts'

/** What one key of the trust says alone, for tests: brakes, attestations, beacons of person `n`. */

/** What somebody believes who took these in, in this order. */
export function believing(network: TestNetwork, ...statements: readonly Statement[]): Believed {
  return [network.first, ...statements].reduce(taking, believeNothing(network.id))
}

export function taking(believed: Believed, statement: Statement): Believed {
  const verdict = admit(believed, statement, testNowMs)
  return ('believed' in verdict ? verdict.believed : null) ?? believed
}

interface Said {
  readonly network: Bytes
  /** Person who signs. */
  readonly by: number
  readonly seq?: number
  /** Unix ms; a whole second. */
  readonly atMs?: number
  readonly ttlMs?: number
}

interface About extends Said {
  readonly release: Bytes
}

export function brake(it: About & Partial<Brake> & { readonly resume?: number }): Evidence {
  const { reason = 'outage', severity = 0, note = 'stop' } = it
  const body = { tag: 'brake' as const, brake: { reason, severity, evidence: alloc(32), note } }
  return sign(it, { subject: it.release.slice(0, 16), stage: 0, interval: it.resume ?? 0, body })
}

export interface AttestWish extends About {
  readonly treeDigest: Bytes
  readonly index?: number
  /** Number of the recipe, so that two statements differ. */
  readonly recipe?: number
}

export function attest(it: AttestWish): Evidence {
  const attested = {
    treeDigest: it.treeDigest,
    recipe: it.recipe === undefined ? alloc(32) : idOf(it.recipe),
    environment: alloc(32)
  }
  const body = { tag: 'attest' as const, attest: attested }
  return sign(it, { subject: it.release.slice(0, 16), stage: it.index ?? 0, interval: 0, body })
}

/** Says what `believed` is, unless told otherwise. */
export function beacon(it: Said & Partial<Beacon> & { readonly believed: Believed }): Evidence {
  const { trust } = it.believed
  const said = {
    trustVersion: it.trustVersion ?? trust?.body.version ?? 1,
    trustId: it.trustId ?? trust?.id ?? it.network,
    digest: it.digest ?? authorityDigest(it.believed)
  }
  const body = { tag: 'beacon' as const, beacon: said }
  return sign(it, { subject: alloc(16), stage: 0, interval: 0, body })
}

function sign(it: Said, draft: Omit<EvidenceDraft, 'seq' | 'ttlS'>): Evidence {
  const { network, by, seq = 1, atMs = testNowMs + HOUR, ttlMs = 0 } = it
  const ttlS = ttlMs / 1_000
  return signEvidence(network, person(by), { ...draft, seq, ttlS }, Math.floor(atMs / 1_000))
}

/** The same statement with a signature that is not its signer's. */
export function forged(evidence: Evidence): Bytes {
  const wire = Uint8Array.from(evidence.wire)
  wire[wire.byteLength - 1] = (wire.at(-1) ?? 0) ^ 1
  return wire
}
