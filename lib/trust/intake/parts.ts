import { copy, equal, toHex, type Bytes } from '../../base/index.ts'
import {
  decodeEntry,
  encodeEntry,
  normaliseEntries,
  STATEMENT,
  type Entry,
  type Member,
  type RoleName,
  type Signature,
  type Statement
} from '../../records/index.ts'
import type { Believed } from '../belief/believed.ts'
import { checkProof } from '../draw.ts'
import { claimOf } from '../belief/drawers.ts'
import { verify } from '../keys.ts'
import type { AnyKnown, KnownTrust } from '../belief/known.ts'
import { keysOf, membersOf } from '../belief/quorum.ts'
import { namedTrust } from '../belief/settle.ts'

/** The keys that may count on a statement, each once. */
export interface Parts {
  readonly size: number
  has(key: Bytes): boolean
}

/**
 * The keys that may count on a statement: of its role under the current trust and under the one it
 * names, and the drawers it names; of a trust every key it lists and the roots it may follow.
 */
export function keysWithPart(believed: Believed, any: AnyKnown): Parts {
  const { trust } = believed
  switch (any.tag) {
    case 'trust':
      return partsOf(keysOf(any.known.body), ...rootsOf(believed).map(ofRole('root')))
    case 'other':
      return any.known.body.type === STATEMENT.trust
        ? partsOf(...rootsOf(believed).map(ofRole('root')))
        : partsOf(trust ? ofRole('release')(trust) : [])
    case 'revoke':
      return partsOf(trust ? ofRole('enrol')(trust) : [])
    case 'release':
    case 'control':
    case 'era': {
      const named = namedTrust(believed, any.known.body.head.trustId)
      const judges = named === trust || named === null ? [trust] : [trust, named]
      const drawers = any.tag === 'release' ? any.known.body.drawers : []
      const lists = judges.map((judge) => (judge === null ? [] : ofRole('release')(judge)))
      return drawers.length > 0 ? partsOf(...lists, drawers) : partsOf(...lists)
    }
    default:
      return partsOf()
  }
}

function rootsOf({ trust, trusts, fork }: Believed): readonly KnownTrust[] {
  return [...new Set([...trusts, ...fork, ...(trust ? [trust] : [])])]
}

/** Each list names a key at most once. */
function partsOf(...lists: readonly (readonly Bytes[])[]): Parts {
  const [first = []] = lists
  if (lists.length === 1 && first.length <= 16) {
    return { size: first.length, has: (key) => first.some((one) => equal(one, key)) }
  }
  const names = new Set(lists.flatMap(namesOf))
  return { size: names.size, has: (key) => names.has(toHex(key)) }
}

// Lists of keys are values, and those of a role are asked for at each statement.
const keyLists = new WeakMap<readonly Member[], readonly Bytes[]>()
const nameLists = new WeakMap<readonly Bytes[], readonly string[]>()

function namesOf(keys: readonly Bytes[]): readonly string[] {
  const known = nameLists.get(keys) ?? keys.map(toHex)
  nameLists.set(keys, known)
  return known
}

function ofRole(name: RoleName): (trust: KnownTrust) => readonly Bytes[] {
  return ({ body }) => {
    const members = membersOf(body, name)
    const known = keyLists.get(members) ?? members.map(({ key }) => key)
    keyLists.set(members, known)
    return known
  }
}

/** What a look at foreign entries brought. */
export interface Looked {
  /** Valid ones of keys with a part, those already held among them, as a writer lays them down. */
  readonly entries: readonly Entry[]
  readonly signers: readonly Bytes[]
  /** Entries of keys with a part whose signature does not verify (S7, S12). */
  readonly bad: number
  /** Some of what was offered does not count, or is held already. */
  readonly isStripped: boolean
  /** Proofs that do not meet the root they must (S100). */
  readonly badProofs: number
}

/** Foreign entries, and whose may count: `keysWithPart`. */
export interface Offer {
  readonly entries: readonly Entry[]
  readonly parts: Parts
}

/**
 * Takes from `entries` what counts, beside what is held already. A signature that is held is not
 * verified again; unknown keys and algorithms cost nothing and are dropped (S5, S11).
 */
export function unite(believed: Believed, any: AnyKnown, { entries, parts }: Offer): Looked {
  const { statement } = any.known
  const good: Entry[] = [...statement.entries]
  let bad = 0
  let badProofs = 0
  for (const entry of entries) {
    const signature = decodeEntry(entry)
    if (signature === null || !parts.has(signature.key)) continue
    const isHeld = good.some((other) => isOneSignature(other, entry))
    if (isHeld && signature.proof === null) continue
    if (!isHeld && !verify(statement.canonical, signature.signature, signature.key)) {
      bad++
      continue
    }
    const proof = goodProof(believed, any, signature)
    if (signature.proof !== null && proof === null) badProofs++
    good.push(proof === signature.proof ? entry : encodeEntry({ ...signature, proof }))
  }
  const laid = normaliseEntries(good)
  const isStripped = laid.length < statement.entries.length + entries.length
  return { entries: laid, signers: laid.map(keyOf), bad, badProofs, isStripped }
}

/**
 * The same statement with what a look at its entries brought. What is kept does not hold on to what
 * was stripped: both lie in one copy of the carrier's bytes.
 */
export function withEntries(
  any: AnyKnown,
  { entries, signers, isStripped }: Pick<Looked, 'entries' | 'signers' | 'isStripped'>
): AnyKnown {
  const { statement: before } = any.known
  const statement = isStripped ? alone(before, entries) : { ...before, entries }
  // Cast: only entries and signers change, never the body that the tag stands for.
  return { ...any, known: { ...any.known, statement, signers } } as AnyKnown
}

/** The proof, if its signer is a named drawer and it meets her root; else it is stripped. */
function goodProof(believed: Believed, any: AnyKnown, { key, proof }: Signature): Bytes | null {
  if (proof === null || any.tag !== 'release') return null
  const named = namedTrust(believed, any.known.body.head.trustId)
  const claim = named && claimOf(any.known.body, key, named.body)
  return claim !== null && checkProof(proof, claim) !== null ? proof : null
}

/** The same key and signature, whatever proof stands beside them: what was verified once. */
function isOneSignature({ bytes: a }: Entry, { bytes: b }: Entry): boolean {
  for (let at = 0; at < 96; at++) if (a[at] !== b[at]) return false
  return true
}

function alone(statement: Statement, entries: readonly Entry[]): Statement {
  const canonical = copy(statement.canonical)
  return {
    ...statement,
    canonical,
    body: canonical.subarray(canonical.byteLength - statement.body.byteLength),
    entries: entries.map(({ alg, bytes }) => ({ alg, bytes: copy(bytes) }))
  }
}

function keyOf({ bytes }: Entry): Bytes {
  return bytes.slice(0, 32)
}

/** Whether two lists of entries, both as a writer lays them down, are the same. */
export function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, index) => {
      const other = b[index]
      return other !== undefined && equal(entry.bytes, other.bytes)
    })
  )
}
