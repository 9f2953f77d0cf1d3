import type { Bytes } from '../../base/index.ts'
import type { Floor, Head } from './head.ts'
import type { Ext } from './trust.ts'

/** Pause, resume, abort or widen of one release, signed by a quorum of role `release`. */
export interface Control {
  readonly head: Head
  readonly action: 'pause' | 'resume' | 'abort' | 'widen'
  readonly release: Bytes
  /** Resume: the new number (highest known + 1); others: the number in force. */
  readonly resume: number
  readonly floor: Floor
  readonly stage: number
  readonly lifts: readonly Bytes[]
  readonly exclude: readonly Bytes[]
  readonly reason: string
  readonly ext: readonly Ext[]
}
