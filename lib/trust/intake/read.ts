import { equal, isOtaError, isZero, OtaError, toHex, type Bytes } from '../../base/index.ts'
import { decodeBody, STATEMENT, type Statement, type Trust } from '../../records/index.ts'
import { networkIdOf, statementId } from '../ids.ts'
import { isKey } from '../keys.ts'
import type { AnyKnown } from '../belief/known.ts'
import { keysOf } from '../belief/quorum.ts'

/**
 * What a statement of this network says, before anyone is asked who signed it. Throws
 * `WRONG_NETWORK` (S8), `BOOTSTRAP_MISMATCH` for the first trust of another network (S25),
 * `BAD_TRUST` (S3, S4, S94), `BAD_KEY` (S12), and what the decoder throws. What a newer version
 * wrote is `other`: it can still be kept and spread (S10).
 */
export function readStatement(network: Bytes, statement: Statement): AnyKnown {
  checkNetwork(network, statement)
  const id = statementId(statement.canonical)
  const known = { id, statement: bareOf(statement), signers: [] }
  try {
    const body = decodeBody(statement)
    switch (body.tag) {
      case 'trust':
        checkKeys(body.trust)
        return { tag: 'trust', known: { ...known, body: body.trust } }
      case 'release':
        return { tag: 'release', known: { ...known, body: body.release } }
      case 'control':
        return { tag: 'control', known: { ...known, body: body.control } }
      case 'era':
        return { tag: 'era', known: { ...known, body: body.era } }
      case 'revoke':
        return { tag: 'revoke', known: { ...known, body: body.revoke } }
      case 'unknown':
      default:
        return {
          tag: 'other',
          known: { ...known, body: { type: statement.type, code: 'UNSUPPORTED' } }
        }
    }
  } catch (error) {
    // A policy value of later days holds this node, and must reach those who can read it (S57).
    if (!isOtaError(error, 'UNSUPPORTED') && !isOtaError(error, 'POLICY_INVALID')) throw error
    return { tag: 'other', known: { ...known, body: { type: statement.type, code: error.code } } }
  }
}

function bareOf({ network, type, body, canonical }: Statement): Statement {
  return { network, type, body, canonical, entries: [] }
}

/** Asked before any signature is tried: the network decides whether this is ours at all (S8). */
function checkNetwork(network: Bytes, statement: Statement): void {
  const isFirst = isZero(statement.network)
  if (!isFirst && equal(statement.network, network)) {
    const claimsFirst = statement.type === STATEMENT.trust && equal(networkIdOf(statement), network)
    if (!claimsFirst) return
    throw new OtaError('BAD_TRUST', 'trust 1 carries a network id, need 32 zero bytes')
  }
  if (!isFirst || statement.type !== STATEMENT.trust) {
    throw new OtaError('WRONG_NETWORK', 'the statement belongs to another network', {
      facts: { network: toHex(statement.network), want: toHex(network) }
    })
  }
  const founded = statementId(statement.canonical)
  if (equal(founded, network)) return
  throw new OtaError('BOOTSTRAP_MISMATCH', 'the first trust of another network', {
    hint: 'check the network id you were told',
    facts: { network: toHex(founded), want: toHex(network) }
  })
}

/** A key that is no point of the curve, or of small order, could be signed for by anybody (S12). */
function checkKeys(trust: Trust): void {
  for (const key of keysOf(trust)) {
    if (isKey(key)) continue
    throw new OtaError('BAD_KEY', `trust ${trust.version} lists a key that is no valid point`, {
      facts: { key: toHex(key) }
    })
  }
}
