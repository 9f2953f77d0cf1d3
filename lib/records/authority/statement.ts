import type { Bytes } from '../../base/index.ts'
import type { Control } from './control.ts'
import type { Era } from './era.ts'
import type { Release } from './release.ts'
import type { Revoke } from './revoke.ts'
import type { Trust } from './trust.ts'

/** Wire numbers of authority statements. 128 to 255 must be ignored when unknown. */
export const STATEMENT = { trust: 1, release: 2, control: 3, era: 4, revoke: 5 } as const

/** A signature entry as it lies in a carrier: foreign until looked at. */
export interface Entry {
  readonly alg: number
  readonly bytes: Bytes
}

/** Alg 1: Ed25519, with a draw proof of 416 bytes where the signer is a named drawer. */
export interface Signature {
  readonly key: Bytes
  readonly signature: Bytes
  readonly proof: Bytes | null
}

/**
 * An authority statement as a carrier brings it. `canonical` is C, the bytes that are signed and
 * hashed; the entries are not covered by the id.
 */
export interface Statement {
  readonly network: Bytes
  readonly type: number
  readonly body: Bytes
  readonly canonical: Bytes
  readonly entries: readonly Entry[]
}

export type Body =
  | { readonly tag: 'trust'; readonly trust: Trust }
  | { readonly tag: 'release'; readonly release: Release }
  | { readonly tag: 'control'; readonly control: Control }
  | { readonly tag: 'era'; readonly era: Era }
  | { readonly tag: 'revoke'; readonly revoke: Revoke }
  /** Type ≥ 128: kept, spread, ignored. */
  | { readonly tag: 'unknown'; readonly type: number }
