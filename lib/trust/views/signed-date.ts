import type { Believed } from '../belief/believed.ts'
import type { Known } from '../belief/known.ts'
import { countSigners, isMet } from '../belief/quorum.ts'

/**
 * The newest date that a *current* quorum signed, in unix ms; 0 without a trust. The machine's
 * clock is raised to it, so refusals that only keys of an older trust signed do not count: keys
 * retired and stolen could date them at will (S47, S92).
 */
export function signedDateMs(believed: Believed): number {
  const { trust, releases, controls, eras } = believed
  if (trust === null) return 0
  let newestMs = trust.body.issuedMs
  const look = (known: Known<unknown>, issuedMs: number): void => {
    if (isMet(countSigners(trust.body, 'release', known))) newestMs = Math.max(newestMs, issuedMs)
  }
  for (const known of [...releases, ...controls, ...eras]) look(known, known.body.head.issuedMs)
  return newestMs
}
