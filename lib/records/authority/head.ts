import type { Bytes } from '../../base/index.ts'

/** What types 2 to 5 begin with: the trust they name and when they were issued. */
export interface Head {
  readonly trustVersion: number
  /** Id of that trust; of T1 the network id. */
  readonly trustId: Bytes
  readonly issuedMs: number
}

export type Floor =
  | { readonly tag: 'none' }
  | { readonly tag: 'self' }
  | { readonly tag: 'release'; readonly id: Bytes }
