import type { Bytes } from '../../base/index.ts'
import type { Ext } from './trust.ts'

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
