import { concat, equal, fromHex, isOtaError, toHex } from '../../base/index.ts'
import { placeOf } from '../../crowd/index.ts'
import type { DrawView, PlaceView, WhyView } from '../../node/index.ts'
import { checkProof, fromName, seedOf } from '../../trust/index.ts'
import { escapeText, formatShare } from '../frame/index.ts'

/** What came of computing a place again from what the daemon showed, and from nothing else. */
export interface PlaceCheck {
  /** Each drawer's value meets the root that the trust lists for her. */
  readonly drawers: readonly { readonly label: string; readonly ok: boolean }[]
  /** The seed follows from release id and values. */
  readonly seed: boolean
  /** The place follows from seed and node key. */
  readonly place: boolean
}

/** Computes seed and place again; everything false for what cannot even be read. */
export function checkPlace(release: string, place: PlaceView): PlaceCheck {
  const drawers = (place.proof ?? []).map((one) => ({ label: one.label, ok: isProven(one) }))
  try {
    const values = (place.proof ?? []).map(({ value }) => fromHex(value))
    const seed = seedOf(fromName(release), values)
    const u = placeOf(fromHex(place.seed), fromName(place.nodeKey))
    return {
      drawers,
      seed: equal(seed, fromHex(place.seed)),
      place: u.toString(16).padStart(16, '0') === place.u
    }
  } catch (error) {
    if (!isOtaError(error)) throw error
    return { drawers, seed: false, place: false }
  }
}

function isProven({ key, value, index, path, root }: DrawView): boolean {
  const proof = concat([value, ...path].map(fromHex))
  const claim = { root: fromHex(root), first: 0, drawNumber: index }
  try {
    const found = checkProof(proof, { ...claim, key: fromName(key) })
    return found !== null && toHex(found) === value
  } catch (error) {
    if (!isOtaError(error)) throw error
    return false
  }
}

function told(ok: boolean): string {
  return ok ? 'ok' : 'no'
}

/** The place of this node, its proof, and how anybody computes it again. */
export function placeLines({ release, place }: WhyView): readonly string[] {
  if (release === null || place === null) return []
  const check = checkPlace(release, place)
  const drawn =
    place.proof === null
      ? ['  no drawer is named: the order could be steered by the drafter']
      : place.proof.map((one, at) => {
          const ok = told(check.drawers[at]?.ok === true)
          const value = `value ${one.index} of her anchor ${one.root.slice(0, 16)}`
          return `  ${ok.padEnd(3)} drawer ${escapeText(one.label)}: ${value} is ${one.value}`
        })
  return [
    `place ${formatShare(place.ppm)} of the order`,
    ...drawn,
    `  ${told(check.seed).padEnd(3)} seed  ${place.seed}`,
    `  ${told(check.place).padEnd(3)} place ${place.u}  of node ${place.nodeKey}`,
    '  again: seed = H("seed", release id, values in key order)',
    '         place = first 8 bytes of H("cohort", seed, node key)',
    '         H(tag, f…) = BLAKE2b-256(lp("upswell/1/crowd/" + tag) lp(f)…), lp: u32le length first'
  ]
}
