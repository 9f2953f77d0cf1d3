import type { Bytes } from '../../base/index.ts'

/**
 * Role numbers as they lie in a trust document. Unknown numbers ≥ 128 are ignored, below are
 * critical.
 */
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
