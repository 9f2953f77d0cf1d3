import {
  authorityBytesMax,
  copy,
  entryBytesMax,
  releaseBytesMax,
  statementBytesMax,
  statementEntriesMax,
  trustBytesMax,
  trustEntriesMax,
  type Bytes
} from '../../base/index.ts'
import {
  blob,
  checkSize,
  decodeWhole,
  encodeWhole,
  fixed,
  inOrder,
  struct,
  u8,
  type Codec,
  type Reader,
  Writer
} from '../codec/index.ts'
import type { Control } from './control.ts'
import type { Era } from './era.ts'
import type { Release } from './release.ts'
import type { Revoke } from './revoke.ts'
import type { Trust } from './trust.ts'

/** Domain tag of authority statements; 19 bytes, no terminator. */
const STATEMENT_TAG = 'upswell/statement/1'

/** Wire numbers of authority statements. 128 to 255 must be ignored when unknown. */
export const STATEMENT = { trust: 1, release: 2, control: 3, era: 4, revoke: 5 } as const

/** A signature entry as it lies in a carrier: foreign until looked at. */
export interface Entry {
  readonly alg: number
  readonly bytes: Bytes
}

/** Alg 1: Ed25519, with a draw proof of 416 bytes where the signer is a named drawer. */
export interface Signature {
  readonly key: Bytes
  readonly signature: Bytes
  readonly proof: Bytes | null
}

/**
 * An authority statement as a carrier brings it. `canonical` is C, the bytes that are signed and
 * hashed; the entries are not covered by the id.
 */
export interface Statement {
  readonly network: Bytes
  readonly type: number
  readonly body: Bytes
  readonly canonical: Bytes
  readonly entries: readonly Entry[]
}

export type Body =
  | { readonly tag: 'trust'; readonly trust: Trust }
  | { readonly tag: 'release'; readonly release: Release }
  | { readonly tag: 'control'; readonly control: Control }
  | { readonly tag: 'era'; readonly era: Era }
  | { readonly tag: 'revoke'; readonly revoke: Revoke }
  /** Type ≥ 128: kept, spread, ignored. */
  | { readonly tag: 'unknown'; readonly type: number }

/** What an author puts together; the canonical bytes follow from it. */
export type StatementParts = Pick<Statement, 'network' | 'type' | 'body' | 'entries'>

export const entry: Codec<Entry> = struct({ alg: u8, bytes: blob(entryBytesMax) })

const network = fixed(32)

const statement: Codec<Statement> = {
  write(writer, value) {
    writer.raw(value.canonical)
    inOrder(entriesMax(value.type), entry).write(writer, value.entries)
  },
  read(reader) {
    const start = reader.offset
    reader.tag(STATEMENT_TAG)
    const net = reader.field('network', () => network.read(reader))
    const type = reader.field('type', () => reader.u8())
    const size = reader.field('body', () => skipBody(reader, canonicalMax(type)))
    const canonical = copy(reader.since(start))
    // The body ends C: a view of the one copy
    const body = canonical.subarray(canonical.byteLength - size)
    checkSize(canonical.byteLength, { what: 'statement', bytesMax: canonicalMax(type) })
    const entries = reader.field('signatures', () => inOrder(entriesMax(type), entry).read(reader))
    return { network: net, type, body, canonical, entries }
  }
}

/** Steps over a body and says its size. */
function skipBody(reader: Reader, bytesMax: number): number {
  const size = reader.uint()
  if (size > bytesMax) reader.fail('OVER_LIMIT', `at most ${bytesMax} bytes, have ${size}`)
  reader.skip(size)
  return size
}

/** Most bytes of C without signatures. */
function canonicalMax(type: number): number {
  if (type === STATEMENT.trust) return trustBytesMax
  return type === STATEMENT.release ? releaseBytesMax : authorityBytesMax
}

/** What no trust could ever exceed; the exact bound needs the trust and is judged there (S13). */
function entriesMax(type: number): number {
  return type > 1 && type < 128 ? statementEntriesMax : trustEntriesMax
}

/** C: domain tag, network, type and body; what is signed and hashed. Throws `OVER_LIMIT`. */
export function encodeCanonical(net: Bytes, type: number, body: Bytes): Bytes {
  const writer = new Writer('statement')
  writer.tag(STATEMENT_TAG)
  network.write(writer, net)
  writer.u8(type)
  blob(canonicalMax(type)).write(writer, body)
  const canonical = writer.finish()
  checkSize(canonical.byteLength, { what: 'statement', bytesMax: canonicalMax(type) })
  return canonical
}

/** A statement as carriers bring it, entries in the order given. Throws `OVER_LIMIT`. */
export function encodeStatement(parts: StatementParts): Bytes {
  const canonical = encodeCanonical(parts.network, parts.type, parts.body)
  const bytes = encodeWhole(statement, { ...parts, canonical }, 'statement')
  checkSize(bytes.byteLength, { what: 'statement', bytesMax: statementBytesMax })
  return bytes
}

/**
 * The envelope alone, of any type; `decodeBody` reads what is in it. Throws `OVER_LIMIT` (S13) and
 * `NOT_CANONICAL` (S9). Entries are foreign: any order, repeats and unknown algorithms are taken.
 */
export function decodeStatement(bytes: Bytes): Statement {
  return decodeWhole(statement, bytes, { what: 'statement', bytesMax: statementBytesMax })
}
