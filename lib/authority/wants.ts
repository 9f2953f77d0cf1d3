import { compare, equal, toHex, trustStepsMax, type Bytes } from '../base/index.ts'
import { encodeStatement, STATEMENT, type AuthId } from '../records/index.ts'
import type { AnyKnown, Believed, Held } from '../trust/index.ts'

/** Ids remembered as asked in vain; then all are forgotten, which only costs asking again. */
const triedMax = 4_096

/** Steps that a list names to a peer that lags behind; the rest of its frame is for the others. */
const stepsListed = 128

/** What this node offers: admitted or kept, never what is pending (S99). */
function isOffered({ standing }: Held): boolean {
  return standing.tag === 'admitted' || standing.tag === 'kept'
}

/**
 * Everything offered, as AUTH_IDS lists it. T1 and the current trust first, then what lies above
 * `peerTrust`, the version a peer stands on, upwards: it may have to walk (S20). Older trusts come
 * last, so that whoever cuts the list short cuts off history.
 */
export function offeredIds(believed: Believed, peerTrust: number): readonly AuthId[] {
  const offered = [...believed.held.values()].filter(isOffered)
  const ranked = offered.map((held) => ({ held, rank: rank(held, believed, peerTrust) }))
  return ranked
    .toSorted((a, b) => a.rank - b.rank || byId(a.held, b.held))
    .map(({ held }) => toId(held))
}

/** A statement with its signatures as carriers bring it, if it is offered; else null. */
export function offeredBytes({ held }: Believed, id: Bytes): Bytes | null {
  const one = held.get(toHex(id))
  return one !== undefined && isOffered(one) ? encodeStatement(one.any.known.statement) : null
}

/**
 * What to ask a peer for, of what it has: unknown ids, and those of which it holds more signatures,
 * as a rotation adds them. The newest trust first, which may need no walk (S16); then the ones
 * between, upwards from here and 256 at most (S20): each of them is a step that holds; then the
 * rest, old trusts last. Without a trust, the first one and the checkpoint's, which alone prove
 * themselves.
 */
export class Wants {
  readonly #tried = new Map<string, number>()
  #under: Believed['trusts'] = []

  /** Remembers what a statement (the hex of its id) brought under the trusts of the moment. */
  note(believed: Believed, hex: string, sigs: number): void {
    this.#forgetOld(believed)
    if (this.#tried.size >= triedMax) this.#tried.clear()
    this.#tried.set(hex, Math.max(sigs, this.#tried.get(hex) ?? 0))
  }

  /** What was noted may have come to nothing: everything is asked for again. */
  clear(): void {
    this.#tried.clear()
  }

  list(believed: Believed, ids: readonly AuthId[]): readonly Bytes[] {
    this.#forgetOld(believed)
    const wanted = ids.filter((one) => this.#isWanted(believed, one))
    return inUrgency(wanted, believed.trust?.body.version ?? 0).map(({ id }) => id)
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
    return held === undefined || sigs > held.any.known.signers.length
  }

  /** A new trust may count what the others did not. */
  #forgetOld({ trusts }: Believed): void {
    if (trusts === this.#under) return
    this.#under = trusts
    this.#tried.clear()
  }
}

/** Old trusts asked for before other statements, which are likely to name one of them. */
const recentTrusts = 16

function inUrgency(ids: readonly AuthId[], version: number): readonly AuthId[] {
  const rising = ids.filter(({ type }) => type === STATEMENT.trust).toSorted((a, b) => a.a - b.a)
  const above = rising.filter(({ a }) => a > version)
  const newest = above.slice(-1)
  const between = above.slice(0, -1).slice(0, trustStepsMax - 1)
  const old = rising.filter(({ a }) => a <= version).toReversed()
  const others = ids
    .filter(({ type }) => type !== STATEMENT.trust)
    .toSorted((a, b) => stops(a) - stops(b) || compare(a.id, b.id))
  const recent = old.slice(0, recentTrusts)
  return [...newest, ...between, ...recent, ...others, ...old.slice(recentTrusts)]
}

/** What may stop a release comes before what may start one. */
function stops({ type }: AuthId): number {
  return type === STATEMENT.control ? 0 : 1
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

function rank({ any }: Held, { network, trust }: Believed, peerTrust: number): number {
  if (any.tag !== 'trust') return 3
  if (trust !== null && equal(any.known.id, trust.id)) return 0
  if (equal(any.known.id, network)) return 1
  const { version } = any.known.body
  const isNext = version > peerTrust && version <= peerTrust + stepsListed
  if (isNext) return 1 + version / Number.MAX_SAFE_INTEGER
  return 4 + (Number.MAX_SAFE_INTEGER - 4 - version)
}

function byId(a: Held, b: Held): number {
  return compare(a.any.known.id, b.any.known.id)
}
