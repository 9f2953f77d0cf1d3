import { compare, equal, isOtaError, isZero, toHex, type Bytes } from '../../../base/index.ts'
import {
  decodeBody,
  decodeEntry,
  decodeStatement,
  encodeStatement,
  normaliseEntries,
  STATEMENT,
  type Body,
  type Statement
} from '../../../records/index.ts'
import {
  believeNothing,
  judgeOffline,
  networkIdOf,
  statementId,
  toShortName,
  verify,
  type Believed,
  type Judgement
} from '../../../trust/index.ts'
import { escapeText } from '../../frame/index.ts'
import { judgeOther, labelOf } from './judge-other.ts'
import { idInName, type Paper } from './papers.ts'
import type { Row } from './row.ts'

/** What was judged, in trust order, and the belief that all of it together makes. */
export interface Judged {
  readonly rows: readonly Row[]
  readonly believed: Believed | null
}

/**
 * Judges papers by one belief and by each other, whatever order they come in: answers are put to
 * their requests, trusts come first and by version, and what a later one makes whole is judged
 * again. Reads no clock: a trust that has expired is for the caller to tell.
 */
export function judgePapers(papers: readonly Paper[], given: Believed | null): Judged {
  const read = readAll(papers)
  const founded = given ?? foundedBy(read)
  const believed = founded === null ? null : believeAll(read, founded)
  const rows = read.map((one) => ({ order: orderOf(one), row: rowOf(one, believed) }))
  const answers = papers.flatMap((paper) =>
    paper.tag === 'answer' ? [answerRow(paper, read, believed)] : []
  )
  const others = papers.flatMap((paper) => judgeOther(paper, believed))
  const statements = rows.toSorted((a, b) => compareOrders(a.order, b.order))
  return { rows: [...statements.map(({ row }) => row), ...answers, ...others], believed }
}

/** A statement from one or several papers, with the signatures of all of them. */
interface Read {
  readonly source: string
  readonly bytes: Bytes
  readonly statement: Statement | null
  readonly id: Bytes | null
  readonly body: Body | null
  /** It lies under a name that is another id. */
  readonly misnamed: boolean
}

function readAll(papers: readonly Paper[]): readonly Read[] {
  const entries = papers.flatMap((paper) => (paper.tag === 'answer' ? [paper.answer] : []))
  const found = new Map<string, Read>()
  const broken: Read[] = []
  for (const paper of papers) {
    if (paper.tag !== 'statement') continue
    const one = readOne(paper.source, paper.bytes)
    if (one.statement === null || one.id === null) {
      broken.push(one)
      continue
    }
    const { id, statement } = one
    const held = found.get(toHex(id))
    const answers = entries.filter((answer) => equal(answer.statement, id))
    const more = [...(held?.statement?.entries ?? []), ...answers.map(({ entry }) => entry)]
    // Entries of one file are judged as they came; of several, those that verify count together.
    const all = more.length > 0 ? united(one, statement, more) : one
    const source = held === undefined ? one.source : `${held.source}, ${one.source}`
    found.set(toHex(id), { ...all, source, misnamed: one.misnamed || held?.misnamed === true })
  }
  return [...found.values(), ...broken]
}

function readOne(source: string, bytes: Bytes): Read {
  const none = { source, bytes, statement: null, id: null, body: null, misnamed: false }
  try {
    const statement = decodeStatement(bytes)
    const id = statementId(statement.canonical)
    const named = idInName(source)
    return {
      ...none,
      statement,
      id,
      body: bodyOf(statement),
      misnamed: named !== null && !equal(named, id)
    }
  } catch (error) {
    if (!isOtaError(error)) throw error
    return none
  }
}

function united(one: Read, statement: Statement, more: Statement['entries']): Read {
  const good = [...statement.entries, ...more].filter((entry) => {
    const signature = decodeEntry(entry)
    return signature !== null && verify(statement.canonical, signature.signature, signature.key)
  })
  const whole = { ...statement, entries: normaliseEntries(good) }
  try {
    return { ...one, statement: whole, bytes: encodeStatement(whole) }
  } catch (error) {
    // More signatures than any statement may have: it is judged by its own.
    if (!isOtaError(error, 'OVER_LIMIT')) throw error
    return one
  }
}

function bodyOf(statement: Statement): Body | null {
  try {
    return decodeBody(statement)
  } catch (error) {
    if (!isOtaError(error)) throw error
    return null
  }
}

/** Several first trusts: the one that the others name is the network of this folder. */
function foundedBy(read: readonly Read[]): Believed | null {
  const firsts = read.flatMap(({ statement }) =>
    statement !== null && statement.type === STATEMENT.trust && isZero(statement.network)
      ? [networkIdOf(statement)]
      : []
  )
  const named = firsts.find((id) =>
    read.some(({ statement }) => statement !== null && equal(statement.network, id))
  )
  const network = named ?? firsts.toSorted(compare)[0]
  return network === undefined ? null : believeNothing(network)
}

/** Rounds until nothing new is believed: a checkpoint may lie above what leads to it. */
const roundsMost = 8

function believeAll(read: readonly Read[], founded: Believed): Believed {
  const ordered = read.toSorted((a, b) => compareOrders(orderOf(a), orderOf(b)))
  let believed = founded
  for (let round = 0; round < roundsMost; round++) {
    const before = believed
    for (const { bytes } of ordered) believed = judgeOffline(bytes, believed).believed ?? believed
    if (believed === before || standingsOf(believed) === standingsOf(before)) break
  }
  return believed
}

function standingsOf({ held }: Believed): string {
  return [...held].map(([hex, { standing }]) => `${hex}${standing.tag}`).join()
}

type Order = readonly [group: number, a: number, b: number, id: Bytes]

const none = new Uint8Array()

function orderOf({ body, id }: Read): Order {
  const last = id ?? none
  if (body === null) return [8, 0, 0, last]
  switch (body.tag) {
    case 'trust':
      return [0, body.trust.version, 0, last]
    case 'release':
      return [1, body.release.epoch, body.release.seq, last]
    case 'control':
      return [2, body.control.head.issuedMs, 0, last]
    case 'era':
      return [3, body.era.seq, 0, last]
    case 'revoke':
      return [4, body.revoke.head.issuedMs, 0, last]
    case 'unknown':
    default:
      return [5, 0, 0, last]
  }
}

function compareOrders(a: Order, b: Order): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || compare(a[3], b[3])
}

function rowOf(one: Read, believed: Believed | null): Row {
  const judged = judgeOffline(one.bytes, believed)
  const { have, need, signers, id } = judged
  const base = { source: one.source, what: nameOf(one), id: one.id ?? id, have, need, signers }
  if (one.misnamed) {
    const reason = 'the file does not hold the statement it is named for'
    return { ...base, verdict: 'refused', code: 'NOT_CANONICAL', reason, hint: null }
  }
  const hint = judged.code === 'TRUST_GAP' && believed === null ? noTrust : null
  return { ...base, verdict: verdictOf(judged), code: judged.code, reason: judged.message, hint }
}

const noTrust = 'give --network JOIN, --home DIR, or a folder that holds the trusts too'

function verdictOf({ code, id, believed }: Judgement): Row['verdict'] {
  if (code === null) return 'admitted'
  const standing = id === null ? null : believed?.held.get(toHex(id))?.standing.tag
  return standing === 'pending' || standing === 'kept' ? standing : 'refused'
}

function nameOf({ body, statement }: Read): string {
  switch (body?.tag) {
    case 'trust':
      return `trust ${body.trust.version}`
    case 'release': {
      const { channel, epoch, seq, label } = body.release
      return `release ${channel} ${epoch}.${seq} "${escapeText(label)}"`
    }
    case 'control':
      return `${body.control.action} of ${toShortName(body.control.release)}`
    case 'era':
      return `era "${escapeText(body.era.name)}" ${body.era.action}`
    case 'revoke':
      return `revoke of invite ${toShortName(body.revoke.invite)}`
    case 'unknown':
    case undefined:
    default:
      return statement === null ? 'statement' : `statement of type ${statement.type}`
  }
}

/** One signer's answer: whether it signs what it says it does, and whether that key has a part. */
function answerRow(
  { source, answer }: Extract<Paper, { readonly tag: 'answer' }>,
  read: readonly Read[],
  believed: Believed | null
): Row {
  const what = `answer to ${toShortName(answer.statement)}`
  const base = { source, what, id: answer.statement, have: 0, need: 1, signers: [], hint: null }
  const canonical =
    read.find(({ id }) => id !== null && equal(id, answer.statement))?.statement?.canonical ??
    believed?.held.get(toHex(answer.statement))?.any.known.statement.canonical
  if (canonical === undefined) {
    const hint = 'verify the folder that holds the request beside it'
    const reason = 'an answer is judged with its request, which is not here'
    return { ...base, verdict: 'refused', code: 'WRONG_TYPE', reason, hint }
  }
  const signature = decodeEntry(answer.entry)
  if (signature === null || !verify(canonical, signature.signature, signature.key)) {
    const reason = 'the signature does not verify'
    return { ...base, verdict: 'refused', code: 'BAD_SIGNATURE', reason }
  }
  const label = labelOf(believed, signature.key)
  if (label === null) {
    const reason = `it is of key ${toShortName(signature.key)}, which no trust here lists`
    return { ...base, verdict: 'refused', code: 'BAD_KEY', reason }
  }
  const reason = 'the signature verifies'
  return { ...base, verdict: 'admitted', code: null, reason, have: 1, signers: [label] }
}
