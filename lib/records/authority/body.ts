import { equal, isZero, OtaError, unreachable, type Bytes } from '../../base/index.ts'
import { isCritical, type Ext } from '../codec/index.ts'
import { decodeControl, encodeControl } from './control.ts'
import { decodeEra, encodeEra } from './era.ts'
import type { Head } from './head.ts'
import { decodeRelease, encodeRelease } from './release.ts'
import { decodeRevoke, encodeRevoke } from './revoke.ts'
import { STATEMENT, type Body, type Statement } from './statement.ts'
import { decodeTrust, encodeTrust, ROLE, type Trust } from './trust.ts'

/** A body that this version knows. */
export type KnownBody = Exclude<Body, { readonly tag: 'unknown' }>

const knownRoles: ReadonlySet<number> = new Set(Object.values(ROLE))

/** Wire type and bytes of a body; throws what its encoder throws. */
export function encodeBody(body: KnownBody): { readonly type: number; readonly bytes: Bytes } {
  const type = STATEMENT[body.tag]
  switch (body.tag) {
    case 'trust':
      return { type, bytes: encodeTrust(body.trust) }
    case 'release':
      return { type, bytes: encodeRelease(body.release) }
    case 'control':
      return { type, bytes: encodeControl(body.control) }
    case 'era':
      return { type, bytes: encodeEra(body.era) }
    case 'revoke':
      return { type, bytes: encodeRevoke(body.revoke) }
    default:
      return unreachable(body)
  }
}

/**
 * What a statement says. Throws `UNSUPPORTED` for an unknown type below 128 (S10), `WRONG_NETWORK`
 * where the network does not fit the body (S8), and what the decoder of its body throws. A critical
 * extension is no throw, so that the statement is kept and spread: see `criticalExt`.
 */
export function decodeBody({ network, type, body }: Statement): Body {
  switch (type) {
    case STATEMENT.trust:
      return { tag: 'trust', trust: checkFirst(network, decodeTrust(body)) }
    case STATEMENT.release:
      return { tag: 'release', release: checkHead(network, decodeRelease(body)) }
    case STATEMENT.control:
      return { tag: 'control', control: checkHead(network, decodeControl(body)) }
    case STATEMENT.era:
      return { tag: 'era', era: checkHead(network, decodeEra(body)) }
    case STATEMENT.revoke:
      return { tag: 'revoke', revoke: checkHead(network, decodeRevoke(body)) }
    default:
      if (type >= 128) return { tag: 'unknown', type }
      throw new OtaError('UNSUPPORTED', `statement type ${type} is not known here`, {
        hint: 'a newer ota-node reads it',
        facts: { type }
      })
  }
}

/** Extensions of a policy that every reader of this version follows, or holds. */
export const policyTags = { metrics: 1, stops: 2 } as const

function unknownInPolicy(ext: readonly Ext[]): readonly Ext[] {
  const known: readonly number[] = Object.values(policyTags)
  return ext.filter(({ tag }) => !known.includes(tag))
}

/**
 * Whether it carries something that a reader must know to act on it: do not act, do spread (S10).
 */
export function criticalExt(body: Body): boolean {
  switch (body.tag) {
    case 'trust':
      return isCritical(body.trust.ext) || body.trust.roles.some(({ role }) => isUnknown(role))
    case 'release':
      return isCritical(body.release.ext) || isCritical(unknownInPolicy(body.release.policy.ext))
    case 'control':
      return isCritical(body.control.ext)
    case 'era':
      return isCritical(body.era.ext)
    case 'revoke':
      return isCritical(body.revoke.ext)
    case 'unknown':
      return false
    default:
      return unreachable(body)
  }
}

function isUnknown(role: number): boolean {
  return role < 128 && !knownRoles.has(role)
}

/** The first trust, and nothing else, has zeros for a network: its hash is the network id. */
function checkFirst(network: Bytes, trust: Trust): Trust {
  if (isZero(network) === (trust.version === 1)) return trust
  throw new OtaError('WRONG_NETWORK', `trust version ${trust.version} with a wrong network id`, {
    facts: { version: trust.version }
  })
}

function checkHead<T extends { readonly head: Head }>(network: Bytes, body: T): T {
  const { trustVersion, trustId } = body.head
  const fits = !isZero(network) && (trustVersion > 1 || equal(trustId, network))
  if (fits) return body
  throw new OtaError('WRONG_NETWORK', `names trust ${trustVersion} of another network`, {
    facts: { trustVersion }
  })
}
