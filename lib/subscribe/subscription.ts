/** A release as an app sees it; ids are z32 text. */
export interface ReleaseInfo {
  readonly id: string
  readonly channel: string
  /** Order within the channel: epoch first, then seq. `label` is for people only. */
  readonly epoch: number
  readonly seq: number
  readonly label: string
  readonly notes: string
  readonly kind: 'params' | 'code' | 'stateful'
  /** Size of the files for this platform, or null if the release has none for it. */
  readonly bytes: number | null
}

/** A release was admitted: it meets its quorum under the current trust. Not yet your turn. */
export interface ReleaseEvent {
  readonly tag: 'release'
  readonly release: ReleaseInfo
}

/** A node at this place in the order may install the release now. */
export interface TurnEvent {
  readonly tag: 'turn'
  readonly release: ReleaseInfo
  /** Nothing was said to run yet, so this is a first install, outside the plan. */
  readonly first: boolean
}

/** Every file of the release is in the folder, checked against the signed tree digest. */
export interface FetchedEvent {
  readonly tag: 'fetched'
  readonly release: ReleaseInfo
  readonly folder: string
}

/** Nobody may start the release: the fleet halted it, or a quorum aborted it. */
export interface HaltedEvent {
  readonly tag: 'halted'
  readonly release: ReleaseInfo
  /** The app said that it runs this release, and should go back to the one before. */
  readonly undo: boolean
}

/** How far the news of this node can be trusted to be the newest. */
export interface Freshness {
  /** `none`: the network lists no beacon, and nothing but the expiry of its trust is known. */
  readonly state: 'none' | 'fresh' | 'stale' | 'frozen'
  /** Age of the newest beacon in ms; null: none was heard yet, or there is none. */
  readonly ageMs: number | null
  /** Most beacons name statements that no peer shows: no turn is told meanwhile. */
  readonly withheld: boolean
}

/** The state of freshness changed. Stale or frozen, nothing that runs is touched. */
export interface FreshnessEvent {
  readonly tag: 'freshness'
  readonly freshness: Freshness
}

/** Brakes began or ceased to act on a release: its rollout stands still meanwhile. */
export interface BrakeEvent {
  readonly tag: 'brake'
  readonly release: ReleaseInfo
  /** When they stop acting if nothing else happens, unix ms; null: they act no more. */
  readonly untilMs: number | null
}

/** Builders said something new about a release for this platform. */
export interface AttestedEvent {
  readonly tag: 'attested'
  readonly release: ReleaseInfo
  /** Organisations that built the signed tree, each once. */
  readonly organisations: readonly string[]
  /** A builder got another tree, and no resume has lifted that: nobody starts the release. */
  readonly disputed: boolean
}

export type SubscriptionEvent =
  | ReleaseEvent
  | TurnEvent
  | FetchedEvent
  | HaltedEvent
  | FreshnessEvent
  | BrakeEvent
  | AttestedEvent
export type SubscriptionEventTag = SubscriptionEvent['tag']
export type SubscriptionEventOf<T extends SubscriptionEventTag> = Extract<
  SubscriptionEvent,
  { readonly tag: T }
>

export interface FetchOptions {
  readonly signal?: AbortSignal
  /** Folders with earlier releases, whose files and chunks need not be fetched again. */
  readonly reuse?: readonly string[]
}

/** One network, followed. Iterating gives each event from the moment the iteration began. */
export interface Subscription extends AsyncIterable<SubscriptionEvent> {
  /** The network id, z32. */
  readonly network: string
  /** Settles when statements are read and the swarm is joined, or rejects with `OtaError`. */
  ready(): Promise<void>
  /** Calls `listener` at each such event; the returned function ends that. */
  on<T extends SubscriptionEventTag>(
    tag: T,
    listener: (event: SubscriptionEventOf<T>) => void
  ): () => void
  /** Admitted releases of the channel, newest first. */
  releases(): readonly ReleaseInfo[]
  /** How fresh the news is now; `none` before `ready()`. */
  freshness(): Freshness
  /**
   * Brings the files of a release into `folder`, which must not exist yet. All of them are checked
   * before the folder appears. Rejects with `OtaError`: `NOT_ELIGIBLE` (none for this platform),
   * `THRESHOLD_NOT_MET`, `NO_PEERS`, `TIMEOUT`, `HASH_MISMATCH` and their like.
   */
  fetch(release: string, folder: string, options?: FetchOptions): Promise<void>
  /** Says what the app runs now; kept over restarts. Turns are judged from there. */
  running(release: string | null): void
  /** Leaves the network. What the app handed in stays open. Calling it twice is fine. */
  close(): Promise<void>
}

/** A corestore of the app. Upswell opens sessions in it and never closes it. */
export interface OwnStore {
  session(): object
  replicate(stream: object): unknown
}

/** A hyperswarm of the app. Upswell joins its topic on it, leaves it, and never destroys it. */
export interface OwnSwarm {
  readonly connections: Iterable<object>
  join(topic: Uint8Array, options?: object): object
  on(event: 'connection', listener: (connection: object) => void): unknown
  off(event: 'connection', listener: (connection: object) => void): unknown
}

export interface SubscribeOptions {
  /** The network id, or a join string `network@version:trustId` with a checkpoint. */
  readonly network: string
  /** Where statements and keys of this node are kept; made if it is not there. */
  readonly folder: string
  /** Default `stable`. */
  readonly channel?: string
  /** Default: that of this process, as in `linux-x64`. */
  readonly platform?: string
  /** The release the app runs, if it never said so before. */
  readonly running?: string
  /** An own corestore; without one a store is kept in `folder`. */
  readonly store?: OwnStore
  /** An own hyperswarm; `peers`, `bootstrap`, `host` and `port` are then the app's own matter. */
  readonly swarm?: OwnSwarm
  /** `HOST:PORT#KEY` of peers that are always dialled. */
  readonly peers?: readonly string[]
  /** `HOST:PORT` of DHT entries in place of the public ones; an empty list: `peers` alone. */
  readonly bootstrap?: readonly string[]
  /** Address to bind; on a loopback address nothing leaves the machine. Default: all. */
  readonly host?: string
  /** UDP port. Default: any. */
  readonly port?: number
  /** Ends the subscription when aborted. */
  readonly signal?: AbortSignal
  /** Hears what happens inside, one event name with its facts. */
  readonly log?: (event: string, facts?: object) => void
}
