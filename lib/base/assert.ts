/** A broken invariant: our own fault, never a peer's. Nothing catches it; the process ends. */
class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Ends the process unless `condition` holds. State what must hold, and beside it what must not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** For the end of an exhaustive `switch`: the compiler proves it is never reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
