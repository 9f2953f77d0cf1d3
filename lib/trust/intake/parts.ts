import { equal, toHex, type Bytes } from '../../base/index.ts'
import {
  decodeEntry,
  encodeEntry,
  normaliseEntries,
  STATEMENT,
  type Entry,
  type RoleName,
  type Signature
} from '../../records/index.ts'
import type { Believed } from '../belief/believed.ts'
import { checkProof } from '../draw.ts'
import { claimOf } from '../belief/drawers.ts'
import { verify } from '../keys.ts'
import type { AnyKnown, KnownTrust } from '../belief/known.ts'
import { keysOf, membersOf } from '../belief/quorum.ts'
import { namedTrust } from '../belief/settle.ts'

/**
 * The keys that may count on a statement, in hex: of its role under the current trust and under the
 * one it names, and the drawers it names; of a trust every key it lists and the roots it may
 * follow.
 */
export function keysWithPart(believed: Believed, any: AnyKnown): ReadonlySet<string> {
  const { trust, trusts, fork } = believed
  const roots = [...trusts, ...fork, ...(trust ? [trust] : [])]
  switch (any.tag) {
    case 'trust':
      return hexSet([...keysOf(any.known.body), ...roots.flatMap(ofRole('root'))])
    case 'other':
      return any.known.body.type === STATEMENT.trust
        ? hexSet(roots.flatMap(ofRole('root')))
        : hexSet(trust ? ofRole('release')(trust) : [])
    case 'revoke':
      return hexSet(trust ? ofRole('enrol')(trust) : [])
    case 'release':
    case 'control':
    case 'era': {
      const named = namedTrust(believed, any.known.body.head.trustId)
      const judges = [trust, named].filter((one) => one !== null)
      const drawers = any.tag === 'release' ? any.known.body.drawers : []
      return hexSet([...judges.flatMap(ofRole('release')), ...drawers])
    }
    default:
      return new Set()
  }
}

/** What a look at foreign entries brought. */
export interface Looked {
  /** Valid ones of keys with a part, those already held among them, as a writer lays them down. */
  readonly entries: readonly Entry[]
  readonly signers: readonly Bytes[]
  /** Entries of keys with a part whose signature does not verify (S7, S12). */
  readonly bad: number
  /** Proofs that do not meet the root they must (S100). */
  readonly badProofs: number
}

/** Foreign entries, and whose may count: `keysWithPart`. */
export interface Offer {
  readonly entries: readonly Entry[]
  readonly parts: ReadonlySet<string>
}

/**
 * Takes from `entries` what counts, beside what is held already. A signature that is held is not
 * verified again; unknown keys and algorithms cost nothing and are dropped (S5, S11).
 */
export function unite(believed: Believed, any: AnyKnown, { entries, parts }: Offer): Looked {
  const { statement } = any.known
  const held = new Set(statement.entries.map(signedPart))
  const good: Entry[] = [...statement.entries]
  let bad = 0
  let badProofs = 0
  for (const entry of entries) {
    const signature = decodeEntry(entry)
    if (signature === null || !parts.has(toHex(signature.key))) continue
    const name = signedPart(entry)
    const isHeld = held.has(name)
    if (isHeld && signature.proof === null) continue
    if (!isHeld && !verify(statement.canonical, signature.signature, signature.key)) {
      bad++
      continue
    }
    const proof = goodProof(believed, any, signature)
    if (signature.proof !== null && proof === null) badProofs++
    held.add(name)
    good.push(proof === signature.proof ? entry : encodeEntry({ ...signature, proof }))
  }
  const laid = normaliseEntries(good)
  return { entries: laid, signers: laid.map(keyOf), bad, badProofs }
}

/** The same statement with what a look at its entries brought. */
export function withEntries(
  any: AnyKnown,
  { entries, signers }: Pick<Looked, 'entries' | 'signers'>
): AnyKnown {
  const statement = { ...any.known.statement, entries }
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

function ofRole(name: RoleName): (trust: KnownTrust) => readonly Bytes[] {
  return ({ body }) => membersOf(body, name).map(({ key }) => key)
}

function hexSet(keys: readonly Bytes[]): ReadonlySet<string> {
  return new Set(keys.map(toHex))
}

/** Key and signature without a proof: what was verified once. */
function signedPart({ bytes }: Entry): string {
  return toHex(bytes.subarray(0, 96))
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
