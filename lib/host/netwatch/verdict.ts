import { destinationsMax, showDestination, type Destination } from './destination.ts'
import { expects } from './expect.ts'

/** What a watch saw. */
export type Seen =
  | {
      readonly how: 'full'
      /** Each once, in the order they were tried first. */
      readonly destinations: readonly Destination[]
      /** Seen beyond those that are listed. */
      readonly more: number
      /** Packets that the reader missed. */
      readonly missed: number
    }
  | {
      readonly how: 'count'
      readonly packets: number
      readonly destinations: readonly Destination[]
    }

export interface Verdict {
  readonly answer: 'pass' | 'fail' | 'unavailable'
  /** At most 64. */
  readonly unexpected: readonly Destination[]
  /** In words, for an answer that is not `pass`. */
  readonly why: string
}

/**
 * Compares what was tried with what the release declares and with what the version before it tried
 * in its own shadow. What was not seen whole is never passed.
 */
export function judgeSeen(
  seen: Seen,
  expect: readonly string[],
  before: readonly Destination[]
): Verdict {
  const isExpected = expects(expect)
  const known = new Set(before.map(showDestination))
  const strange = seen.destinations.filter(
    (one) => !isExpected(one) && !known.has(showDestination(one))
  )
  if (strange.length > 0) return failed(strange)
  if (seen.how === 'full') {
    if (seen.more > 0) return { ...failed([]), why: `${seen.more} destinations beyond the list` }
    if (seen.missed === 0) return { answer: 'pass', unexpected: [], why: '' }
    return { answer: 'unavailable', unexpected: [], why: `${seen.missed} packets were not read` }
  }
  if (seen.packets === 0) return { answer: 'pass', unexpected: [], why: '' }
  const why = `${seen.packets} packets went out to destinations that this machine cannot name`
  const answer = expect.length === 0 && before.length === 0 ? 'fail' : 'unavailable'
  return { answer, unexpected: [], why }
}

function failed(strange: readonly Destination[]): Verdict {
  const names = strange.map(showDestination)
  const shown = names.slice(0, 3).join(', ')
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  const unexpected = strange.slice(0, destinationsMax)
  return { answer: 'fail', unexpected, why: `undeclared: ${shown}${more}` }
}
