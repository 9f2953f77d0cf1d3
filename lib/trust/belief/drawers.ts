import { equal, OtaError, type Bytes } from '../../base/index.ts'
import { decodeEntry, type Release, type Trust } from '../../records/index.ts'
import { checkProof, drawValues, seedOf, type DrawClaim } from '../draw.ts'
import type { KnownRelease } from './known.ts'
import { membersOf } from './quorum.ts'

/** How far a release is with the values of the drawers it names. */
export type Draws =
  | { readonly tag: 'complete' }
  | { readonly tag: 'incomplete'; readonly have: number; readonly need: number }
  /**
   * No value could ever complete it: a drawer the trust does not list, a number out of her range.
   */
  | { readonly tag: 'invalid'; readonly reason: string }

/** What the proof of `drawer` must meet, under the trust that the release names; else null. */
export function claimOf(body: Release, drawer: Bytes, named: Trust): DrawClaim | null {
  const member = membersOf(named, 'draw').find(({ key }) => equal(key, drawer))
  const isNamed = body.drawers.some((key) => equal(key, drawer))
  if (!isNamed || body.drawNumber === null || !member?.draw) return null
  const { root, first } = member.draw
  const index = body.drawNumber - first
  if (index < 0 || index >= drawValues) return null
  return { key: drawer, root, first, drawNumber: body.drawNumber }
}

/**
 * The draw is judged once, under the trust the release names; later trusts never change a seed. A
 * value counts only beside that key's valid signature over the same release (S100).
 */
export function drawsOf(known: KnownRelease, named: Trust): Draws {
  const { drawers, drawNumber } = known.body
  let have = 0
  for (const drawer of drawers) {
    const claim = claimOf(known.body, drawer, named)
    if (claim === null) {
      const reason = `a named drawer has no value ${drawNumber ?? ''} in trust ${named.version}`
      return { tag: 'invalid', reason }
    }
    const proof = proofOf(known, drawer)
    if (proof !== null && checkProof(proof, claim) !== null) have++
  }
  if (have < drawers.length) return { tag: 'incomplete', have, need: drawers.length }
  return { tag: 'complete' }
}

/**
 * The seed of a release's order. Its proofs were checked when they came in. Throws
 * `DRAW_INCOMPLETE` for a release that lacks a named value; an admitted one never does.
 */
export function releaseSeed(known: KnownRelease): Bytes {
  const values = known.body.drawers.map((drawer) => {
    const proof = proofOf(known, drawer)
    if (proof === null) throw new OtaError('DRAW_INCOMPLETE', 'a named draw value is missing')
    return proof.subarray(0, 32)
  })
  return seedOf(known.id, values)
}

/** Proofs of named drawers lie in the entries, checked on the way in. */
export function proofOf({ statement }: KnownRelease, drawer: Bytes): Bytes | null {
  for (const entry of statement.entries) {
    const signature = decodeEntry(entry)
    if (signature?.proof && equal(signature.key, drawer)) return signature.proof
  }
  return null
}
