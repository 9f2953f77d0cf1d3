import { assert, equal, OtaError, type Bytes } from '../../base/index.ts'
import type { Believed } from '../belief/believed.ts'
import { claimOf, proofOf, releaseSeed } from '../belief/drawers.ts'
import type { KnownRelease } from '../belief/known.ts'
import { membersOf } from '../belief/quorum.ts'
import { namedTrust } from '../belief/settle.ts'
import { checkProof, proofPath } from '../draw.ts'

/** One drawer's share in the seed: her value, and the way from it to the root in the trust. */
export interface NamedDraw {
  readonly label: string
  readonly key: Bytes
  readonly value: Bytes
  /** Place of the value in her anchor, 0 to 4 095. */
  readonly index: number
  /** The twelve siblings on the way up, lowest first. */
  readonly path: readonly Bytes[]
  readonly root: Bytes
}

export interface DrawProof {
  readonly seed: Bytes
  readonly named: readonly NamedDraw[]
}

/**
 * All that anyone needs to check the order of a release afterwards: leaf = H("draw-leaf", key,
 * index, value), node by node with `path` up to `root`, the seed over release id and values. Null
 * where no drawer is named: the seed is then H(release id) alone, and the drafter could steer it
 * (S59). Throws `DRAW_INCOMPLETE` for a release that lacks a value; an admitted one never does.
 */
export function drawProof(believed: Believed, release: KnownRelease): DrawProof | null {
  const { body } = release
  if (body.drawers.length === 0) return null
  const seed = releaseSeed(release)
  const trust = namedTrust(believed, body.head.trustId)?.body ?? null
  const named = body.drawers.map((key): NamedDraw => {
    const claim = trust && claimOf(body, key, trust)
    const proof = proofOf(release, key)
    const value = claim && proof && checkProof(proof, claim)
    if (trust === null || claim === null || !proof || !value) {
      throw new OtaError('DRAW_INCOMPLETE', 'a named draw value is missing')
    }
    const member = membersOf(trust, 'draw').find((one) => equal(one.key, key))
    assert(member !== undefined, 'who has a claim has the role')
    const index = claim.drawNumber - claim.first
    return { label: member.label, key, value, index, path: proofPath(proof), root: claim.root }
  })
  return { seed, named }
}
