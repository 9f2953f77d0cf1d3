import type { Bytes, Code } from '../../base/index.ts'
import type { Chain, Checkpoint } from './chain.ts'
import type { AnyKnown } from './known.ts'
import type { Count } from './quorum.ts'

/** What a held statement is to this node now. */
export type Standing =
  | { readonly tag: 'admitted' }
  /** It has its quorum, is kept and spread, and is not acted on: a proof, or for a newer node. */
  | { readonly tag: 'kept'; readonly code: Code; readonly message: string }
  | {
      readonly tag: 'pending'
      readonly code: Code
      readonly message: string
      readonly have: number
      readonly need: number
    }
  | { readonly tag: 'refused'; readonly code: Code; readonly message: string }

export interface Scene {
  readonly network: Bytes
  readonly checkpoint: Checkpoint | null
  readonly chain: Chain
  /** All statements held, by the hex of their ids. */
  readonly items: ReadonlyMap<string, Item>
}

export interface Item {
  readonly any: AnyKnown
  readonly settled: boolean
}

export const admitted: Standing = { tag: 'admitted' }

export function short({ have, need }: Count, what: string): Standing {
  const message = `${what} has ${have} of ${need} signatures`
  return { tag: 'pending', code: 'THRESHOLD_NOT_MET', message, have, need }
}

export function gap({ have, need }: Pick<Count, 'have' | 'need'>, message: string): Standing {
  return { tag: 'pending', code: 'TRUST_GAP', message, have, need }
}

export function unsupported(what: string): Extract<Standing, { tag: 'kept' }> {
  const message = `${what} needs a newer node to be acted on`
  return { tag: 'kept', code: 'UNSUPPORTED', message }
}
