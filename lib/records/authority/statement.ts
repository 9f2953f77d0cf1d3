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
  encodeWhole,
  fixed,
  inOrder,
  readWhole,
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

/** Bytes with their length, as a view: a statement is one copy, and its parts lie in it. */
function viewOf(reader: Reader, bytesMax: number): Bytes {
  const size = reader.uint()
  if (size > bytesMax) reader.fail('OVER_LIMIT', `at most ${bytesMax} bytes, have ${size}`)
  return reader.view(size)
}

const entryView: Codec<Entry> = {
  write: (writer, value) => entry.write(writer, value),
  read(reader) {
    const alg = reader.u8()
    reader.enter('bytes')
    const bytes = viewOf(reader, entryBytesMax)
    reader.leave()
    return { alg, bytes }
  }
}
// What no trust could ever exceed; the exact bound needs the trust and is judged there (S13).
const someEntries = inOrder(statementEntriesMax, entryView)
const manyEntries = inOrder(trustEntriesMax, entryView)

const network = fixed(32)

const statement: Codec<Statement> = {
  write(writer, value) {
    writer.raw(value.canonical)
    const codec = isMany(value.type) ? manyEntries : someEntries
    codec.write(writer, value.entries)
  },
  read(reader) {
    const start = reader.offset
    reader.tag(STATEMENT_TAG)
    reader.enter('network')
    const net = reader.view(32)
    reader.leave()
    const type = reader.field('type', () => reader.u8())
    reader.enter('body')
    const bytesMax = canonicalMax(type)
    const body = viewOf(reader, bytesMax)
    reader.leave()
    const canonical = reader.since(start)
    checkSize(canonical.byteLength, { what: 'statement', bytesMax })
    reader.enter('signatures')
    const entries = isMany(type) ? manyEntries.read(reader) : someEntries.read(reader)
    reader.leave()
    return { network: net, type, body, canonical, entries }
  }
}

function isMany(type: number): boolean {
  return type <= 1 || type >= 128
}

/** Most bytes of C without signatures. */
function canonicalMax(type: number): number {
  if (type === STATEMENT.trust) return trustBytesMax
  return type === STATEMENT.release ? releaseBytesMax : authorityBytesMax
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
  const whole = { what: 'statement', bytesMax: statementBytesMax }
  checkSize(bytes.byteLength, whole)
  return readWhole(statement, copy(bytes), whole)
}
