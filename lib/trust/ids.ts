import { alloc, type Bytes } from '../base/index.ts'
import { encodeCanonical, STATEMENT, type Evidence, type Statement } from '../records/index.ts'
import { hash } from './hash.ts'

/** The network field of T1, whose id is the network id and cannot stand inside it. */
export const networkOfFirst: Bytes = alloc(32)

/** Id of a statement: BLAKE2b-256 of its canonical bytes; signatures are not covered. */
export function statementId(canonical: Bytes): Bytes {
  return hash([canonical])
}

/**
 * The network that a first trust founds: the id of its body, encoded with 32 zero bytes as network
 * whatever network the statement itself carries (S25, S94).
 */
export function networkIdOf({ body }: Pick<Statement, 'body'>): Bytes {
  return statementId(encodeCanonical(networkOfFirst, STATEMENT.trust, body))
}

/** Id of an evidence statement, without its signature: verified input is told apart by it. */
export function evidenceId({ canonical }: Pick<Evidence, 'canonical'>): Bytes {
  return hash([canonical])
}
