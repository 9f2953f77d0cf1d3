import { compare, concat, type Bytes } from '../../base/index.ts'
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
export function decodeEntry(entry: Entry): Signature | null {
  if (!counts(entry)) return null
  const { bytes } = entry
  return {
    key: bytes.subarray(0, KEY_BYTES),
    signature: bytes.subarray(KEY_BYTES, SIGNED_BYTES),
    proof: bytes.byteLength === SIGNED_BYTES ? null : bytes.subarray(SIGNED_BYTES)
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
  if (isNormal(entries)) return entries
  const kept: Entry[] = []
  let last: Entry | null = null
  for (const entry of inOrderOf(entries.filter(counts), byKey)) {
    if (last === null || compareKeys(last, entry) !== 0) kept.push(entry)
    last = entry
  }
  return inOrderOf(kept, asWritten)
}

/** Sorted; a handful, as signatures are, by insertion: sorting at large costs more to set up. */
function inOrderOf(list: Entry[], order: (a: Entry, b: Entry) => number): readonly Entry[] {
  if (list.length > 16) return list.toSorted(order)
  for (let at = 1; at < list.length; at++) {
    for (let to = at; to > 0; to--) {
      const before = list[to - 1]
      const entry = list[to]
      if (before === undefined || entry === undefined || order(before, entry) <= 0) break
      list[to - 1] = entry
      list[to] = before
    }
  }
  return list
}

/** Most lists are in order already: writers laid them down. */
function isNormal(entries: readonly Entry[]): boolean {
  let last: Entry | null = null
  for (const entry of entries) {
    if (entry.alg !== ALG_ED25519 || entry.bytes.byteLength !== SIGNED_BYTES) return false
    if (last !== null && compareKeys(last, entry) >= 0) return false
    last = entry
  }
  return true
}

function counts({ alg, bytes: { byteLength } }: Entry): boolean {
  if (alg !== ALG_ED25519) return false
  return byteLength === SIGNED_BYTES || byteLength === SIGNED_BYTES + PROOF_BYTES
}

/** By key; of one key that which stays comes first. */
function byKey(a: Entry, b: Entry): number {
  const order = compareKeys(a, b)
  return order || b.bytes.byteLength - a.bytes.byteLength || compare(a.bytes, b.bytes)
}

function compareKeys({ bytes: a }: Entry, { bytes: b }: Entry): number {
  for (let at = 0; at < KEY_BYTES; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The order of `entryBytes`: one algorithm, the length before the rest, and two lengths only. */
function asWritten(a: Entry, b: Entry): number {
  return a.bytes.byteLength - b.bytes.byteLength || compare(a.bytes, b.bytes)
}
