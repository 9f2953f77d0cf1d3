import { equal, isOtaError, toHex, type Bytes, type Code } from '../../base/index.ts'
import type { Statement } from '../../records/index.ts'
import type { Believed, Held } from '../belief/believed.ts'
import { countUnderCurrent, judge } from '../belief/judge.ts'
import type { AnyKnown } from '../belief/known.ts'
import { equalNumbers } from '../belief/order.ts'
import { keysWithPart, sameEntries, unite, withEntries, type Looked } from './parts.ts'
import { superfluous } from './pending.ts'
import { keysOf } from '../belief/quorum.ts'
import { readStatement } from './read.ts'
import { baseOf, expired, settle } from '../belief/settle.ts'

/** What became of one statement from one carrier. */
export type Verdict =
  /** It is in force from now on. `alarm`: it is, and something is wrong beside it (S22, S42). */
  | {
      readonly tag: 'admitted'
      readonly believed: Believed
      readonly id: Bytes
      readonly alarm: Code | null
    }
  /** Further signatures on one that was in force, or kept, before. */
  | { readonly tag: 'improved'; readonly believed: Believed; readonly id: Bytes }
  | { readonly tag: 'known'; readonly id: Bytes }
  /** It has its quorum and is kept and spread, but not acted on (S10, S17, S101). */
  | {
      readonly tag: 'kept'
      readonly code: Code
      readonly message: string
      readonly id: Bytes
      readonly believed: Believed
    }
  /** Waits for more signatures, draw values or trusts; `believed` is null if nothing was new. */
  | {
      readonly tag: 'pending'
      readonly code: Code
      readonly message: string
      readonly have: number
      readonly need: number
      readonly id: Bytes
      readonly believed: Believed | null
    }
  /** Nothing of it is kept. `id` is null where it could not be read. */
  | {
      readonly tag: 'refused'
      readonly code: Code
      readonly message: string
      readonly id: Bytes | null
    }

/**
 * Judges one statement, wherever it came from: network, form, keys, signatures, then its place
 * among everything held. Permission is counted under the current trust, refusal under the trust it
 * names; keys are counted, never signatures. Nothing is lost on the way: what was short waits, and
 * what this statement makes whole is admitted with it. `nowMs` only raises `TRUST_EXPIRED` as an
 * alarm: no clock decides what is believed.
 */
export function admit(believed: Believed, statement: Statement, nowMs: number): Verdict {
  let any: AnyKnown
  try {
    any = readStatement(believed.network, statement)
  } catch (error) {
    if (!isOtaError(error)) throw error
    return { tag: 'refused', code: error.code, message: error.message, id: null }
  }
  const before = believed.held.get(toHex(any.known.id)) ?? null
  const start = before?.any ?? any
  const { id } = any.known
  if (!canBegin(believed, start)) {
    const message = 'no trust is here yet that could say who counts'
    return { tag: 'refused', code: 'TRUST_GAP', message, id }
  }
  // S13: counted before the first signature is tried.
  const parts = keysWithPart(believed, start).size
  const most = Math.max(entriesLeast, 2 * parts)
  if (statement.entries.length > most) {
    const message = `${statement.entries.length} signatures, need at most ${most}`
    return { tag: 'refused', code: 'OVER_LIMIT', message, id }
  }
  const looked = unite(believed, start, statement.entries)
  if (before !== null && sameEntries(looked.entries, before.any.known.statement.entries)) {
    return unchanged(before, looked, id)
  }
  const unproven = lackOfPossession(believed, start, looked)
  if (unproven !== null) return { tag: 'refused', code: 'BAD_TRUST', message: unproven, id }
  const next = hold(believed, withEntries(start, looked))
  return verdictOf({ believed, before, next, looked, id }, nowMs)
}

/** So many are looked at in any case: a lone signer's release survives a few strangers (S5). */
const entriesLeast = 4

interface Change {
  readonly believed: Believed
  readonly before: Held | null
  readonly next: { readonly believed: Believed; readonly held: Held }
  readonly looked: Looked
  readonly id: Bytes
}

function verdictOf({ believed, before, next, looked, id }: Change, nowMs: number): Verdict {
  const { standing } = next.held
  const isHeld = next.believed.held.has(toHex(id))
  switch (standing.tag) {
    case 'admitted':
      if (before?.standing.tag === 'admitted') {
        return { tag: 'improved', believed: next.believed, id }
      }
      return { tag: 'admitted', believed: next.believed, id, alarm: alarmOf(next, nowMs) }
    case 'kept':
      if (before?.standing.tag === 'kept') return { tag: 'improved', believed: next.believed, id }
      return { ...standing, id, believed: next.believed }
    case 'pending': {
      const { code, message } = blame(standing, looked)
      if (isHeld) return { ...standing, code, message, id, believed: next.believed }
      const counted = believed.trust && countUnderCurrent(next.held.any, believed.trust).have
      if (!counted) return { tag: 'refused', code, message, id }
      const full = 'its signers have 16 newer drafts waiting'
      return { tag: 'refused', code: 'OVER_LIMIT', message: full, id }
    }
    case 'refused':
    default:
      return { tag: 'refused', code: standing.code, message: standing.message, id }
  }
}

/** Without a trust only those prove themselves whose ids were told: T1 and the checkpoint's. */
function canBegin({ trust, network, checkpoint, adopted }: Believed, any: AnyKnown): boolean {
  if (trust !== null) return true
  const told = [network, checkpoint?.id, adopted?.id].filter((id) => id !== undefined)
  return any.tag === 'trust' && told.some((id) => equal(id, any.known.id))
}

/** design 1: T1 is signed by every key it lists, each proving that somebody holds it (S94). */
function lackOfPossession({ network }: Believed, any: AnyKnown, looked: Looked): string | null {
  if (any.tag !== 'trust' || !equal(any.known.id, network)) return null
  const listed = keysOf(any.known.body)
  const have = looked.signers.length
  if (have >= listed.length) return null
  return `trust 1 has ${have} signatures, need one of each of its ${listed.length} keys`
}

/** Puts it among what is held, settles, and lets go of what is not worth its place. */
function hold(believed: Believed, any: AnyKnown): Change['next'] {
  const hex = toHex(any.known.id)
  const base = baseOf(believed)
  // Nobody who counts signed it: it costs its check and nothing else (S99).
  if (any.known.signers.length === 0) return { believed, held: strange(believed, any) }
  const settled = believed.held.get(hex)?.settled ?? false
  const all = settle({ ...base, items: new Map([...base.items, [hex, { any, settled }]]) })
  const held = all.held.get(hex) ?? { any, settled, standing: { tag: 'admitted' } }
  const drop = superfluous(all)
  if (drop.size === 0) return { believed: all, held }
  const items = new Map([...all.held].filter(([key]) => !drop.has(key)))
  return { believed: settle({ ...baseOf(all), items }), held }
}

function strange(believed: Believed, any: AnyKnown): Held {
  const { network, checkpoint, trust, trusts, fork, held } = believed
  const chain = { current: trust, path: trusts, fork }
  const item = { any, settled: false }
  return { ...item, standing: judge(item, { network, checkpoint, chain, items: held }) }
}

function unchanged(before: Held, looked: Looked, id: Bytes): Verdict {
  if (before.standing.tag !== 'pending') return { tag: 'known', id }
  const { code, message } = blame(before.standing, looked)
  return { ...before.standing, code, message, id, believed: null }
}

/** Why a statement fell short, in its own words where this carrier's bytes are to blame. */
function blame(
  standing: { readonly code: Code; readonly message: string },
  { signers, bad, badProofs }: Looked
): { readonly code: Code; readonly message: string } {
  if (standing.code === 'DRAW_INCOMPLETE' && badProofs > 0) {
    const message = `${standing.message}; a path does not meet its root`
    return { code: 'DRAW_INVALID', message }
  }
  if (signers.length === 0 && bad > 0) {
    return { code: 'BAD_SIGNATURE', message: `${standing.message}; none of ${bad} verifies` }
  }
  return standing
}

function alarmOf({ believed, held }: Change['next'], nowMs: number): Code | null {
  if (held.any.tag === 'era') {
    const { name, seq } = held.any.known.body
    const rivals = believed.eras.filter(({ body }) => body.name === name && body.seq === seq)
    if (rivals.length > 1) return 'EQUIVOCATION'
  }
  if (held.any.tag !== 'release') return null
  if (equalNumbers(believed, held.any.known).length > 0) return 'EQUIVOCATION'
  return expired(believed, nowMs) ? 'TRUST_EXPIRED' : null
}
