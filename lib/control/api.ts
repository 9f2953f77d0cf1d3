import type { Facts } from '../base/index.ts'

/** One condition of an install, in the order `why` checks them; null: not reached yet. */
export interface ConditionView {
  readonly id: string
  readonly ok: boolean | null
  readonly text: string
}

/** What the control socket answers from: the node, seen from a person's side. */
export interface Controlled {
  /** A plain JSON value: what runs, what comes next, peers, freshness. */
  status(): Promise<object>
  /** Why the release of this id (z32 prefix of 6 or more), or the newest one, is not installed. */
  why(release: string | null): Promise<object>
  /** Everything this node believes: the dump of `ota-node trust`, as a plain JSON value. */
  trust(): Promise<object>
  /**
   * Carries out one operator's word: `hold`, `unhold`, `rollback`, `apply`, `check`,
   * `import`, `export`.
   * Rejects with `OtaError`: `USAGE` for an unknown word, `NOTHING_TO_DO`, `ROLLBACK_REFUSED`.
   */
  command(word: string, args: Readonly<Record<string, string>>): Promise<object>
  /** Calls `fn` for every event from now on; the returned function ends it. */
  onEvent(fn: (event: string, facts: Facts) => void): () => void
}
