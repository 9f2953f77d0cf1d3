import { totalmem } from 'node:os'
import { GIB } from '../../base/index.ts'

/** Bits of the decoder window that every machine grants (16 MiB), and of the largest (128 MiB). */
const usual = 24
const large = 27
/** A large window takes 128 MiB, beside up to two of the format's windows of 128 MiB. */
const largeFrom = 2 * GIB

/**
 * The largest decoder window that this machine grants: by its memory, or by the bound of the group
 * it runs in where that is less. `memoryBytes` is for tests.
 */
export function windowBits(memoryBytes = memoryHere()): 24 | 27 {
  return memoryBytes >= largeFrom ? large : usual
}

function memoryHere(): number {
  const bound = process.constrainedMemory()
  // 0, or more than there is: no bound
  return bound > 0 ? Math.min(bound, totalmem()) : totalmem()
}
