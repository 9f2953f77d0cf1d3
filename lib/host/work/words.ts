import type { Bytes, Code, Facts } from '../../base/index.ts'
import type { Pack, PatchOptions, UnpackOptions } from '../../artifact/index.ts'

/** What a thread is started for. */
export type Job =
  | ({ readonly do: 'tree' } & Pick<UnpackOptions, 'artifact' | 'into' | 'reuse'>)
  | ({ readonly do: 'patch'; readonly size: number } & Pick<
      PatchOptions,
      'artifact' | 'into' | 'from'
    >)
  | { readonly do: 'pack'; readonly folder: string; readonly platform: string }

/** What the thread asks of whoever started it; each is answered by its number. */
export type Ask =
  | { readonly tag: 'block'; readonly index: number }
  | { readonly tag: 'need'; readonly blocks: readonly number[] }
  | { readonly tag: 'patch'; readonly offset: number; readonly size: number }

export type PackFound = Omit<Pack, 'blocks'>

/** From the thread. */
export type ThreadWord =
  | { readonly tag: 'ask'; readonly number: number; readonly ask: Ask }
  | { readonly tag: 'packed'; readonly pack: PackFound }
  /** The next block of the pack; null: that was the last. */
  | { readonly tag: 'block'; readonly bytes: Bytes | null }
  | { readonly tag: 'done' }
  | { readonly tag: 'failed'; readonly fault: Fault }

/** To the thread. */
export type OwnerWord =
  | { readonly tag: 'answer'; readonly number: number; readonly bytes: Bytes | null }
  /** What was asked for cannot be had: the owner keeps why. */
  | { readonly tag: 'refusal'; readonly number: number }
  | { readonly tag: 'next' }
  | { readonly tag: 'abort' }

/** An error as it travels. */
export type Fault =
  /** The one that the owner gave in answer, or its signal. */
  | { readonly tag: 'yours' }
  | {
      readonly tag: 'ours'
      readonly code: Code
      readonly message: string
      readonly hint: string | null
      readonly facts: Facts
    }
  /** No error of the outside: a broken invariant. */
  | { readonly tag: 'broken'; readonly text: string }
