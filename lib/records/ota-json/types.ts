/** A program and its arguments, no shell; the program is a name on PATH or a path in the tree. */
export type Argv = readonly string[]

/**
 * How an app is asked whether it is well; addresses are of the app itself, never the public one.
 */
export type Probe =
  | {
      readonly tag: 'http'
      /** Name of a `listen` entry. */
      readonly listen: string
      /** Begins with "/". */
      readonly path: string
      readonly expect: number
    }
  | { readonly tag: 'tcp'; readonly listen: string }
  | { readonly tag: 'command'; readonly run: Argv }
  /** Well if it has not ended for so long. */
  | { readonly tag: 'alive'; readonly aliveMs: number }

export interface Listen {
  readonly name: string
  readonly proto: 'tcp'
  readonly host: string
  readonly port: number
  /** Spare copies of the socket for an app that cannot pause accepting. */
  readonly spares: number
}

export interface Hook {
  readonly run: Argv
  readonly timeoutMs: number
}

/** What counts when two generations of state are compared. */
export interface Kind {
  readonly is: 'durable' | 'ephemeral' | 'inPlace'
  readonly count: 'same' | 'atLeast' | 'any'
}

export interface Handover {
  readonly class: 'overlap' | 'exclusive'
  readonly split: boolean
  readonly warmMs: number
  readonly observeMs: number
  readonly lingerMs: number
  readonly drainMaxMs: number
  readonly maxPauseMs: number
  readonly proxy: 'off' | 'bytes' | 'hold'
}

export interface StateRules {
  readonly class: 'none' | 'snapshot' | 'append-only' | 'external'
  readonly schema: number
  readonly from: readonly number[]
  readonly downTo: readonly number[]
  readonly lossOk: boolean
  readonly shared: boolean
  readonly snapshot: 'crash' | 'freeze' | Argv
  readonly retired: readonly string[]
  readonly kinds: ReadonlyMap<string, Kind>
}

export type Responsibility =
  | { readonly tag: 'fixed'; readonly value: number }
  | { readonly tag: 'app' }
  | { readonly tag: 'command'; readonly run: Argv }

/**
 * `ota.json` at the top of a tree, every default filled in: what to start, probe, migrate and hand
 * over. The tree digest signs it. Seconds of the file are milliseconds here.
 */
export interface OtaJson {
  readonly name: string
  readonly version: string
  /** 0 any program, 1 takes sockets, 2 speaks the control stream. */
  readonly level: 0 | 1 | 2
  readonly requires: {
    /** Least version of the daemon, "" any. */
    readonly daemon: string
    /** Empty: any. */
    readonly os: readonly string[]
    /** Empty: any. */
    readonly arch: readonly string[]
    /** As ">=20", "" any. */
    readonly node: string
  }
  readonly start: Argv
  readonly env: ReadonlyMap<string, string>
  readonly startTimeoutMs: number
  readonly stop: { readonly signal: string; readonly timeoutMs: number }
  readonly listen: readonly Listen[]
  readonly health: {
    readonly probe: Probe
    readonly intervalMs: number
    readonly badForMs: number
    /** 0 none. */
    readonly watchdogMs: number
  }
  readonly handover: Handover
  readonly state: StateRules
  readonly migrate: (Hook & { readonly down: Argv | null }) | null
  readonly check: Hook | null
  readonly shadow: {
    readonly policy: 'off' | 'prefer' | 'require'
    readonly windowMs: number
    readonly probe: Argv | null
  }
  /** Bytes and counts; null: no limit of the release's own. */
  readonly limits: {
    readonly memory: number | null
    readonly pids: number | null
    readonly nofile: number | null
    readonly disk: number | null
  }
  readonly network: {
    readonly policy: 'off' | 'prefer' | 'require'
    readonly expect: readonly string[]
  }
  readonly responsibility: Responsibility
  readonly eras: readonly string[]
  readonly params: 'restart' | 'live'
  readonly build: {
    readonly run: Argv
    readonly out: string
    readonly toolchain: ReadonlyMap<string, string>
    readonly vendor: readonly string[]
  } | null
}
