import type { Bytes } from '../../base/index.ts'

/** Role numbers as they lie in a trust document. Unknown numbers ≥ 128 are ignored, below are critical. */
export const ROLE = {
  root: 1,
  release: 2,
  brake: 3,
  beacon: 4,
  draw: 5,
  build: 6,
  enrol: 7
} as const

export type RoleName = keyof typeof ROLE

export interface Member {
  readonly key: Bytes
  readonly label: string
  /** Role `draw` only: the anchor of one-time values and its first draw number. */
  readonly draw: { readonly root: Bytes; readonly first: number } | null
  /** Role `build` only. */
  readonly organisation: string | null
}

export interface Role {
  /** Wire number; see `ROLE`. */
  readonly role: number
  readonly threshold: number
  readonly members: readonly Member[]
}

/** An extension field: tag ≥ 128 is kept and ignored, below 128 it is critical. */
export interface Ext {
  readonly tag: number
  readonly bytes: Bytes
}

export interface Trust {
  readonly name: string
  readonly version: number
  readonly epoch: number
  readonly issuedMs: number
  readonly expiresMs: number
  readonly roles: readonly Role[]
  readonly membership: 'open' | 'enrolled'
  readonly access: 'any' | 'members'
  /** Public keys of up to four hypercores. */
  readonly feeds: readonly Bytes[]
  readonly protoLow: number
  readonly protoHigh: number
  readonly ext: readonly Ext[]
}
