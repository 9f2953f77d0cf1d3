import type { Bytes } from '../../../base/index.ts'
import type { Pool } from '../../../crowd/index.ts'
import type { Believed } from '../../../trust/index.ts'
import type { TrustDump } from './types.ts'

/** A feed as the store of a daemon sees it. */
export interface FeedLook {
  readonly key: Bytes
  readonly state: 'reading' | 'forked' | 'junk'
  readonly isDead?: boolean
  readonly length: number
  readonly peers: number
}

export interface DumpInput {
  readonly source: TrustDump['source']
  readonly believed: Believed
  /** Highest number a channel ever showed here. */
  readonly height: (channel: string) => { readonly epoch: number; readonly seq: number } | null
  readonly pool: Pick<Pool, 'brakes' | 'attestations' | 'freshness' | 'claim'>
  /** Null: there is no daemon that could say. */
  readonly feeds: readonly FeedLook[] | null
  readonly nowMs: number
}
