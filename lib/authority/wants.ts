import { compare, equal, toHex, type Bytes } from '../base/index.ts'
import { encodeStatement, STATEMENT, type AuthId } from '../records/index.ts'
import type { AnyKnown, Believed, Held } from '../trust/index.ts'

/** Ids remembered as asked in vain; then all are forgotten, which only costs asking again. */
const triedMax = 4_096

/** What this node offers: admitted or kept, never what is pending (S99). */
function isOffered({ standing }: Held): boolean {
  return standing.tag === 'admitted' || standing.tag === 'kept'
}

/**
 * Everything offered, as AUTH_IDS lists it. T1 and the current trust first, older trusts last, so
 * that whoever cuts the list short cuts off history.
 */
export function offeredIds(believed: Believed): readonly AuthId[] {
  const offered = [...believed.held.values()].filter(isOffered)
  return offered.toSorted((a, b) => rank(a, believed) - rank(b, believed) || byId(a, b)).map(toId)
}

/** A statement with its signatures as carriers bring it, if it is offered; else null. */
export function offeredBytes({ held }: Believed, id: Bytes): Bytes | null {
  const one = held.get(toHex(id))
  return one !== undefined && isOffered(one) ? encodeStatement(one.any.known.statement) : null
}

/**
 * What to ask a peer for, of what it has: unknown ids, and those held without quorum or without a
 * named draw value of which it holds more signatures. Newest trust first, then the ones below it
 * (S16); without a trust, the first one and the checkpoint's, which alone prove themselves.
 */
export class Wants {
  readonly #tried = new Map<string, number>()
  #under = ''

  /** Remembers what a statement brought under the trust of the moment. */
  note(believed: Believed, id: Bytes, sigs: number): void {
    this.#forgetOld(believed)
    if (this.#tried.size >= triedMax) this.#tried.clear()
    const hex = toHex(id)
    this.#tried.set(hex, Math.max(sigs, this.#tried.get(hex) ?? 0))
  }

  list(believed: Believed, ids: readonly AuthId[]): readonly Bytes[] {
    this.#forgetOld(believed)
    const wanted = ids.filter((one) => this.#isWanted(believed, one))
    return wanted.toSorted(newestTrustFirst).map(({ id }) => id)
  }

  #isWanted(believed: Believed, { id, sigs }: AuthId): boolean {
    const { trust, network, checkpoint, adopted } = believed
    const hex = toHex(id)
    const held = believed.held.get(hex)
    if (trust === null) {
      const roots = [network, checkpoint?.id, adopted?.id]
      return held === undefined && roots.some((root) => root !== undefined && equal(root, id))
    }
    if (sigs <= (this.#tried.get(hex) ?? -1)) return false
    if (held === undefined) return true
    return !isOffered(held) && sigs > held.any.known.signers.length
  }

  /** A new trust may count what the old one did not. */
  #forgetOld({ trust }: Believed): void {
    const under = trust === null ? '' : toHex(trust.id)
    if (under === this.#under) return
    this.#under = under
    this.#tried.clear()
  }
}

function toId({ any }: Held): AuthId {
  const { id, signers } = any.known
  const base = { type: typeOf(any), id, a: 0, b: 0, sigs: signers.length }
  if (any.tag === 'trust') return { ...base, a: any.known.body.version }
  if (any.tag === 'release') return { ...base, a: any.known.body.epoch, b: any.known.body.seq }
  return base
}

function typeOf(any: AnyKnown): number {
  return any.tag === 'other' ? any.known.body.type : STATEMENT[any.tag]
}

function rank({ any }: Held, { network, trust }: Believed): number {
  if (any.tag !== 'trust') return 2
  if (trust !== null && equal(any.known.id, trust.id)) return 0
  if (equal(any.known.id, network)) return 1
  return 3 + (Number.MAX_SAFE_INTEGER - 3 - any.known.body.version)
}

function byId(a: Held, b: Held): number {
  return compare(a.any.known.id, b.any.known.id)
}

function newestTrustFirst(a: AuthId, b: AuthId): number {
  const aIs = a.type === STATEMENT.trust
  const bIs = b.type === STATEMENT.trust
  if (aIs !== bIs) return aIs ? -1 : 1
  return aIs ? b.a - a.a : compare(a.id, b.id)
}
