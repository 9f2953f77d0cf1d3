import { concat, copy, equal, membershipBytesMax, OtaError, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  ext,
  fixed,
  key,
  list,
  ms,
  name,
  Reader,
  refine,
  struct,
  tagged,
  text,
  u16,
  u8,
  within,
  checkSize,
  type Codec,
  type Ext,
  type Fail
} from '../codec/index.ts'

/** Domain tags of the two records; their first byte is 0x75, as of no evidence. */
const INVITE_TAG = 'upswell/invite/1'
const CERTIFICATE_TAG = 'upswell/certificate/1'

export interface Label {
  readonly name: string
  readonly value: string
}

/** A key pair's public half, signed by an enrol key for a number of slots. */
export interface Invite {
  readonly network: Bytes
  readonly invite: Bytes
  readonly issuedMs: number
  /** End of its use for new certificates; 0 none. */
  readonly notAfterMs: number
  readonly slots: number
  readonly weight: number
  /** Bit 0: may vote. */
  readonly rights: number
  readonly labels: readonly Label[]
  readonly enrol: Bytes
  readonly ext: readonly Ext[]
  readonly canonical: Bytes
  readonly signature: Bytes
}

/** A reporting key in one slot of an invite, signed by the invite key. */
export interface Certificate {
  readonly network: Bytes
  readonly invite: Bytes
  readonly slot: number
  readonly node: Bytes
  readonly issuedMs: number
  readonly canonical: Bytes
  readonly signature: Bytes
}

/** Invite and certificate as they travel together; at most 1,024 bytes. */
export interface Membership {
  readonly invite: Invite
  readonly certificate: Certificate
  readonly wire: Bytes
}

/** What an enrol key signs. */
export type InviteFields = Omit<Invite, 'canonical' | 'signature'>
/** What an invite key signs. */
export type CertificateFields = Omit<Certificate, 'canonical' | 'signature'>

const whole = { what: 'membership', bytesMax: membershipBytesMax }
const signatureField = fixed(64)

const inviteFields: Codec<InviteFields> = refine(
  struct({
    network: fixed(32),
    invite: key,
    issuedMs: ms,
    notAfterMs: ms,
    slots: within(u16, { min: 1 }),
    weight: within(u16, { min: 1 }),
    rights: u8,
    labels: list(16, struct({ name, value: text(64) })),
    enrol: key,
    ext
  }),
  checkInvite
)

function checkInvite({ labels, issuedMs, notAfterMs }: InviteFields, fail: Fail): void {
  // Two values under one name would let two readers see two nodes.
  if (new Set(labels.map((label) => label.name)).size < labels.length) {
    fail('NOT_CANONICAL', 'a label name twice')
  }
  if (notAfterMs !== 0 && notAfterMs < issuedMs) fail('NOT_CANONICAL', 'ends before it is issued')
}

const certificateFields: Codec<CertificateFields> = struct({
  network: fixed(32),
  invite: key,
  slot: u16,
  node: key,
  issuedMs: ms
})

/** A record followed by the signature over it. */
function signed<T, S extends T & { readonly canonical: Bytes; readonly signature: Bytes }>(
  codec: Codec<T>
): Codec<S> {
  return {
    write(writer, value) {
      codec.write(writer, value)
      signatureField.write(writer, value.signature)
    },
    read(reader) {
      const start = reader.offset
      const fields = codec.read(reader)
      const canonical = copy(reader.since(start))
      const signature = reader.field('signature', () => signatureField.read(reader))
      return { ...fields, canonical, signature } as S // Cast: S adds just these two.
    }
  }
}

const invite = tagged(INVITE_TAG, inviteFields)
const certificate = tagged(CERTIFICATE_TAG, certificateFields)
/** An invite and its signature, as part of another record. */
export const signedInvite: Codec<Invite> = signed(invite)
const signedCertificate: Codec<Certificate> = signed(certificate)

/** C of an invite: what the enrol key signs. Throws `NOT_CANONICAL`, `OVER_LIMIT`. */
export function encodeInvite(fields: InviteFields): Bytes {
  const canonical = encodeWhole(invite, fields, 'invite')
  checkSize(canonical.byteLength, whole)
  return canonical
}

/** An invite and its signature, all of `bytes`. Throws `NOT_CANONICAL`, `OVER_LIMIT` (S9). */
export function decodeInvite(bytes: Bytes): Invite {
  return decodeWhole(signedInvite, bytes, { ...whole, what: 'invite' })
}

/** C of a certificate: what the invite key signs. Throws `NOT_CANONICAL`. */
export function encodeCertificate(fields: CertificateFields): Bytes {
  return encodeWhole(certificate, fields, 'certificate')
}

/** A certificate and its signature, all of `bytes`. Throws `NOT_CANONICAL`, `OVER_LIMIT` (S9). */
export function decodeCertificate(bytes: Bytes): Certificate {
  return decodeWhole(signedCertificate, bytes, { ...whole, what: 'certificate' })
}

type Signed = Pick<Invite, 'canonical' | 'signature'>

/** Invite and certificate as they travel. Throws what `decodeMembership` throws. */
export function encodeMembership(first: Signed, second: Signed): Membership {
  const parts = [first.canonical, first.signature, second.canonical, second.signature]
  return decodeMembership(concat(parts))
}

/**
 * Invite ‖ signature ‖ certificate ‖ signature, and whether the two belong together. Throws
 * `OVER_LIMIT`, `NOT_CANONICAL`, or `WRONG_NETWORK` where the two name different networks or not
 * `network`, if given (S8). Signatures are for `trust` to verify.
 */
export function decodeMembership(bytes: Bytes, network?: Bytes): Membership {
  checkSize(bytes.byteLength, whole)
  const reader = new Reader(bytes, whole.what)
  const first = reader.field('invite', () => signedInvite.read(reader))
  const second = reader.field('certificate', () => signedCertificate.read(reader))
  reader.end()
  if (!equal(first.network, second.network) || !equal(first.network, network ?? first.network)) {
    throw new OtaError('WRONG_NETWORK', 'membership: made for another network')
  }
  checkFit(first, second, (code, reason) => reader.fail(code, reason))
  return { invite: first, certificate: second, wire: copy(bytes) }
}

function checkFit(first: Invite, second: Certificate, fail: Fail): void {
  if (!equal(first.invite, second.invite)) fail('NOT_CANONICAL', 'certificate of another invite')
  if (second.slot >= first.slots) {
    fail('NOT_CANONICAL', `slot ${second.slot}, the invite has ${first.slots}`)
  }
  const late = first.notAfterMs !== 0 && second.issuedMs > first.notAfterMs
  if (second.issuedMs < first.issuedMs || late) {
    fail('NOT_CANONICAL', 'certificate issued outside the time of its invite')
  }
}
