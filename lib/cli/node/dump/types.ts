/**
 * What a node believes, as `ota-node trust` prints it and `GET /trust` of the control socket
 * answers: plain JSON, ids and keys as whole z32 names, times as unix milliseconds. Fields are only
 * ever added; `schema` rises when one changes its meaning.
 */
export interface TrustDump {
  readonly schema: 1
  /** Who was asked: the daemon, or the plain files of its home, without one. */
  readonly source: 'daemon' | 'files'
  readonly network: { readonly id: string; readonly name: string | null }
  /** `network@version:trustId` of the current trust; the bare id before one is here. */
  readonly join: string
  /** From the join string this node was told; it never goes below. */
  readonly checkpoint: TrustRef | null
  /** The trust this node stood on last, also before a restart; it never falls. */
  readonly adopted: TrustRef | null
  readonly trust: TrustState | null
  /** The own branch, ascending. */
  readonly chain: readonly (TrustRef & Span)[]
  /** Not empty: two valid trusts stand against each other, and nothing is installed. */
  readonly fork: readonly TrustRef[]
  /** Authority digest: two nodes with the same one believe the same. */
  readonly digest: string
  /** Newest date that a current quorum signed; the clock is never below it. */
  readonly signedDateMs: number
  /** Highest number each channel ever showed here; it never falls. */
  readonly heights: readonly {
    readonly channel: string
    readonly epoch: number
    readonly seq: number
  }[]
  /** Admitted releases by channel, newest first. */
  readonly channels: readonly {
    readonly channel: string
    readonly releases: readonly ReleaseState[]
  }[]
  readonly controls: readonly ControlState[]
  /** Floors in force: nobody goes below `release`. */
  readonly floors: readonly { readonly by: string; readonly release: string }[]
  readonly eras: readonly EraState[]
  readonly revokes: readonly {
    readonly id: string
    readonly invite: string
    /** Empty: the whole invite. */
    readonly slots: readonly number[]
  }[]
  /** Short of signatures, draw values or trusts. */
  readonly pending: readonly (Waiting & Count)[]
  /** With their quorum, kept and spread, not acted on: proofs, or for a newer node. */
  readonly kept: readonly Waiting[]
  readonly feeds: readonly FeedState[]
  readonly freshness: FreshnessState
  /** What beacons name and this node never had. */
  readonly claim: ClaimState | null
  readonly brakes: readonly BrakeState[]
  readonly attestations: readonly AttestationState[]
}

export interface TrustRef {
  readonly version: number
  readonly id: string
}

export interface Span {
  readonly epoch: number
  readonly issuedMs: number
  readonly expiresMs: number
}

export interface Count {
  readonly have: number
  readonly need: number
}

export interface TrustState extends TrustRef, Span {
  readonly name: string
  readonly membership: string
  readonly access: string
  readonly protoLow: number
  readonly protoHigh: number
  readonly feeds: readonly string[]
  readonly roles: readonly {
    readonly role: string
    readonly threshold: number
    readonly members: readonly {
      readonly label: string
      readonly key: string
      readonly organisation: string | null
      /** Anchor of one-time values, of a drawer. */
      readonly draw: { readonly root: string; readonly first: number } | null
    }[]
  }[]
}

export interface ReleaseState extends Count {
  readonly release: string
  readonly label: string
  readonly kind: string
  readonly epoch: number
  readonly seq: number
  /** Labels that count under the current trust. */
  readonly signers: readonly string[]
  readonly trustVersion: number
  readonly resume: number
  /** Furthest stage a quorum widened to, or null. */
  readonly widenedTo: number | null
  readonly paused: readonly string[]
  readonly aborted: readonly string[]
  /** The floor it lies below, or null. */
  readonly below: string | null
  /** Others with its number: nobody starts any of them. */
  readonly equals: readonly string[]
  readonly artifacts: readonly {
    readonly component: string
    readonly platform: string
    readonly treeDigest: string
    readonly entries: number
    readonly bytes: number
  }[]
}

export interface ControlState {
  readonly id: string
  readonly action: string
  readonly release: string
  readonly resume: number
  readonly stage: number
  readonly trustVersion: number
  readonly issuedMs: number
  readonly reason: string
  /** Lifted by a resume; it stays lifted. */
  readonly lifted: boolean
  /** Part of the authority digest: it still says something. */
  readonly live: boolean
  readonly lifts: readonly string[]
}

export interface EraState {
  readonly id: string
  readonly name: string
  readonly action: string
  readonly bit: number
  readonly seq: number
  readonly source: string
  readonly at: number
}

export interface Waiting {
  readonly id: string
  readonly type: string
  readonly code: string
  readonly reason: string
}

export interface FeedState {
  readonly key: string
  /** `unknown`: no daemon was asked. `dead`: nothing was had from it for days. */
  readonly state: 'unknown' | 'reading' | 'dead' | 'forked' | 'junk'
  readonly length: number
  readonly peers: number
}

export interface FreshnessState {
  /** `none`: the trust lists no beacon, and freshness is its expiry alone. */
  readonly state: 'none' | 'fresh' | 'stale' | 'frozen'
  readonly ageMs: number | null
}

export interface ClaimState {
  readonly code: string
  readonly by: readonly string[]
  readonly majority: boolean
  readonly trustVersion: number
  readonly trustId: string
  readonly digest: string
}

export interface BrakeState {
  readonly id: string
  readonly release: string
  readonly label: string
  readonly receivedMs: number
  readonly untilMs: number
  readonly reason: string
  readonly note: string
  /** Enough keys brake this release for it to stand still. */
  readonly acts: boolean
}

export interface AttestationState extends Count {
  readonly release: string
  readonly platform: string
  readonly component: string
  readonly organisations: readonly string[]
  readonly builders: readonly string[]
  readonly conflicts: readonly {
    readonly id: string
    readonly label: string
    readonly organisation: string
    readonly treeDigest: string
  }[]
}
