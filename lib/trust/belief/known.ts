import type { Bytes, Code } from '../../base/index.ts'
import type { Control, Era, Release, Revoke, Statement, Trust } from '../../records/index.ts'

/** A statement that was read, and who signed it. */
export interface Known<T> {
  readonly id: Bytes
  readonly body: T
  /** Its entries are those of `signers`, each valid, as a writer lays them down. */
  readonly statement: Statement
  /** Distinct keys with a part in it whose signature verifies. */
  readonly signers: readonly Bytes[]
}

export type KnownTrust = Known<Trust>
export type KnownRelease = Known<Release>
export type KnownControl = Known<Control>
export type KnownEra = Known<Era>
export type KnownRevoke = Known<Revoke>
/** What this version cannot read, by its type and why: kept and spread, never acted on (S10). */
export type KnownOther = Known<{ readonly type: number; readonly code: Code }>

export type AnyKnown =
  | { readonly tag: 'trust'; readonly known: KnownTrust }
  | { readonly tag: 'release'; readonly known: KnownRelease }
  | { readonly tag: 'control'; readonly known: KnownControl }
  | { readonly tag: 'era'; readonly known: KnownEra }
  | { readonly tag: 'revoke'; readonly known: KnownRevoke }
  | { readonly tag: 'other'; readonly known: KnownOther }
