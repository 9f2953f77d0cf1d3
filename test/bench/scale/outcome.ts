/** How one statement went through a network. */
export interface Outcome {
  readonly nodes: number
  /** Milliseconds from its publication until each node had it; infinite where it never came. */
  readonly arrivedMs: Float64Array
  /** Connections it passed on its way to the node that is farthest from its author. */
  readonly hops: number
  readonly bytes: number
  /** Times that it arrived, for each node that has it. */
  readonly copies: number
}

export interface Row {
  readonly nodes: number
  readonly how: string
  readonly medianMs: number
  readonly lastMs: number
  readonly hops: number
  readonly reachedShare: number
  readonly bytesPerNode: number
  readonly copies: number
}

export function rowOf(outcome: Outcome, how: string): Row {
  const { nodes, arrivedMs, hops, bytes, copies } = outcome
  const there = arrivedMs.filter((ms) => Number.isFinite(ms)).toSorted()
  return {
    nodes,
    how,
    medianMs: there[Math.floor(there.length / 2)] ?? 0,
    lastMs: there.at(-1) ?? 0,
    hops,
    reachedShare: there.length / nodes,
    bytesPerNode: bytes / nodes,
    copies: copies / there.length
  }
}

/** One hop over the Internet: 20 to 280 ms, as in docs/gossip.md. */
export const hopMs = (share: number): number => 20 + share * 260
