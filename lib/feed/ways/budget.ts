import { OtaError } from '../../base/index.ts'

/** Bytes a release may cost, as a share of what it costs at best, in per cent (delta: drain). */
const budgetShare = 120

export interface Budget {
  /** Stored bytes of the tree core. */
  readonly treeBytes: number
  /** Bytes of the solid stream where it is a way for this machine; null where it is none. */
  readonly solidBytes: number | null
  /** Bytes that one patch, chain or stream cost for nothing. */
  readonly lostBytes: number
}

/** Block bytes that one release may have stored here, before it is held. */
export function budgetOf({ treeBytes, solidBytes, lostBytes }: Budget): number {
  const best = Math.min(treeBytes, solidBytes ?? treeBytes)
  return Math.ceil((best * budgetShare) / 100) + lostBytes
}

/** Whoever drains nodes with ways that fail ends here; the operator or a newer release goes on. */
export function overBudget(limit: number, stored: number): OtaError {
  const text = `fetch budget: the release has cost ${stored} bytes and may cost ${limit}`
  return new OtaError('HELD', text, {
    facts: { have: stored, need: limit },
    hint: 'it is held until a newer release; its ways to the bytes contradict each other'
  })
}
