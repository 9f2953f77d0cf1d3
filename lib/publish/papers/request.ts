import { OtaError, equal, fromText, unreachable, type Bytes, type Disk } from '../../base/index.ts'
import {
  ROLE,
  decodeAnswer,
  decodeBody,
  decodeEntry,
  decodeRequest,
  encodeBody,
  encodeCanonical,
  encodeRequest,
  type Body,
  type Entry,
  type KnownBody,
  type Statement
} from '../../records/index.ts'
import {
  networkOfFirst,
  statementId,
  toShortName,
  verify,
  type KnownRelease
} from '../../trust/index.ts'
import type { Desk } from '../desk.ts'
import type { ReleaseAnswer } from '../drafts/orphans.ts'
import { readLineFile } from './line.ts'

/** A statement on its way from drafter to signers: what will be signed, and whose id is known. */
export interface Draft {
  readonly statement: Statement
  readonly body: KnownBody
  readonly id: Bytes
  /** The network it is for; of T1 its own id. */
  readonly network: Bytes
}

/** The draft of a body; `network` is null for T1. Throws what the encoders throw. */
export function draftOf(network: Bytes | null, body: KnownBody): Draft {
  const { type, bytes } = encodeBody(body)
  const inside = network ?? networkOfFirst
  const canonical = encodeCanonical(inside, type, bytes)
  const statement = { network: inside, type, body: bytes, canonical, entries: [] }
  const id = statementId(canonical)
  return { statement, body, id, network: network ?? id }
}

/** Reads a statement that a person brought. `UNSUPPORTED` for a type this version cannot sign. */
export function draftFrom(statement: Statement): Draft {
  const body: Body = decodeBody(statement)
  const id = statementId(statement.canonical)
  if (body.tag === 'unknown') {
    throw new OtaError(
      'UNSUPPORTED',
      `statement ${toShortName(id)} has the unknown type ${body.type}`
    )
  }
  const isFirst = body.tag === 'trust' && body.trust.version === 1
  return { statement, body, id, network: isFirst ? id : statement.network }
}

/** A request file's bytes: the exact bytes to sign, and the entries known so far. */
export function requestOf({ statement }: Draft): Bytes {
  return encodeRequest(statement)
}

/** The request in a file. `WRONG_TYPE` when the file is something else (S7). */
export async function readRequest(disk: Disk, path: string): Promise<Draft> {
  const bytes = await readLineFile(disk, path)
  refuseOtherFile(bytes, 'request', path)
  return draftFrom(decodeRequest(bytes))
}

/** Signatures that people brought, by what they sign. */
export interface Answers {
  /** On the draft itself. */
  readonly own: readonly Entry[]
  /** Beside a trust: on releases that are held here, verified. */
  readonly releases: readonly ReleaseAnswer[]
}

/**
 * The answers in these files. Beside a trust, those on held releases are taken too: a signer who
 * comes with it signs what is live first. `BAD_SIGNATURE` for an answer to another statement (S7),
 * and for one to a release that does not verify.
 */
export async function readAnswers(
  desk: Pick<Desk, 'disk'>,
  paths: readonly string[],
  draft: Draft,
  held: readonly KnownRelease[]
): Promise<Answers> {
  const own: Entry[] = []
  const releases: ReleaseAnswer[] = []
  for (const path of paths) {
    const bytes = await readLineFile(desk.disk, path)
    refuseOtherFile(bytes, 'answer', path)
    const { statement, entry } = decodeAnswer(bytes)
    if (equal(statement, draft.id)) {
      own.push(entry)
      continue
    }
    const release = held.find(({ id }) => equal(id, statement))
    if (draft.body.tag !== 'trust' || release === undefined) throw misplaced(path, statement, draft)
    refuseInvalid(path, release, entry)
    releases.push({ release, entry })
  }
  return { own, releases }
}

function misplaced(path: string, signed: Bytes, draft: Draft): OtaError {
  const text = `${path} signs ${toShortName(signed)}, not ${toShortName(draft.id)}`
  const isTrust = draft.body.tag === 'trust'
  return new OtaError('BAD_SIGNATURE', text, {
    hint: isTrust
      ? 'a trust takes answers to itself and to the releases that are here: see ota-publish log'
      : 'ask its signer to sign the request that is committed'
  })
}

function refuseInvalid(path: string, { id, statement }: KnownRelease, entry: Entry): void {
  const signature = decodeEntry(entry)
  const isValid =
    signature !== null && verify(statement.canonical, signature.signature, signature.key)
  if (isValid) return
  throw new OtaError('BAD_SIGNATURE', `${path} does not verify over release ${toShortName(id)}`)
}

/** Files people exchange begin with what they are, so that a mix-up is named (S7). */
const KINDS: Readonly<Record<string, string>> = {
  request: 'upswell/request/1',
  answer: 'upswell/answer/1',
  card: 'upswell/card/1',
  invite: 'upswell/invite/1',
  key: 'upswell/key/1'
}

/** Throws `WRONG_TYPE` when `bytes` are one of our files, but not a `want`. */
export function refuseOtherFile(bytes: Bytes, want: string, path: string): void {
  for (const [kind, head] of Object.entries(KINDS)) {
    const tag = fromText(head)
    if (kind === want || !equal(bytes.subarray(0, tag.byteLength), tag)) continue
    throw new OtaError('WRONG_TYPE', `${path} is a ${kind} file, need a ${want} file`)
  }
}

/** What a draft is, in two words, for sentences: `trust 1`, `release cque4cxk`. */
export function nameOf(draft: Draft): string {
  const short = toShortName(draft.id)
  switch (draft.body.tag) {
    case 'trust':
      return `trust ${draft.body.trust.version}`
    case 'release':
      return `release ${short}`
    case 'control':
      return `${draft.body.control.action} ${short}`
    case 'era':
    case 'revoke':
      return `${draft.body.tag} ${short}`
    default:
      return unreachable(draft.body)
  }
}

/** The role whose quorum a draft needs beside trusts, which need root. */
function roleOf(draft: Draft): 'root' | 'release' | 'enrol' {
  if (draft.body.tag === 'trust') return 'root'
  return draft.body.tag === 'revoke' ? 'enrol' : 'release'
}

/** Wire number of that role. */
export function roleNumberOf(draft: Draft): number {
  return ROLE[roleOf(draft)]
}
