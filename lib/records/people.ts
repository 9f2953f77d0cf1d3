import {
  concat,
  entryBytesMax,
  fromText,
  membershipBytesMax,
  statementBytesMax,
  type Bytes
} from '../base/index.ts'
import { signedInvite, type Invite } from './authority/membership.ts'
import {
  decodeStatement,
  encodeStatement,
  entry as entryCodec,
  type Entry,
  type Statement,
  type StatementParts
} from './authority/statement.ts'
import {
  decodeWhole,
  encodeWhole,
  fixed,
  id,
  key,
  opt,
  struct,
  tagged,
  text,
  u32,
  uint,
  within,
  type Codec
} from './codec/index.ts'

/**
 * What people hand to each other, one line of z-base-32 each: a request for a signature, the answer
 * to it, a signer's card, an invite.
 */
const REQUEST_TAG = 'upswell/request/1'
const ANSWER_TAG = 'upswell/answer/1'
const CARD_TAG = 'upswell/card/1'

const request: Codec<Statement> = tagged(REQUEST_TAG, {
  write: (writer, value) => writer.raw(encodeStatement(value)),
  read: (reader) => decodeStatement(reader.rest())
})

/** Please sign this; it carries the entries there are so far. Throws `OVER_LIMIT`. */
export function encodeRequest(statement: StatementParts): Bytes {
  return concat([fromText(REQUEST_TAG), encodeStatement(statement)])
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT` (S9). */
export function decodeRequest(bytes: Bytes): Statement {
  const bytesMax = statementBytesMax + REQUEST_TAG.length
  return decodeWhole(request, bytes, { what: 'request', bytesMax })
}

/** One signer's entry for the statement of that id. */
export interface Answer {
  readonly statement: Bytes
  readonly entry: Entry
}

const answer: Codec<Answer> = tagged(ANSWER_TAG, struct({ statement: id, entry: entryCodec }))

/** Throws `OVER_LIMIT` for an entry that no reader would take. */
export function encodeAnswer(value: Answer): Bytes {
  return encodeWhole(answer, value, 'answer')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT` (S9). */
export function decodeAnswer(bytes: Bytes): Answer {
  return decodeWhole(answer, bytes, { what: 'answer', bytesMax: 64 + entryBytesMax })
}

/** A signer's public half, as the founder of a network collects it. */
export interface Card {
  readonly label: string
  readonly key: Bytes
  readonly feed: Bytes
  readonly draw: { readonly root: Bytes; readonly first: number } | null
  /** Of `key`, over `cardCanonical`. */
  readonly signature: Bytes
}

export type CardFields = Omit<Card, 'signature'>

const cardFields = {
  label: text(32),
  key,
  feed: key,
  draw: opt(struct<NonNullable<Card['draw']>>({ root: id, first: u32 }))
}
const unsignedCard: Codec<CardFields> = tagged(CARD_TAG, struct<CardFields>(cardFields))
const card: Codec<Card> = tagged(CARD_TAG, struct<Card>({ ...cardFields, signature: fixed(64) }))

/** What the key of a card signs: all of it but the signature. */
export function cardCanonical(fields: CardFields): Bytes {
  return encodeWhole(unsignedCard, fields, 'card')
}

/** A card with the signature that `sign` makes over its canonical bytes. */
export function encodeCard(fields: CardFields, sign: (canonical: Bytes) => Bytes): Bytes {
  return encodeWhole(card, { ...fields, signature: sign(cardCanonical(fields)) }, 'card')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT`; the signature is for `trust` to verify (S9). */
export function decodeCard(bytes: Bytes): Card {
  return decodeWhole(card, bytes, { what: 'card', bytesMax: 256 })
}

/** All that a new node needs: an invite, the seed of its key, and where to begin. Secret. */
export interface InviteFile {
  readonly invite: Invite
  readonly seed: Bytes
  /** Checkpoint of the join string; of version 1 the id is the network id. */
  readonly join: { readonly version: number; readonly trustId: Bytes }
}

const inviteFile: Codec<InviteFile> = struct({
  invite: signedInvite,
  seed: fixed(32),
  join: struct<InviteFile['join']>({ version: within(uint, { min: 1 }), trustId: id })
})

export function encodeInviteFile(value: InviteFile): Bytes {
  return encodeWhole(inviteFile, value, 'invite file')
}

/** Throws `NOT_CANONICAL` or `OVER_LIMIT` (S9). */
export function decodeInviteFile(bytes: Bytes): InviteFile {
  const bytesMax = membershipBytesMax + 128
  return decodeWhole(inviteFile, bytes, { what: 'invite file', bytesMax })
}
