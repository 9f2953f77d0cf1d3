import { alloc, equal, isOtaError, type Bytes } from '../base/index.ts'
import { decodeMembership, type AuthId, type Heads } from '../records/index.ts'
import { authorityDigest, verifyMembership, type Believed, type Verdict } from '../trust/index.ts'
import type { AuthoritySource } from './ports.ts'

/** The room of the authority set, as far as a channel uses it. */
export interface AuthorityRoom {
  readonly believed: Believed
  intake(bytes: Bytes, from: string): Promise<Verdict>
  /** Statements kept, of which a peer may ask that stands on trust `peerTrust` (0: unknown). */
  list(peerTrust: number): readonly AuthId[]
  read(id: Bytes): Bytes | null
  /** Ids of those offered that this node lacks, or holds with fewer signatures than it needs. */
  wants(ids: readonly AuthId[]): readonly Bytes[]
  /** Whether this node believed just this once. */
  hadDigest(digest: Bytes): boolean
  onChange(fn: () => void): () => void
}

const nothing: Heads = { trustVersion: 0, digest: alloc(32) }

/** The belief as frames name it; the digest is made once per belief. */
export function sourceOf(room: AuthorityRoom): AuthoritySource {
  let of: Believed | null = null
  let heads = nothing
  const current = (): Heads => {
    const { believed } = room
    if (believed === of) return heads
    of = believed
    const version = believed.trust?.body.version ?? 0
    heads = version === 0 ? nothing : { trustVersion: version, digest: authorityDigest(believed) }
    return heads
  }
  return {
    heads: current,
    access: () => room.believed.trust?.body.access ?? 'any',
    member(wire, nowMs) {
      try {
        const seat = verifyMembership(room.believed, decodeMembership(wire), nowMs)
        return seat.tag === 'seat' ? seat.certificate.node : null
      } catch (error) {
        if (!isOtaError(error)) throw error
        return null
      }
    },
    intake: (bytes, from) => room.intake(bytes, from),
    list: (peerTrust) => room.list(peerTrust),
    read: (id) => room.read(id),
    wants: (ids) => room.wants(ids),
    hadDigest: (digest) => equal(current().digest, digest) || room.hadDigest(digest),
    onChange: (fn) => room.onChange(fn)
  }
}
