import type { Bytes, Dice } from '../base/index.ts'

const whole = 4_294_967_296

/**
 * Dice that fall the same way for the same seed on every machine: four 32-bit words, integer
 * operations only. They guard nothing; a real node takes its dice from the machine.
 */
export class SimDice implements Dice {
  #a: number
  #b: number
  #c: number
  #count = 1

  /** `seed` is a whole number from 0 to 2³² − 1. */
  constructor(seed: number) {
    this.#a = mix(seed ^ 0x9e3779b9)
    this.#b = mix(seed ^ 0x243f6a88)
    this.#c = mix(seed ^ 0xb7e15162)
    for (let i = 0; i < 12; i++) this.#word()
  }

  next(): number {
    return this.#word() / whole
  }

  fill(bytes: Bytes): Bytes {
    for (let i = 0; i < bytes.byteLength; i++) bytes[i] = this.#word() >>> 24
    return bytes
  }

  #word(): number {
    const out = (this.#a + this.#b + this.#count++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0
    return out >>> 0
  }
}

/** What is drawn for a node. Each has draws of its own, so one more draw changes no other. */
export const draws = {
  fetch: 1,
  start: 2,
  fails: 3,
  failsAt: 4,
  old: 5,
  oldAt: 6,
  off: 7,
  offAt: 8,
  side: 9,
  liar: 10,
  noise: 11
} as const

/**
 * A draw in [0, 1) for one node, purpose and round: a hash and no sequence, so that a node's fate
 * does not depend on who was asked before it.
 */
export function chance(seed: number, node: number, purpose: number, round: number): number {
  let word = mix(seed ^ 0x5bd1e995)
  word = mix(word ^ node)
  word = mix(word ^ Math.imul(purpose, 0x27d4eb2f))
  word = mix(word ^ Math.imul(round + 1, 0x165667b1))
  return word / whole
}

/** Every bit of the word depends on every bit it had. */
function mix(value: number): number {
  let word = (value + 0x6d2b79f5) | 0
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
  return (word ^ (word >>> 16)) >>> 0
}
