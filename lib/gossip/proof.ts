import { concat, equal, fromText, isOtaError, type Bytes } from '../base/index.ts'
import {
  decodeMembership,
  decodeProof,
  encodeProof,
  FRAME,
  HELLO_ROLE,
  type Proof
} from '../records/index.ts'
import { sign, verify, type KeyPair } from '../trust/index.ts'
import type { Peer } from './peer.ts'
import type { Hub } from './ports.ts'

/** What this node can show. */
export interface Credential {
  /** Invite and certificate with their signatures. */
  readonly membership: Bytes
  /** The reporting key of the certificate. */
  readonly pair: KeyPair
}

/** Shows our certificate, bound to this connection and this end of it. */
export function show(peer: Peer, { membership, pair }: Credential): void {
  const signature = sign(signable(peer.linkKey, peer.outbound ? 0 : 1), pair)
  peer.send(FRAME.proof, encodeProof({ membership, signature }))
  peer.shown = true
}

/** Both ends said that they hold one: only then is any shown (S113). */
export function bothCertified(peer: Peer, own: Credential | null): own is Credential {
  return own !== null && ((peer.hello?.roles ?? 0) & HELLO_ROLE.certified) !== 0
}

export type ProofAnswer =
  | { readonly tag: 'member'; readonly key: Bytes; readonly membership: Bytes }
  /** Sound, but our trust knows no such slot. */
  | { readonly tag: 'stranger' }
  | { readonly tag: 'false'; readonly why: string }

/** Judges a CERT frame of `peer`. */
export function judge(hub: Hub, peer: Peer, bytes: Bytes): ProofAnswer {
  let proof: Proof
  let key: Bytes
  try {
    proof = decodeProof(bytes)
    key = decodeMembership(proof.membership).certificate.node
  } catch (error) {
    if (!isOtaError(error)) throw error
    return { tag: 'false', why: error.message }
  }
  if (!verify(signable(peer.linkKey, peer.outbound ? 1 : 0), proof.signature, key)) {
    return { tag: 'false', why: 'signature of the reporting key does not fit this connection' }
  }
  // Who has no trust yet cannot judge a slot and takes the key for what it proved to be.
  if (hub.authority.heads().trustVersion > 0) {
    const known = hub.authority.member(proof.membership, hub.clock.wallMs())
    if (known === null || !equal(known, key)) return { tag: 'stranger' }
  }
  return { tag: 'member', key, membership: proof.membership }
}

function signable(linkKey: Bytes, end: 0 | 1): Bytes {
  return concat([fromText('upswell/gossip/cert'), linkKey, Uint8Array.of(end)])
}
