import type { BaseCost, Pack, PackStep, TreeAt } from '../../artifact/index.ts'
import type { CoreRef } from '../../records/index.ts'

/** What a process that makes patches is told. */
export interface PatchOrder {
  readonly to: {
    readonly folder: string
    readonly platform: string
    readonly pack: Omit<Pack, 'blocks'>
  }
  /** Earlier trees, newest first, at most eight. */
  readonly bases: readonly TreeAt[]
  /** A folder to prove patches in; it is made, and removed again. */
  readonly scratch: string
  /** A file that gets the blocks of the patch core. */
  readonly output: string
  /** Bound of what the process takes in all; null: what the largest windows need. */
  readonly memoryBytes: number | null
}

/** What came of it; `core` null: nothing pays, and no file was written. */
export interface MadePatches {
  readonly core: CoreRef | null
  /** As the bases stand in the order. */
  readonly costs: readonly BaseCost[]
  readonly solidBytes: number | null
}

/** What such a process says. */
export type MakerWord =
  | { readonly tag: 'ready' }
  | { readonly tag: 'step'; readonly step: PackStep }
  | { readonly tag: 'made'; readonly made: MadePatches }
  | { readonly tag: 'failed'; readonly code: string; readonly message: string }
