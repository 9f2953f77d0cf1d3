import type { Backoff } from '../../cutover/keepalive.ts'
import type { Limits } from '../rights/limits.ts'
import type { AppUser } from '../rights/user.ts'
import type { HoldCounts } from './hold/proxy.ts'
import type { Said, Word } from './said.ts'

/** What a launcher is started with; kept in `run/launch.json` for those who look. */
export interface LaunchConfig {
  /** Absolute path of the home. */
  readonly home: string
  /** Program and arguments of the daemon. */
  readonly daemon: readonly string[]
  /** Delay before the daemon is started again; 1 s to 60 s unless told. */
  readonly backoff?: Backoff
  /** Where the output of the daemon goes: to ours, or nowhere. The app's goes to `log/app.log`. */
  readonly output?: 'inherit' | 'ignore'
  /** Whom the app runs as; left out: whoever runs the launcher. */
  readonly user?: AppUser | null
  /** `host:port` that may be held; null or left out: any. */
  readonly addresses?: readonly string[] | null
}

/** How the public addresses of an app are served. */
export type Serving = 'relay' | 'hold' | 'pass'

/** What a process gets beside its words: sockets, a control stream, a watchdog. */
export interface Passing {
  /** 0: signals only; 1: sockets; 2: the control stream too. */
  readonly level: 0 | 1 | 2
  /** `wait`: it serves nobody until it is sent `takeover`. */
  readonly mode: 'live' | 'wait'
  /** Names of listening sockets in order, each with its spare copies. */
  readonly sockets: readonly { readonly name: string; readonly spares: number }[]
  /** 0: no sign of life is asked for. */
  readonly watchdogMs: number
}

/** How a process is to be started, ready but for its ports. */
export interface SpawnOrder {
  readonly release: string
  readonly gen: string
  /** `${PORT}` and `${PORT_NAME}` are filled in at each start, in `argv` and `env` alike. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Must lie below `versions/` of the home. */
  readonly cwd: string
  /** Names of the ports to choose; the first one is `${PORT}`. */
  readonly ports: readonly string[]
  readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT' | 'SIGHUP'
  /** With ports: requests wait while nobody serves. */
  readonly hold?: boolean
  /** Left out: level 0, live. */
  readonly pass?: Passing
  /** Left out: none. */
  readonly limits?: Limits
}

/** A slot as the launcher shows it in `hello` and `list`. */
export interface SlotView {
  readonly release: string
  readonly gen: string
  /** `waiting`: ended, to be started again by the launcher; `down`: ended and left so. */
  readonly status: 'up' | 'waiting' | 'ending' | 'down'
  readonly pid: number | null
  readonly ports: Readonly<Record<string, number>>
  readonly restart: boolean
  readonly exits: readonly number[]
  readonly level: 0 | 1 | 2
  /** Whether it may serve; false: it waits for `takeover`. */
  readonly live: boolean
  /** Number of its life in charge; null: it never was. */
  readonly inc: number | null
  /** What it said over its control stream; null: it has none. */
  readonly word: Word | null
  /** Its lines that were too long, too many or none. */
  readonly dropped: number
}

/** What passed through the relay for one slot since the launcher started. */
export interface Traffic {
  readonly connections: number
  readonly open: number
  /** Connections that ended with a request under way. */
  readonly lost: number
}

export interface LauncherView {
  readonly pid: number
  /** Times the daemon was started, the present one included. */
  readonly daemonStarts: number
  readonly slots: Readonly<Record<'a' | 'b', SlotView | null>>
  readonly routed: 'a' | 'b' | null
  readonly armed: { readonly on: 'a' | 'b'; readonly to: 'a' | 'b' } | null
  readonly listens: Readonly<Record<string, string>>
  readonly traffic: Readonly<Record<'a' | 'b', Traffic>>
  /** Connections that found no slot in time. */
  readonly refused: number
  /** What the holding process did; null: there is none. */
  readonly hold?: HoldCounts | null
}

/** What happened to a slot; `ev` numbers rise by one. */
export type LauncherEvent = { readonly ev: number; readonly slot: 'a' | 'b' } & (
  | { readonly what: 'started'; readonly pid: number; readonly ports: Record<string, number> }
  | { readonly what: 'spawn-failed'; readonly errno: string }
  | {
      readonly what: 'exited'
      readonly code: number | null
      readonly signal: string | null
      readonly restarting: boolean
      /** The system ended it for want of memory: that of its own group, or of the machine. */
      readonly oom: 'own' | 'machine' | null
    }
  | { readonly what: 'ended'; readonly lost: number }
  | { readonly what: 'took-back'; readonly to: 'a' | 'b' }
  | { readonly what: 'said'; readonly said: Said }
  /** It missed its sign of life twice. */
  | { readonly what: 'watchdog' }
  /** It closed its control stream. */
  | { readonly what: 'stream-closed' }
)

type WithoutNumber<T> = T extends { readonly ev: number } ? Omit<T, 'ev'> : never
export type LauncherNews = WithoutNumber<LauncherEvent>
