import { SECOND } from '../base/index.ts'

/**
 * How far a statement goes from each node that takes it. Simulated for 10,000 to a million nodes
 * (`npm run bench:scale`): five pushes and six short ids reach all but a few in ten thousand, and
 * anti-entropy finds these.
 */
export const FANOUT = {
  /** Eager statements: peers that get them at once, and peers that hear of them. */
  eagerPush: 5,
  eagerHave: 6,
  /** Lazy ones are never pushed on, only named. */
  lazyHave: 8,
  /** Peers to which an author pushes. */
  ownPush: 8,
  /** Short ids are gathered that long. */
  flushMs: SECOND,
  /** Pushes are gathered that long. */
  gatherMs: 5,
  /** Pause between asking one peer and the next. */
  askEveryMs: 25
} as const
