import { OtaError, toHex, type Bytes } from '../../base/index.ts'
import type { Statement } from '../../records/index.ts'
import type { Base, Believed } from '../belief/believed.ts'
import type { AnyKnown } from '../belief/known.ts'
import { Ledger } from '../belief/ledger.ts'
import { keysOf } from '../belief/quorum.ts'
import { baseOf, settle, walkOn } from '../belief/settle.ts'
import { keysWithPart, unite, withEntries } from './parts.ts'
import { superfluous } from './pending.ts'
import { readStatement } from './read.ts'

/** A statement read back from where this node keeps it. */
export interface Stored {
  readonly statement: Statement
  /** It lay among the trusted ones: it had its quorum here once. */
  readonly settled: boolean
}

export interface Restored {
  readonly believed: Believed
  /** Ids, in hex, of what was stored and is no longer worth its place. */
  readonly dropped: ReadonlySet<string>
}

/**
 * What stands beside the stored statements: the join string's words and the trust stood on last.
 */
export type Told = Pick<Base, 'network' | 'checkpoint' | 'adopted'>

/**
 * Believes what is stored, all at once: whatever order it was written in, the same comes of it.
 * Every signature is verified again. Throws `BOOTSTRAP_MISMATCH` for a first trust that is not this
 * network's or not signed by all its keys (S25), and what `readStatement` throws.
 */
export function restore(told: Told, stored: readonly Stored[]): Restored {
  const read = stored.map(({ statement, settled }) => ({
    any: readStatement(told.network, statement),
    entries: statement.entries,
    settled
  }))
  const trusts = read.filter(({ any }) => any.tag === 'trust')
  // Whoever is listed in a stored trust may count on another; what counts is judged by the chain.
  const others = trusts.flatMap(({ any }) => (any.tag === 'trust' ? [any.known] : []))
  const wide: Believed = { ...settle({ ...told, items: new Map() }), trusts: others }
  const items = new Map(
    trusts.map((item) => [toHex(item.any.known.id), signed(wide, item)] as const)
  )
  let believed = settle({ ...told, items })
  checkFirst(believed)
  // A walk takes 256 steps at most; what is stored is our own and is walked to its end (S20).
  for (let next = walkOn(believed); next !== null; next = walkOn(believed)) believed = next
  const rest = read.filter(({ any }) => any.tag !== 'trust')
  const all = new Map([
    ...believed.held,
    ...rest.map((item) => [toHex(item.any.known.id), signed(believed, item)] as const)
  ])
  const ledger = new Ledger(settle({ ...baseOf(believed), items: all }))
  const dropped = superfluous(ledger)
  ledger.drop(dropped)
  return { believed: ledger.believed(), dropped }
}

interface ReadItem {
  readonly any: AnyKnown
  readonly entries: Statement['entries']
  readonly settled: boolean
}

function signed(believed: Believed, { any, entries, settled }: ReadItem): Item {
  return {
    any: withEntries(any, unite(believed, any, { entries, parts: keysWithPart(believed, any) })),
    settled
  }
}

interface Item {
  readonly any: AnyKnown
  readonly settled: boolean
}

function checkFirst({ network, held }: Believed): void {
  const any = held.get(toHex(network))?.any
  if (any?.tag !== 'trust') return
  const missing = keysOf(any.known.body).length - any.known.signers.length
  if (missing > 0) throw mismatch(network, `lacks ${missing} signatures`)
}

/** The refusal to start on a first trust that is damaged or another network's (S25). */
function mismatch(network: Bytes, reason: string): OtaError {
  return new OtaError('BOOTSTRAP_MISMATCH', `the stored first trust ${reason}`, {
    hint: 'remove the stored trusts, or import them again with the network id you were told',
    facts: { network: toHex(network) }
  })
}
