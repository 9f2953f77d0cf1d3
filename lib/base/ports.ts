import type { Bytes } from './bytes.ts'
import type { Facts } from './errors.ts'

/**
 * What the outside hands in. The real ones live in `host`, the simulated ones in `sim`; pure rooms
 * see neither.
 */
export interface Clock {
  /** Unix time in milliseconds; may jump. Read once per step and passed along. */
  wallMs(): number
  /** Milliseconds since an arbitrary start; never jumps, never falls. */
  steadyMs(): number
  /** Calls `fn` once after `delayMs` (≥ 0); the returned function cancels it, also twice. */
  after(delayMs: number, fn: () => void): () => void
}

/** For timers, choice of peers and new keys only. Order, arms and lotteries are hashes. */
export interface Dice {
  /** Uniform in [0, 1). */
  next(): number
  /** Fills with bytes that nobody can guess, and returns the same array. */
  fill(bytes: Bytes): Bytes
}

/**
 * Files by path; `/` separates. Every method rejects with `OtaError`: `NO_SPACE`, `NO_PERMISSION`
 * or `INTERNAL` with the cause. A missing file is a value, not an error.
 */
export interface Disk {
  /** The whole file, or null if there is none. */
  read(path: string): Promise<Bytes | null>
  /** `size` bytes from `offset`, shorter only at the end of the file. */
  readAt(path: string, offset: number, size: number): Promise<Bytes>
  /** Names in a folder in byte order; empty if there is no such folder. */
  list(path: string): Promise<readonly string[]>
  stat(path: string): Promise<Stat | null>
  /** Target of a symbolic link, as written. */
  readLink(path: string): Promise<string>
  /** Replaces the file whole: temporary file, fsync, rename, fsync of the folder. */
  writeDurable(path: string, bytes: Bytes): Promise<void>
  /** Creates a file that must not exist (never through a link), writes, fsyncs, sets its mode. */
  create(path: string, bytes: Bytes, mode: number): Promise<void>
  /** Appends at the known end and fsyncs. */
  append(path: string, bytes: Bytes): Promise<void>
  truncate(path: string, size: number): Promise<void>
  makeFolder(path: string, mode?: number): Promise<void>
  makeLink(path: string, target: string): Promise<void>
  /**
   * `path` gets the content of a verified file: its blocks shared, a hard link where the mode is
   * the same and nobody may write, else a copy.
   */
  clone(path: string, from: string, mode: number): Promise<void>
  chmod(path: string, mode: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A file or a whole folder; nothing happens if it is not there. */
  remove(path: string): Promise<void>
  syncFolder(path: string): Promise<void>
  freeBytes(path: string): Promise<number>
}

export interface Stat {
  readonly type: 'file' | 'folder' | 'link' | 'other'
  readonly size: number
  /** Permission bits, set-id bits included. */
  readonly mode: number
}

/** One event name and its facts; a sentence is made only where a person reads it. */
export interface Log {
  (event: string, facts?: Facts): void
}
