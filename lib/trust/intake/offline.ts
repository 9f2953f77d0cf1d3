import { isOtaError, isZero, toHex, type Bytes, type Code } from '../../base/index.ts'
import { decodeStatement, STATEMENT, type Statement } from '../../records/index.ts'
import type { Believed } from '../belief/believed.ts'
import { follows } from '../belief/chain.ts'
import { countUnderCurrent } from '../belief/judge.ts'
import type { AnyKnown, KnownTrust } from '../belief/known.ts'
import { countSigners, isMet, keysOf, type Count } from '../belief/quorum.ts'
import { baseOf, believeNothing, settle } from '../belief/settle.ts'
import { networkIdOf, statementId } from '../ids.ts'
import { admit } from './admit.ts'
import { keysWithPart, unite, withEntries } from './parts.ts'
import { readStatement } from './read.ts'

/** What the bytes of one statement are worth, by their own signatures and nothing else. */
export interface Judgement {
  /** Null: it has its quorum and would be in force. */
  readonly code: Code | null
  readonly message: string
  /** Null where it could not be read. */
  readonly id: Bytes | null
  readonly tag: AnyKnown['tag'] | null
  /** Keys that count on it, under the current trust of its judge or, of a trust, under itself. */
  readonly have: number
  readonly need: number
  /** Labels of those who count, in the order of the trust. */
  readonly signers: readonly string[]
  /** The belief with this statement in it; null where nobody founded one. */
  readonly believed: Believed | null
}

/**
 * Judges a file without a network: by what is believed here, or without a belief by a first trust,
 * which alone proves itself. Signatures that are held elsewhere do not help a file. No clock: a
 * trust that has expired is for the caller to tell. Throws nothing.
 */
export function judgeOffline(bytes: Bytes, believed: Believed | null): Judgement {
  try {
    return judgeStatement(decodeStatement(bytes), believed)
  } catch (error) {
    if (!isOtaError(error)) throw error
    return { ...unread, code: error.code, message: error.message, believed }
  }
}

/**
 * The same for the files of a folder, in the order given; each is judged in the light of them all,
 * so that trusts may lie anywhere among what names them.
 */
export function judgeAllOffline(
  files: readonly Bytes[],
  believed: Believed | null
): readonly Judgement[] {
  const whole = files.toSorted(trustsFirst).reduce<Believed | null>((before, bytes) => {
    const after = judgeOffline(bytes, before)
    return after.believed ?? before
  }, believed)
  return files.map((bytes) => judgeOffline(bytes, whole))
}

const unread = { id: null, tag: null, have: 0, need: 1, signers: [], believed: null }

function judgeStatement(statement: Statement, given: Believed | null): Judgement {
  const believed = given ?? found(statement)
  const any = readStatement(believed?.network ?? statement.network, statement)
  const { tag } = any
  const { id } = any.known
  if (believed === null) {
    const message = 'no trust is here that could say who counts'
    return { ...unread, code: 'TRUST_GAP', message, id, tag }
  }
  const after = admit(believed, statement, 0)
  const whole = 'believed' in after && after.believed !== null ? after.believed : believed
  const parts = keysWithPart(whole, any)
  const alone = withEntries(any, unite(whole, any, { entries: statement.entries, parts }))
  const { have, need, signers } = countOf(alone, whole)
  const counted = { have, need, signers: signers.map(({ label }) => label), believed: whole }
  const seen = { id, tag, ...counted }
  const verdict = judgeAlone(alone, statement, whole)
  return { ...seen, ...verdict }
}

type Said = Pick<Judgement, 'code' | 'message'>

/** What `admit` would say to it if it were not here already. */
function judgeAlone(any: AnyKnown, statement: Statement, believed: Believed): Said {
  const hex = toHex(any.known.id)
  const held = believed.held.get(hex)
  if (any.tag === 'trust' && held?.standing.tag === 'admitted')
    return judgeChain(any.known, believed)
  const items = new Map(believed.held)
  items.delete(hex)
  const before = held === undefined ? believed : settle({ ...baseOf(believed), items })
  const verdict = admit(before, statement, 0)
  if (verdict.tag === 'admitted') return { code: verdict.alarm, message: inForce }
  return 'code' in verdict ? verdict : { code: null, message: inForce }
}

const inForce = 'it has its quorum'

/** A trust on the way to the current one, by the signatures of this file alone. */
function judgeChain(known: KnownTrust, { trusts, fork, network }: Believed): Said {
  const { version } = known.body
  const own = countSigners(known.body, 'root', known)
  const isFirst = toHex(known.id) === toHex(network)
  if (isFirst && known.signers.length < keysOf(known.body).length) {
    return { code: 'BAD_TRUST', message: 'trust 1 lacks the signature of a key that it lists' }
  }
  const below = trusts.filter(({ body }) => body.version < version)
  const isLed = isFirst || below.length === 0 || below.some((one) => follows(one, known))
  if (!isMet(own) || !isLed) {
    const message = `trust ${version} has ${own.have} of ${own.need} of its own root signatures`
    return { code: 'THRESHOLD_NOT_MET', message }
  }
  if (fork.some(({ id }) => toHex(id) === toHex(known.id))) {
    const message = `trust ${version} is one of two valid trusts against each other`
    return { code: 'TRUST_FORK', message }
  }
  return { code: null, message: inForce }
}

function countOf(any: AnyKnown, { trust }: Believed): Count {
  if (any.tag === 'trust') return countSigners(any.known.body, 'root', any.known)
  return trust === null ? { have: 0, need: 1, signers: [] } : countUnderCurrent(any, trust)
}

/** A first trust founds its network; anything else needs one. */
function found(statement: Statement): Believed | null {
  if (statement.type !== STATEMENT.trust || !isZero(statement.network)) return null
  return believeNothing(networkIdOf(statement))
}

function trustsFirst(a: Bytes, b: Bytes): number {
  return versionOf(a) - versionOf(b)
}

/** Version of a trust; everything else comes behind. */
function versionOf(bytes: Bytes): number {
  try {
    const statement = decodeStatement(bytes)
    const network = isZero(statement.network) ? statementId(statement.canonical) : statement.network
    const any = readStatement(network, statement)
    if (any.tag === 'trust') return any.known.body.version
  } catch (error) {
    if (!isOtaError(error)) throw error
  }
  return Number.MAX_SAFE_INTEGER
}
