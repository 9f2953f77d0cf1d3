import type { Bytes, Code } from '../../../base/index.ts'

/** What became of one paper. */
export interface Row {
  /** File, or file and line, that it came from. */
  readonly source: string
  /** In words, foreign text escaped: `trust 2`, `release stable 1.3 "1.2.0"`. */
  readonly what: string
  /** Null where it could not be read, or has none. */
  readonly id: Bytes | null
  /** `kept`: it has its quorum and is not acted on. `pending`: it may still be made whole. */
  readonly verdict: 'admitted' | 'kept' | 'pending' | 'refused'
  /** Null: nothing is wrong with it. */
  readonly code: Code | null
  readonly reason: string
  /** Keys that count on it, and how many are needed. */
  readonly have: number
  readonly need: number
  readonly signers: readonly string[]
  readonly hint: string | null
}
