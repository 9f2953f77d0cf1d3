import { randomFillSync } from 'node:crypto'
import { alloc, type Dice } from '../base/index.ts'

/** The operating system's dice; `next` has 48 random bits. */
export function realDice(): Dice {
  const six = alloc(6)
  return {
    next() {
      randomFillSync(six)
      let value = 0
      for (const byte of six) value = value * 256 + byte
      return value / 2 ** 48
    },
    fill(bytes) {
      randomFillSync(bytes)
      return bytes
    }
  }
}
