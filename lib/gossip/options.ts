import type { Bytes } from '../base/index.ts'
import type { EvidencePool } from '../crowd/index.ts'
import type { Running } from '../records/index.ts'
import type { KeyPair } from '../trust/index.ts'
import type { HostPort } from './door/address.ts'
import type { PassiveStore } from './door/passive.ts'
import type { AuthorityRoom } from './source.ts'

export interface WirePorts {
  readonly authority: AuthorityRoom
  readonly pool: EvidencePool
}

export interface WireOptions {
  readonly network: Bytes
  /** Swarm key to keep over restarts; null: a fresh one per boot. */
  readonly keyPair: KeyPair | null
  /** Fixed UDP port; null: any. */
  readonly port: number | null
  /** Address to bind; null: all interfaces. */
  readonly host: string | null
  /** `HOST:PORT#KEY`, dialled for ever. */
  readonly peers: readonly string[]
  readonly bootstrap: readonly HostPort[] | 'public' | 'none'
  /** Be a persistent DHT node for others; wants a fixed port that is reachable. */
  readonly rendezvous: boolean
  /** Invite and certificate on the wire, and the reporting key they name. */
  readonly membership: Bytes | null
  readonly nodePair: KeyPair | null
  /** `settle` of the live rollout; 60 s and more change nothing. */
  readonly settleMs?: () => number
  /** What runs here. */
  readonly running?: () => Running | null
  /** Whether this node lags behind; without a trust it always does. */
  readonly catchingUp?: () => boolean
  readonly servesBytes?: boolean
  /** Versions of the channel to speak, for tests of other ranges. */
  readonly versions?: { readonly low: number; readonly high: number }
  readonly inboundMax?: number
  /** Peers kept from one start to the next; absent: none are. */
  readonly passive?: PassiveStore
  /** A hyperswarm of an app, used beside it and left open; port, host and peers are its own. */
  readonly swarm?: object
}

/** A peer as others see it. */
export interface PeerView {
  readonly key: Bytes
  readonly outbound: boolean
  readonly running: Running | null
  readonly protoLow: number
  readonly protoHigh: number
  readonly trustVersion: number
  /** Its authority digest; null before its HELLO. Equal to ours: it believes all that we do. */
  readonly digest: Bytes | null
  /** Reporting key that it proved. */
  readonly member: Bytes | null
  /** Gossip passes; false: greeted only, or no common version. */
  readonly ready: boolean
}
