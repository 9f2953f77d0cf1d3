import {
  channelsMax,
  equal,
  isOtaError,
  rivalsMax,
  toHex,
  type Bytes,
  type Code
} from '../../base/index.ts'
import type { Statement } from '../../records/index.ts'
import type { Believed, Held } from '../belief/believed.ts'
import { countUnderCurrent } from '../belief/judge.ts'
import type { AnyKnown, KnownRelease } from '../belief/known.ts'
import { Ledger } from '../belief/ledger.ts'
import { equalNumbers } from '../belief/order.ts'
import { keysOf } from '../belief/quorum.ts'
import { expired } from '../belief/settle.ts'
import { placeIn } from '../belief/sorted.ts'
import { forget, isCrowded } from './forget.ts'
import { keysWithPart, sameEntries, unite, withEntries, type Looked } from './parts.ts'
import { superfluous } from './pending.ts'
import { readStatement } from './read.ts'

/** What became of one statement from one carrier. */
export type Ruling =
  /** It is in force from now on. `alarm`: it is, and something is wrong beside it (S22, S42). */
  | { readonly tag: 'admitted'; readonly id: Bytes; readonly alarm: Code | null }
  /** Further signatures on one that was in force, or kept, before. */
  | { readonly tag: 'improved'; readonly id: Bytes }
  | { readonly tag: 'known'; readonly id: Bytes }
  /** It has its quorum and is kept and spread, but not acted on (S10, S17, S101). */
  | {
      readonly tag: 'kept'
      readonly code: Code
      readonly message: string
      readonly id: Bytes
    }
  /** Waits for more signatures, draw values or trusts. */
  | {
      readonly tag: 'pending'
      readonly code: Code
      readonly message: string
      readonly have: number
      readonly need: number
      readonly id: Bytes
      /** False if it brought nothing that was not here. */
      readonly isNew: boolean
    }
  /** Nothing of it is kept. `id` is null where it could not be read. */
  | {
      readonly tag: 'refused'
      readonly code: Code
      readonly message: string
      readonly id: Bytes | null
    }

export interface AdmissionOptions {
  /** Releases that this node runs, keeps or fetches: they are never forgotten. */
  readonly inUse?: readonly Bytes[]
}

/**
 * Takes statements in, one after the other, from a belief to the next one. Each costs its check and
 * what follows from it, not a look at all that is held.
 */
export class Admission {
  readonly #inUse: readonly Bytes[]
  #believed: Believed
  /** Null while a belief stands: whoever goes on from that first has the ledger. */
  #open: Ledger | null = null

  constructor(start: Believed, { inUse = [] }: AdmissionOptions = {}) {
    this.#believed = start
    this.#inUse = inUse
  }

  /** What is believed on the way; it changes with each statement taken. */
  get view(): Believed {
    return this.#open ?? this.#believed
  }

  /** What is believed after all of them, as a value. The bound holds again: see `forget`. */
  believed(): Believed {
    if (this.#open === null) return this.#believed
    forget(this.#open, this.#inUse)
    this.#believed = this.#open.close()
    this.#open = null
    return this.#believed
  }

  get #ledger(): Ledger {
    this.#open ??= Ledger.of(this.#believed)
    return this.#open
  }

  /** Judges one statement, as `admit` does. */
  take(statement: Statement, nowMs: number): Ruling {
    const ledger = this.#ledger
    let any: AnyKnown
    try {
      any = readStatement(ledger.network, statement)
    } catch (error) {
      if (!isOtaError(error)) throw error
      return { tag: 'refused', code: error.code, message: error.message, id: null }
    }
    const { id } = any.known
    const hex = toHex(id)
    const before = ledger.held.get(hex) ?? null
    const start = before?.any ?? any
    if (!canBegin(ledger, start)) {
      const message = 'no trust is here yet that could say who counts'
      return { tag: 'refused', code: 'TRUST_GAP', message, id }
    }
    // S13: counted before the first signature is tried.
    const parts = keysWithPart(ledger, start)
    const most = Math.max(entriesLeast, 2 * parts.size)
    if (statement.entries.length > most) {
      return tooMany(id, `${statement.entries.length} signatures, need at most ${most}`)
    }
    const looked = unite(ledger, start, { entries: statement.entries, parts })
    if (before !== null && sameEntries(looked.entries, before.any.known.statement.entries)) {
      return unchanged(before, looked, id)
    }
    const unproven = lackOfPossession(ledger, start, looked)
    if (unproven !== null) return { tag: 'refused', code: 'BAD_TRUST', message: unproven, id }
    return this.#hold({ any: withEntries(start, looked), hex, before, looked }, nowMs)
  }

  #hold({ any, hex, before, looked }: Change, nowMs: number): Ruling {
    const { id, signers } = any.known
    const ledger = this.#ledger
    // Nobody who counts signed it: it costs its check and nothing else (S99).
    if (signers.length === 0)
      return this.#ruling({ before, looked, held: ledger.look(any), isHeld: false, id })
    const full = before === null ? lackOfRoom(ledger, any) : null
    if (full !== null) return tooMany(id, full)
    const { trust } = ledger
    const held = ledger.put(hex, any)
    const mayCrowd = ledger.waiting.has(hex) || any.tag === 'release' || trust !== ledger.trust
    if (mayCrowd && ledger.waiting.size > 0) ledger.drop(superfluous(ledger))
    forget(ledger, this.#inUse, false)
    const isHeld = ledger.held.has(hex)
    const isAlarming = held.standing.tag === 'admitted'
    const alarm = isAlarming ? alarmOf(ledger, any, nowMs) : null
    return this.#ruling({ before, looked, held, isHeld, id, alarm })
  }

  #ruling({ before, looked, held, isHeld, id, alarm = null }: Outcome): Ruling {
    const { standing } = held
    switch (standing.tag) {
      case 'admitted':
        if (!isHeld) return tooMany(id, forgotten)
        if (before?.standing.tag === 'admitted') return { tag: 'improved', id }
        return { tag: 'admitted', id, alarm }
      case 'kept':
        if (before?.standing.tag === 'kept') return { tag: 'improved', id }
        return { ...standing, id }
      case 'pending': {
        const { code, message } = blame(standing, looked)
        if (isHeld) return { ...standing, code, message, id, isNew: true }
        const { trust } = this.#ledger
        const counted = trust !== null && countUnderCurrent(held.any, trust).have > 0
        if (!counted) return { tag: 'refused', code, message, id }
        return tooMany(id, 'its signers have 16 newer drafts waiting')
      }
      case 'refused':
      default:
        return { tag: 'refused', code: standing.code, message: standing.message, id }
    }
  }
}

/** So many are looked at in any case: a lone signer's release survives a few strangers (S5). */
const entriesLeast = 4

/** Why a statement with its quorum has no place. */
export const forgotten = 'older than all that is kept here'

interface Change {
  readonly any: AnyKnown
  readonly hex: string
  readonly before: Held | null
  readonly looked: Looked
}

interface Outcome {
  readonly before: Held | null
  readonly looked: Looked
  readonly held: Held
  readonly isHeld: boolean
  readonly id: Bytes
  readonly alarm?: Code | null
}

function tooMany(id: Bytes, message: string): Ruling {
  return { tag: 'refused', code: 'OVER_LIMIT', message, id }
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

/** Why there is no place for one more, though nobody doubts its signatures; else null. */
function lackOfRoom(ledger: Ledger, any: AnyKnown): string | null {
  if (isCrowded(ledger, any)) return 'the trust it names has its share of such statements'
  if (any.tag === 'trust') {
    const { version } = any.known.body
    const rivals = [...ledger.held.values()].filter(
      (held) => held.any.tag === 'trust' && held.any.known.body.version === version && held.settled
    )
    return rivals.length < rivalsMax ? null : `trust ${version} has ${rivals.length} rivals already`
  }
  if (any.tag !== 'release') return null
  const { channel } = any.known.body
  const { releases } = ledger
  if (releases[endOf(releases, channel) - 1]?.body.channel === channel) return null
  const full = countChannels(releases) >= channelsMax
  return full ? `channel ${channel} would be one more than ${channelsMax}` : null
}

/** Channels in force; the releases lie channel by channel. */
function countChannels(releases: readonly KnownRelease[]): number {
  let count = 0
  for (let at = 0; at < releases.length; count++) {
    at = endOf(releases, releases[at]?.body.channel ?? '')
  }
  return count
}

/** The place behind the last release of a channel. */
function endOf(releases: readonly KnownRelease[], channel: string): number {
  return placeIn(releases, channel, ({ body }, name) => (body.channel <= name ? -1 : 1))
}

function unchanged(before: Held, looked: Looked, id: Bytes): Ruling {
  if (before.standing.tag !== 'pending') return { tag: 'known', id }
  const { code, message } = blame(before.standing, looked)
  return { ...before.standing, code, message, id, isNew: false }
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

function alarmOf(believed: Believed, any: AnyKnown, nowMs: number): Code | null {
  if (any.tag === 'era') {
    const { name, seq } = any.known.body
    const rivals = believed.eras.filter(({ body }) => body.name === name && body.seq === seq)
    if (rivals.length > 1) return 'EQUIVOCATION'
  }
  if (any.tag !== 'release') return null
  if (equalNumbers(believed, any.known).length > 0) return 'EQUIVOCATION'
  return expired(believed, nowMs) ? 'TRUST_EXPIRED' : null
}
