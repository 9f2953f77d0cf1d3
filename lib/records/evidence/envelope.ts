import {
  concat,
  equal,
  evidenceBodyBytesMax,
  evidenceBytesMax,
  OtaError,
  type Bytes
} from '../../base/index.ts'
import {
  blob,
  checkSize,
  decodeWhole,
  fixed,
  Reader,
  struct,
  uint,
  Writer,
  type Codec
} from '../codec/index.ts'
import { decodeEvidenceBody, encodeEvidenceBody } from './bodies.ts'
import { EVIDENCE, type Evidence, type EvidenceDraft, type EvidenceName } from './evidence.ts'
import { checkPlace } from './rules.ts'

/** Domain tag of evidence; 18 bytes, no terminator. */
const EVIDENCE_TAG = 'upswell/evidence/1'
/** Wire version with the whole signer key. */
const VERSION_KEY = 1
/** Wire version with 8 bytes of the id of the signer's certificate in place of the key. */
const VERSION_REF = 0x81
const NETWORK_REF_BYTES = 8
const SIGNER_REF_BYTES = 8
const SIGNATURE_BYTES = 64
/** Domain tag, network, type and signer: what stands before the subject in C. */
const HEAD_BYTES = 18 + 32 + 1 + 32

/** Evidence that nobody has signed yet. */
export type UnsignedEvidence = Omit<Evidence, 'signature' | 'wire'>

const names = new Map<number, EvidenceName>(
  // Cast: the keys of EVIDENCE are its names.
  Object.entries(EVIDENCE).map(([name, type]) => [type, name as EvidenceName])
)

/** What C and the wire form have in common, in this order. */
const tail: Codec<Omit<EvidenceDraft, 'body'> & { readonly tsS: number; readonly body: Bytes }> =
  struct({
    subject: fixed(16),
    stage: uint,
    interval: uint,
    seq: uint,
    tsS: uint,
    ttlS: uint,
    body: blob(evidenceBodyBytesMax)
  })

/**
 * The canonical bytes of what `signer` says at `tsS` (unix seconds). Throws `NOT_CANONICAL` or
 * `OVER_LIMIT` for a draft without a canonical form.
 */
export function encodeEvidence(
  network: Bytes,
  signer: Bytes,
  tsS: number,
  draft: EvidenceDraft
): UnsignedEvidence {
  const writer = new Writer(draft.body.tag)
  checkPlace(draft, (code, reason) => writer.fail(code, reason))
  writeHead(writer, { network, signer, type: EVIDENCE[draft.body.tag] })
  tail.write(writer, { ...draft, tsS, body: encodeEvidenceBody(draft.body) })
  return { ...draft, network, signer, tsS, canonical: writer.finish() }
}

/** Puts the signature over `canonical` to it; the wire form has the whole key. */
export function sealEvidence(unsigned: UnsignedEvidence, signature: Bytes): Evidence {
  const { network, signer, body, canonical } = unsigned
  const head = Uint8Array.of(VERSION_KEY, EVIDENCE[body.tag])
  const after = canonical.subarray(HEAD_BYTES)
  const net = network.subarray(0, NETWORK_REF_BYTES)
  return { ...unsigned, signature, wire: concat([head, net, signer, after, signature]) }
}

/** The short wire form, for links that know the certificate; `ref` is the first 8 of its id. */
export function shortenEvidence(
  { body, network, canonical, signature }: Evidence,
  ref: Bytes
): Bytes {
  const head = Uint8Array.of(VERSION_REF, EVIDENCE[body.tag])
  const after = canonical.subarray(HEAD_BYTES)
  return concat([head, network.subarray(0, NETWORK_REF_BYTES), ref, after, signature])
}

/**
 * Reads the wire form with the whole key (version 1). Throws `OVER_LIMIT`, `UNSUPPORTED` (version,
 * type or value not listed), `WRONG_NETWORK` (S8), `NOT_CANONICAL` (S9). The signature is for
 * `trust` to verify.
 */
export function decodeEvidence(wire: Bytes, network: Bytes): Evidence {
  const evidence = decodeEvidenceBy(wire, network, noSigner)
  if (evidence !== null) return evidence
  throw new OtaError('UNSUPPORTED', 'evidence names its signer by certificate, need the key')
}

const noSigner = (): null => null

/**
 * Reads both wire forms; `signerOf` gives the key that the certificate with this 8-byte reference
 * certifies. Null if it gives null: not ours to read yet, ask for the certificate. Throws as
 * `decodeEvidence`; `wire` of the result is the form with the whole key.
 */
export function decodeEvidenceBy(
  wire: Bytes,
  network: Bytes,
  signerOf: (ref: Bytes) => Bytes | null
): Evidence | null {
  checkSize(wire.byteLength, { what: 'evidence', bytesMax: evidenceBytesMax })
  const reader = new Reader(wire, 'evidence')
  const version = reader.u8()
  if (version !== VERSION_KEY && version !== VERSION_REF) {
    reader.fail('UNSUPPORTED', `wire version ${version}`)
  }
  const name = names.get(reader.u8())
  if (name === undefined) return reader.fail('UNSUPPORTED', 'unknown type')
  if (!equal(reader.raw(NETWORK_REF_BYTES), network.subarray(0, NETWORK_REF_BYTES))) {
    reader.fail('WRONG_NETWORK', 'made for another network')
  }
  const short = version === VERSION_REF
  const signer = short ? signerOf(reader.raw(SIGNER_REF_BYTES)) : reader.raw(32)
  if (signer === null) return null
  const rest = reader.raw(Math.max(0, reader.remaining - SIGNATURE_BYTES))
  const signature = reader.raw(SIGNATURE_BYTES)
  return sealEvidence(readParts(name, { network, signer, rest }), signature)
}

interface Parts {
  readonly network: Bytes
  readonly signer: Bytes
  readonly rest: Bytes
}

function readParts(name: EvidenceName, { network, signer, rest }: Parts): UnsignedEvidence {
  const fields = decodeWhole(tail, rest, { what: name, bytesMax: evidenceBytesMax })
  const draft: EvidenceDraft = { ...fields, body: decodeEvidenceBody(name, fields.body) }
  const writer = new Writer(name)
  checkPlace(draft, (code, reason) => writer.fail(code, reason))
  writeHead(writer, { network, signer, type: EVIDENCE[name] })
  writer.raw(rest)
  return { ...draft, network, signer, tsS: fields.tsS, canonical: writer.finish() }
}

interface Head {
  readonly network: Bytes
  readonly signer: Bytes
  readonly type: number
}

function writeHead(writer: Writer, { network, signer, type }: Head): void {
  writer.tag(EVIDENCE_TAG)
  fixed(32).write(writer, network)
  writer.u8(type)
  fixed(32).write(writer, signer)
}
