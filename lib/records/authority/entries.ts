import { compare, concat, toHex, type Bytes } from '../../base/index.ts'
import { encodeWhole, decodeWhole } from '../codec/index.ts'
import { entry as entryCodec, type Entry, type Signature } from './statement.ts'

/** Ed25519, the one algorithm of version 1. */
const ALG_ED25519 = 1
const KEY_BYTES = 32
const SIGNED_BYTES = 96
/** A one-time value and twelve siblings of 32 bytes. */
const PROOF_BYTES = 416

/**
 * The signature in an entry, or null for another algorithm or length: such an entry is no fault, it
 * counts for nothing (S5, S11).
 */
export function decodeEntry({ alg, bytes }: Entry): Signature | null {
  const size = bytes.byteLength
  if (alg !== ALG_ED25519) return null
  if (size !== SIGNED_BYTES && size !== SIGNED_BYTES + PROOF_BYTES) return null
  return {
    key: bytes.subarray(0, KEY_BYTES),
    signature: bytes.subarray(KEY_BYTES, SIGNED_BYTES),
    proof: size === SIGNED_BYTES ? null : bytes.subarray(SIGNED_BYTES)
  }
}

export function encodeEntry({ key, signature, proof }: Signature): Entry {
  return { alg: ALG_ED25519, bytes: concat(proof ? [key, signature, proof] : [key, signature]) }
}

/** An entry by itself, as answers between signers carry it. Throws `OVER_LIMIT`. */
export function entryBytes(entry: Entry): Bytes {
  return encodeWhole(entryCodec, entry, 'signature entry')
}

/** The reverse of `entryBytes`. Throws `OVER_LIMIT`, `NOT_CANONICAL`. */
export function parseEntry(bytes: Bytes): Entry {
  return decodeWhole(entryCodec, bytes, { what: 'signature entry', bytesMax: 604 })
}

/**
 * Entries as a writer lays them down: sorted by their bytes, one per key, none that counts for
 * nothing. Of two of one key the one with a proof stays, else the smaller. Give it valid entries
 * only: validity is not known here.
 */
export function normaliseEntries(entries: readonly Entry[]): readonly Entry[] {
  const kept = new Map<string, Entry>()
  for (const entry of entries) {
    const signature = decodeEntry(entry)
    if (signature === null) continue
    const key = toHex(signature.key)
    const held = kept.get(key)
    if (held === undefined || better(entry, held)) kept.set(key, entry)
  }
  return [...kept.values()].toSorted((a, b) => compare(entryBytes(a), entryBytes(b)))
}

function better(entry: Entry, held: Entry): boolean {
  const longer = entry.bytes.byteLength - held.bytes.byteLength
  return longer === 0 ? compare(entry.bytes, held.bytes) < 0 : longer > 0
}
