import type { Clock, Disk, Log } from '../base/index.ts'
import type { Authority } from '../authority/index.ts'
import type { Pool } from '../crowd/index.ts'
import type { Store } from '../feed/index.ts'
import type { Wire } from '../gossip/index.ts'
import type { Machine, SourceBuilder } from '../host/index.ts'
import type { Window } from '../records/index.ts'
import type { ZoneOffset } from '../rollout/index.ts'
import type { KeyPair } from '../trust/index.ts'
import type { Said } from './said.ts'

/** What the conductor needs of the floor below; real ones come from `cli`, others from `sim`. */
export interface NodePorts {
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
}

export interface NodeParts {
  readonly authority: Authority
  readonly pool: Pool
  readonly said: Said
  readonly machine: Pick<
    Machine,
    'home' | 'recovered' | 'notes' | 'onEvent' | 'append' | 'note' | 'perform' | 'view'
  >
  readonly store: Pick<
    Store,
    | 'fetchTree'
    | 'fetchCore'
    | 'blocks'
    | 'rebuild'
    | 'drop'
    | 'openFeeds'
    | 'onBlock'
    | 'onAlarm'
    | 'replicate'
  >
  /** Builds releases that carry their source; absent: all are fetched as they were built. */
  readonly builder?: Pick<SourceBuilder, 'check' | 'build'> | null
  /** What a release lacks on this machine, in words; absent: nobody knows. */
  readonly unfitText?: (release: string) => Promise<string>
  readonly wire: Pick<
    Wire,
    | 'publish'
    | 'onStream'
    | 'onChange'
    | 'peers'
    | 'address'
    | 'walk'
    | 'settled'
    | 'coverage'
    | 'clockSkewMs'
    | 'search'
  >
}

/** Who this node is, and what its operator set in the configuration. */
export interface NodeOptions {
  readonly network: Uint8Array
  readonly pair: KeyPair
  /** Invite and certificate as they travel; null: no slot. */
  readonly membership: Uint8Array | null
  readonly platform: string
  readonly channel: string
  readonly tier: 0 | 1 | 2
  readonly level: 'auto' | 'stage' | 'notify'
  /** Organisations that must attest at least, whatever trust and policy ask for; absent: 0. */
  readonly attest?: number
  /** Maintenance windows beside those of a release; absent: none. */
  readonly windows?: readonly Window[]
  /** Time zones, for windows; absent: none is known, and windows in any of them stay closed. */
  readonly zone?: ZoneOffset
  /** Windows hold for urgent releases as well. */
  readonly urgentWaits?: boolean
  /** Before an upgrade: nothing, tell the operator, or wait for `apply`. */
  readonly consent?: 'none' | 'notify' | 'ask'
  /** Up to so long this node waits at random before it takes a release, in ms. */
  readonly jitterMs?: number
  /** Version of this program, for releases that require one. */
  readonly daemon: string
  readonly pids: { readonly daemon: number; readonly launcher: number }
}
