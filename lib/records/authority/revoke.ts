import type { Bytes } from '../../base/index.ts'
import type { Head } from './head.ts'
import type { Ext } from './trust.ts'

/** Ends an invite, or some of its slots; signed by one enrol key. */
export interface Revoke {
  readonly head: Head
  readonly invite: Bytes
  /** Empty: the whole invite. */
  readonly slots: readonly number[]
  readonly ext: readonly Ext[]
}
