import type { Bytes } from '../../base/index.ts'
import type { Checkpoint } from './chain.ts'
import type {
  AnyKnown,
  KnownControl,
  KnownEra,
  KnownRelease,
  KnownRevoke,
  KnownTrust
} from './known.ts'
import type { Standing } from './standing.ts'

/** One statement that this node holds, and what it is to it now. */
export interface Held {
  readonly any: AnyKnown
  /**
   * It had its quorum here once. A resume keeps what it lifted, a proof stays a proof: what has
   * happened is never judged again. Permission is counted anew all the same.
   */
  readonly settled: boolean
  readonly standing: Standing
}

/** What everything else follows from; small enough to lie in files. */
export interface Base {
  readonly network: Bytes
  /** From the join string; below it this node never goes (S93). */
  readonly checkpoint: Checkpoint | null
  /** The newest trust this node stood on, also before a restart; it never falls. */
  readonly adopted: Checkpoint | null
  /** By the hex of their ids. */
  readonly items: ReadonlyMap<string, Omit<Held, 'standing'>>
}

/**
 * What a node believes: a value, made anew at each change, in which nothing depends on the order of
 * arrival but the side of a trust fork that was adopted first (S17).
 */
export interface Believed {
  readonly network: Bytes
  readonly checkpoint: Checkpoint | null
  readonly adopted: Checkpoint | null
  /** The current trust; null before it is here. */
  readonly trust: KnownTrust | null
  /** The own branch of the chain, ascending; what a statement may name. */
  readonly trusts: readonly KnownTrust[]
  /** Not empty: two valid trusts stand against each other and nothing may be installed (S17). */
  readonly fork: readonly KnownTrust[]
  /** Admitted now: newest first by channel. Two may have one number, see `equalNumbers` (S42). */
  readonly releases: readonly KnownRelease[]
  readonly controls: readonly KnownControl[]
  readonly eras: readonly KnownEra[]
  readonly revokes: readonly KnownRevoke[]
  /** Ids that a resume has lifted, in hex; a lifted id stays lifted (S65). */
  readonly lifted: ReadonlySet<string>
  /** Everything held, also what is pending or kept as a proof, by the hex of its id. */
  readonly held: ReadonlyMap<string, Held>
}
