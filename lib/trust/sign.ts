import type { Bytes } from '../base/index.ts'
import {
  encodeEntry,
  encodeEvidence,
  sealEvidence,
  type Entry,
  type Evidence,
  type EvidenceDraft
} from '../records/index.ts'
import { sign, verify, type KeyPair } from './keys.ts'

/**
 * One signer's entry on a statement: a signature over the canonical bytes themselves, never over a
 * hash of them, and for a named drawer the proof of her one-time value.
 */
export function signStatement(canonical: Bytes, pair: KeyPair, proof: Bytes | null = null): Entry {
  return encodeEntry({ key: pair.key, signature: sign(canonical, pair), proof })
}

/**
 * Signs what a node says about itself; `tsS` is unix time in seconds. Throws as its encoder does.
 */
export function signEvidence(
  network: Bytes,
  pair: KeyPair,
  draft: EvidenceDraft,
  tsS: number
): Evidence {
  const unsigned = encodeEvidence(network, pair.key, tsS, draft)
  return sealEvidence(unsigned, sign(unsigned.canonical, pair))
}

/** Whether the signer signed it. Who she is, and whether she counts, is asked elsewhere. */
export function verifyEvidence(evidence: Evidence): boolean {
  return verify(evidence.canonical, evidence.signature, evidence.signer)
}
