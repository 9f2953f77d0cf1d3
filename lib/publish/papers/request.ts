import { OtaError, equal, fromText, unreachable, type Bytes, type Disk } from '../../base/index.ts'
import {
  ROLE,
  decodeAnswer,
  decodeBody,
  decodeRequest,
  encodeBody,
  encodeCanonical,
  encodeRequest,
  type Body,
  type Entry,
  type KnownBody,
  type Statement
} from '../../records/index.ts'
import { networkOfFirst, statementId, toShortName } from '../../trust/index.ts'
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

/** The answer in a file; `BAD_SIGNATURE` when it belongs to another statement than `draft` (S7). */
export async function readAnswer(disk: Disk, path: string, draft: Draft): Promise<Entry> {
  const bytes = await readLineFile(disk, path)
  refuseOtherFile(bytes, 'answer', path)
  const { statement, entry } = decodeAnswer(bytes)
  if (!equal(statement, draft.id)) {
    const asked = toShortName(draft.id)
    throw new OtaError('BAD_SIGNATURE', `${path} signs ${toShortName(statement)}, not ${asked}`, {
      hint: 'ask its signer to sign the request that is committed'
    })
  }
  return entry
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
