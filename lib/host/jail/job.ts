import type { Bytes } from '../../base/index.ts'

/** The user and group inside, and outside of nobody's files where we are root. */
export const jailUser = '65534'

/** Something of this machine that a jail shows under a path of its own. */
export interface Place {
  /** From the root, outside. */
  readonly path: string
  /** From the root, inside. */
  readonly at: string
}

/** A folder shown writable over another that nobody writes; what is written lands in `upper`. */
export interface Overlay {
  readonly lower: string
  readonly upper: string
  /** An empty folder on the file system of `upper`. */
  readonly work: string
  /** From the root, inside. */
  readonly at: string
}

/** Bounds of a jail; bytes and counts. */
export interface JailLimits {
  readonly timeMs: number
  /** Private memory of each process. */
  readonly memoryBytes: number
  /** Of the private `/tmp`, which lies in memory. */
  readonly tmpBytes: number
  /** Of each file that is written. */
  readonly fileBytes: number
  /** What it may print, on stdout and stderr together; it ends when it prints more. */
  readonly outputBytes: number
  readonly processes: number
}

/** One program in a jail. */
export interface JailJob {
  /** The program, found on the fixed PATH or named from the root of the jail; no shell reads it. */
  readonly argv: readonly string[]
  /** Inside. */
  readonly cwd: string
  /** None of them inside a place that may be written. */
  readonly readOnly: readonly Place[]
  /**
   * Folders it may write. Where we are root they are given over to the jail's own user, with all
   * they hold: name none that anybody else uses.
   */
  readonly writable: readonly Place[]
  /** The whole environment, but for PATH: nothing is inherited. */
  readonly env: ReadonlyMap<string, string>
  readonly limits: JailLimits
  readonly signal?: AbortSignal | undefined
}

/** How it ended. Nothing of it is left running. */
export interface JailEnd {
  /** Null when a signal ended it. */
  readonly exit: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  /** It printed more than it may. */
  readonly overflowed: boolean
  /** Both streams as they came, at most `outputBytes`. */
  readonly output: Bytes
  /** Stdout alone. */
  readonly stdout: Bytes
}

/** A program that stays in a jail, is told things and tells some, until it ends or is ended. */
export interface StayingJob extends Pick<
  JailJob,
  'argv' | 'cwd' | 'readOnly' | 'writable' | 'env' | 'signal'
> {
  readonly tmpBytes: number
  /** Symbolic links of the jail: `path` is where they lead. */
  readonly links: readonly Place[]
  readonly overlays: readonly Overlay[]
  /**
   * `loopback`: that alone. `everything`: whatever address is tried is led to loopback, where it
   * is seen and goes no further.
   */
  readonly network: 'loopback' | 'everything'
  /** As whom it runs where we are root, never root itself; nobody, if it is not named. */
  readonly user?: { readonly uid: number; readonly gid: number }
}
