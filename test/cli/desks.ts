import { isOtaError } from '../../lib/base/index.ts'
import { placesIn, type Desk, type SigningKey } from '../../lib/publish/index.ts'
import { SimClock } from '../../lib/sim/clock.ts'
import { sign } from '../../lib/trust/index.ts'
import type { MemoryDisk } from '../tools/memory-disk.ts'
import { person, testNowMs } from '../tools/people.ts'

/** The code that `fn` throws, or null. */
export async function codeOf(fn: () => unknown): Promise<string | null> {
  try {
    await fn()
    return null
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

/** A signer's desk, its disk in memory and its clock driven by hand. */
export function deskIn(disk: MemoryDisk, clock = new SimClock(testNowMs)): Desk {
  const dice = { next: () => 0.5, fill: (bytes: Uint8Array) => bytes.fill(7) }
  return { disk, clock, dice, places: placesIn('/home') }
}

/** The key of person `n`, as signing asks for it. */
export function keyed(n: number): Pick<SigningKey, 'label' | 'key' | 'sign'> {
  const pair = person(n)
  return { label: `p${n}`, key: pair.key, sign: (bytes) => Promise.resolve(sign(bytes, pair)) }
}
