import type { Bytes, Clock, Dice, Log } from '../base/index.ts'
import type { EvidencePool, SetRef } from '../crowd/index.ts'
import type { AuthId, Heads } from '../records/index.ts'
import type { Verdict } from '../trust/index.ts'
import type { Traffic } from './traffic.ts'

/** The authority set, as far as a channel needs it. */
export interface AuthoritySource {
  /** Version of the trust (0: none yet) and authority digest. */
  heads(): Heads
  /** Whom the trust lets in; `any` while there is none. */
  access(): 'any' | 'members'
  /** The reporting key that the pair gives a slot to, null if the trust does not know it. */
  member(wire: Bytes, nowMs: number): Bytes | null
  intake(bytes: Bytes, from: string): Promise<Verdict>
  list(peerTrust: number): readonly AuthId[]
  read(id: Bytes): Bytes | null
  wants(ids: readonly AuthId[]): readonly Bytes[]
  /** Whether this node believes, or lately believed, what a digest stands for. */
  hadDigest(digest: Bytes): boolean
  onChange(fn: () => void): () => void
}

/** What every part of the channel is handed. */
export interface Hub {
  readonly clock: Clock
  readonly dice: Dice
  readonly log: Log
  readonly network: Bytes
  readonly authority: AuthoritySource
  readonly pool: EvidencePool
  /** What passed on all channels so far. */
  readonly traffic: Traffic
  /** A time of the anti-entropy group, shrunk by `settle` / 60 s, not below half a second. */
  scaled(ms: number): number
  /** The node lags behind and wants to see everybody's authority set. */
  catchingUp(): boolean
  /** Peers are known to withhold something, or are suspected of it. */
  searching(): boolean
  /** Evidence was taken in: listeners hear of it, and what a beacon names is looked for. */
  accepted(item: Bytes, ref: SetRef | null): void
}
