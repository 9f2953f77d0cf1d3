import { OtaError, equal, toHex, type Bytes } from '../base/index.ts'
import {
  ROLE,
  decodeEntry,
  normaliseEntries,
  type Entry,
  type Member,
  type Signature,
  type Trust
} from '../records/index.ts'
import { checkProof, keysOf, verify } from '../trust/index.ts'
import { nameOf, roleNumberOf, type Draft } from './papers/request.ts'

/** The trusts a draft is counted under. */
export interface Counting {
  /** The trust whose keys permit: the newest known; null when this home knows none. */
  readonly trust: Trust | null
  /** The trust the draft names, under which draws are judged; left out: the one that permits. */
  readonly named?: Trust | null
}

/** One group of keys that must be met. */
export interface Side {
  /** `` for the only one, else "of trust 1", "of its own". */
  readonly of: string
  readonly have: number
  readonly need: number
  readonly signers: readonly Member[]
  readonly missing: readonly Member[]
}

export interface Tally {
  /** Every side must be met. Empty: nobody here knows who counts. */
  readonly sides: readonly Side[]
  /** Valid, of keys with a part in it, as a writer lays them down. */
  readonly entries: readonly Entry[]
  /** Labels of valid signatures that count for nothing. */
  readonly idle: number
  /** Named drawers whose value is not there. */
  readonly drawers: readonly Member[]
}

/**
 * Counts distinct keys whose signature verifies over the draft's own bytes (S2, S7). Invalid
 * entries and those of keys without a part are left out, never counted.
 */
export function tally(draft: Draft, entries: readonly Entry[], counting: Counting): Tally {
  const { trust } = counting
  const valid = entries.filter((entry) => isValid(draft, entry))
  const signatures = valid.map(decodeEntry).filter((one) => one !== null)
  const sides = sidesFor(draft, trust).map(({ of, need, members }) => {
    const signed = new Set(signatures.map(hexKey))
    const sorted = members.toSorted(byLabel)
    const signers = sorted.filter((member) => signed.has(hexKey(member)))
    const missing = sorted.filter((member) => !signed.has(hexKey(member)))
    return { of, need, have: signers.length, signers, missing }
  })
  const drawers = namedDrawers(draft, counting.named ?? trust)
  const parts = new Set(sidesFor(draft, trust).flatMap(({ members }) => members.map(hexKey)))
  for (const drawer of drawers) parts.add(hexKey(drawer))
  const counted = trust === null && sides.length === 0 ? valid : valid.filter(hasPart(parts))
  return {
    sides,
    entries: normaliseEntries(counted),
    idle: valid.length - counted.length,
    drawers: drawers.filter((drawer) => !hasValue(draft, drawer, signatures))
  }
}

/** The side that is furthest from its number; null when no trust is known. */
export function shortest({ sides }: Tally): Side | null {
  const open = sides.toSorted((a, b) => a.have - a.need - (b.have - b.need))
  return open[0] ?? null
}

/**
 * Throws `THRESHOLD_NOT_MET` or `DRAW_INCOMPLETE` with the sentence that says who is missing, and
 * whom to ask. `word` is how the request is named on the command line.
 */
export function demandComplete(draft: Draft, count: Tally, word: string): void {
  const short = shortest(count)
  if (short === null) {
    throw new OtaError('TRUST_GAP', `${nameOf(draft)} names a trust that is not here`, {
      hint: 'follow its network first: ota-publish join JOIN'
    })
  }
  if (short.have < short.need) throw tooFew(draft, short, word)
  const drawer = count.drawers[0]
  if (drawer === undefined) return
  throw new OtaError(
    'DRAW_INCOMPLETE',
    `${nameOf(draft)} lacks the draw value of ${drawer.label}`,
    {
      hint: `ask ${drawer.label} to run: ota-publish sign ${word}`
    }
  )
}

function tooFew(draft: Draft, short: Side, word: string): OtaError {
  const who = short.signers.length === 0 ? '' : ` (${labels(short.signers, ', ')})`
  const of = short.of === '' ? '' : ` ${short.of}`
  const have = `${short.have} of ${short.need} signatures${of}`
  return new OtaError('THRESHOLD_NOT_MET', `${nameOf(draft)} has ${have}${who}`, {
    hint: `ask ${labels(short.missing, ' or ')} to run: ota-publish sign ${word}`,
    facts: { have: short.have, need: short.need }
  })
}

/** Who may sign a draft, so that others are told before they are asked for a pass phrase. */
export function partsOf(draft: Draft, trust: Trust | null): readonly Member[] {
  const members = sidesFor(draft, trust).flatMap((side) => side.members)
  members.push(...namedDrawers(draft, trust))
  return [...new Map(members.map((member) => [hexKey(member), member])).values()]
}

interface Group {
  readonly of: string
  readonly need: number
  readonly members: readonly Member[]
}

function sidesFor(draft: Draft, trust: Trust | null): readonly Group[] {
  const { body } = draft
  if (body.tag === 'trust') return trustSides(body.trust, trust)
  if (trust === null) return []
  return [groupOf(trust, roleNumberOf(draft), '')]
}

/** T1: every key it lists (S94). Later: root of the trust it follows, and its own root (S14). */
function trustSides(next: Trust, before: Trust | null): readonly Group[] {
  if (next.version === 1) {
    const keys = keysOf(next)
    const members = keys.map((key) => memberOf(next, key)).filter((one) => one !== null)
    return [{ of: '', need: keys.length, members }]
  }
  const own = groupOf(next, ROLE.root, 'of its own root')
  if (before === null) return []
  return [groupOf(before, ROLE.root, `of the root of trust ${before.version}`), own]
}

function groupOf(trust: Trust, role: number, of: string): Group {
  const found = trust.roles.find((one) => one.role === role)
  return { of, need: Math.max(1, found?.threshold ?? 1), members: found?.members ?? [] }
}

function memberOf(trust: Trust, key: Bytes): Member | null {
  const all = trust.roles.flatMap(({ members }) => members)
  return all.find((member) => equal(member.key, key)) ?? null
}

function namedDrawers(draft: Draft, trust: Trust | null): readonly Member[] {
  if (draft.body.tag !== 'release' || trust === null) return []
  const { drawers } = draft.body.release
  const listed = trust.roles.find(({ role }) => role === ROLE.draw)?.members ?? []
  return listed.filter(({ key }) => drawers.some((named) => equal(named, key)))
}

/** A value counts only beside that key's valid signature over the same release (S100). */
function hasValue(draft: Draft, drawer: Member, signatures: readonly Signature[]): boolean {
  if (draft.body.tag !== 'release' || drawer.draw === null) return false
  const { drawNumber } = draft.body.release
  const mine = signatures.find(({ key }) => equal(key, drawer.key))
  if (mine === undefined || mine.proof === null || drawNumber === null) return false
  return checkProof(mine.proof, { key: drawer.key, ...drawer.draw, drawNumber }) !== null
}

function isValid({ statement }: Draft, entry: Entry): boolean {
  const signature = decodeEntry(entry)
  if (signature === null) return false
  return verify(statement.canonical, signature.signature, signature.key)
}

function hasPart(parts: ReadonlySet<string>): (entry: Entry) => boolean {
  return (entry) => {
    const signature = decodeEntry(entry)
    return signature !== null && parts.has(toHex(signature.key))
  }
}

function hexKey({ key }: Pick<Member, 'key'>): string {
  return toHex(key)
}

function byLabel(a: Member, b: Member): number {
  return a.label < b.label ? -1 : Number(a.label > b.label)
}

function labels(members: readonly Member[], between: string): string {
  return members.map(({ label }) => label).join(between)
}
