import { isOtaError, type Bytes, type Code } from '../../lib/base/index.ts'
import type { Dice } from './dice.ts'

/** What one run brought. */
export interface Outcome {
  /** The codes it was refused with; none if it was taken. */
  readonly codes: readonly Code[]
  /** Codes raised beside something taken (S22, S42). */
  readonly alarms?: readonly Code[]
  /** Something was taken: lawfully, unless `fault` says otherwise. */
  readonly taken: boolean
  /** What must not be. */
  readonly fault: string | null
}

/** What is offered, kept so that a failure can print it. */
export interface Offered {
  bytes: Bytes
  what: string
}

/** One kind of input: makes a mutated one with the dice and hands it to the product. */
export interface Target {
  readonly name: string
  /** How often, in relation to the others. */
  readonly weight: number
  /** Good input is taken: else refusing all of it would show nothing. Throws if it is not. */
  readonly sanity: () => void | Promise<void>
  readonly run: (dice: Dice, offered: Offered) => Outcome | Promise<Outcome>
}

export const refusedWith = (code: Code): Outcome => ({ codes: [code], taken: false, fault: null })

export const taken = (fault: string | null): Outcome => ({ codes: [], taken: true, fault })

/** Runs a reader: what it throws of ours is a refusal, `judge` says whether it could take it. */
export async function attempt<T>(
  read: () => T | Promise<T>,
  judge: (value: T) => string | null | Promise<string | null>
): Promise<Outcome> {
  let value: T
  try {
    value = await read()
  } catch (error) {
    if (!isOtaError(error)) throw error
    return refusedWith(error.code)
  }
  return taken(await judge(value))
}

/** What our own writer makes of changed fields, or null where it refuses them. */
export function written(write: () => Bytes): Bytes | null {
  try {
    return write()
  } catch (error) {
    if (isOtaError(error)) return null
    throw error
  }
}

/** Throws, for `sanity`. */
export function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the fuzz is blind: ${what}`)
}
