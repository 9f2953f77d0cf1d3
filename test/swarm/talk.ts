import type { Traffic } from '../../lib/gossip/traffic.ts'

/** What a node of the swarm is told to do. */
export type Order = 'look' | 'release' | 'brake' | 'end'

/** What it tells. */
export type Told =
  | { readonly tag: 'up' }
  | { readonly tag: 'has'; readonly what: string; readonly atMs: number }
  | Seen

export interface Seen {
  readonly tag: 'seen'
  readonly key: string
  readonly peers: readonly { readonly key: string; readonly outbound: boolean }[]
  readonly rssBytes: number
  readonly cpuMs: number
  readonly traffic: Traffic
  readonly rejects: number
}
