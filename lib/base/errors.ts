import { EXIT, type Code } from './codes.ts'

/** Facts of an error, for machines: numbers, names and ids, never a rendered sentence. */
export type Facts = Readonly<Record<string, string | number | boolean | null>>

export interface ErrorOptions {
  readonly hint?: string
  readonly facts?: Facts
  readonly cause?: unknown
}

/**
 * An operational error: something outside this process is wrong (bytes, a peer, a flag, a disk).
 * `message` is one lower-case sentence without a full stop that names the object and says what is
 * needed and what was found; `hint` says what to do next. A broken invariant is not an `OtaError`
 * but an assertion (`assert.ts`), and ends the process.
 */
export class OtaError extends Error {
  override readonly name = 'OtaError'
  readonly code: Code
  readonly hint: string | null
  readonly facts: Facts

  constructor(code: Code, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? null
    this.facts = options.facts ?? {}
  }

  /** The number a command ends with when this error is why it failed. */
  get exit(): number {
    return EXIT[this.code]
  }
}

/** Whether `error` is one of ours and, if `code` is given, carries that code. */
export function isOtaError(error: unknown, code?: Code): error is OtaError {
  return error instanceof OtaError && (code === undefined || error.code === code)
}
