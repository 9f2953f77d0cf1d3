import { toHex, type Bytes, type Code } from '../../base/index.ts'
import type { Statement } from '../../records/index.ts'
import type { Believed } from '../belief/believed.ts'
import { Admission, forgotten, type Ruling } from './admission.ts'

/** What became of one statement from one carrier. */
export type Verdict =
  /** It is in force from now on. `alarm`: it is, and something is wrong beside it (S22, S42). */
  | {
      readonly tag: 'admitted'
      readonly believed: Believed
      readonly id: Bytes
      readonly alarm: Code | null
    }
  /** Further signatures on one that was in force, or kept, before. */
  | { readonly tag: 'improved'; readonly believed: Believed; readonly id: Bytes }
  | { readonly tag: 'known'; readonly id: Bytes }
  /** It has its quorum and is kept and spread, but not acted on (S10, S17, S101). */
  | {
      readonly tag: 'kept'
      readonly code: Code
      readonly message: string
      readonly id: Bytes
      readonly believed: Believed
    }
  /** Waits for more signatures, draw values or trusts; `believed` is null if nothing was new. */
  | {
      readonly tag: 'pending'
      readonly code: Code
      readonly message: string
      readonly have: number
      readonly need: number
      readonly id: Bytes
      readonly believed: Believed | null
    }
  /** Nothing of it is kept. `id` is null where it could not be read. */
  | {
      readonly tag: 'refused'
      readonly code: Code
      readonly message: string
      readonly id: Bytes | null
    }

/**
 * Judges one statement, wherever it came from: network, form, keys, signatures, then its place
 * among everything held. Permission is counted under the current trust, refusal under the trust it
 * names; keys are counted, never signatures. Nothing is lost on the way: what was short waits, and
 * what this statement makes whole is admitted with it. `nowMs` only raises `TRUST_EXPIRED` as an
 * alarm: no clock decides what is believed.
 */
export function admit(believed: Believed, statement: Statement, nowMs: number): Verdict {
  const admission = new Admission(believed)
  const ruling = admission.take(statement, nowMs)
  return verdictOf(ruling, admission.believed())
}

/**
 * A ruling as its carrier hears it, beside what is believed in the end: what was in force on the
 * way and found no place beside newer ones is refused.
 */
export function verdictOf(ruling: Ruling, believed: Believed): Verdict {
  switch (ruling.tag) {
    case 'known':
    case 'refused':
      return ruling
    case 'pending': {
      const { isNew, ...rest } = ruling
      return { ...rest, believed: isNew ? believed : null }
    }
    case 'admitted':
      if (believed.held.has(toHex(ruling.id))) return { ...ruling, believed }
      return { tag: 'refused', code: 'OVER_LIMIT', message: forgotten, id: ruling.id }
    case 'improved':
    case 'kept':
    default:
      return { ...ruling, believed }
  }
}
