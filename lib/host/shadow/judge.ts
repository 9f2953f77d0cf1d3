import type { Insistence } from '../../cutover/index.ts'
import type { Destination } from '../netwatch/destination.ts'
import { judgeSeen } from '../netwatch/verdict.ts'
import type { InsideReason } from './order.ts'
import type { Answer } from './report.ts'
import type { ShadowEnd } from './run.ts'

export type ShadowReason = InsideReason | 'phone-home' | 'shadow-write'

export interface Judged {
  readonly shadow: Answer
  readonly phoneHome: Answer
  readonly reason: ShadowReason | null
  readonly why: readonly string[]
  readonly unexpected: readonly Destination[]
}

export interface JudgeBy {
  readonly shadow: Insistence
  readonly phoneHome: Insistence
  readonly expect: readonly string[]
  /** What the version before tried in its own shadow. */
  readonly before: readonly Destination[]
}

/**
 * Both answers about one shadow. A write to the live state comes before what was tried over the
 * network, and that before how the app fared; what was not watched to its end is never passed.
 */
export function judgeShadow(end: ShadowEnd, by: JudgeBy): Judged {
  const network = judgeNetwork(end, by)
  const isWritten = end.written.length > 0
  const fared = isWritten ? 'fail' : end.answer
  const shadow: Answer = by.shadow === 'off' ? 'off' : fared
  const why = [
    ...(isWritten ? [`it wrote to the live state: ${end.written.join(', ')}`] : []),
    ...(end.why === '' ? [] : [end.why]),
    ...(network.why === '' ? [] : [network.why])
  ]
  const reasons: readonly (ShadowReason | null)[] = [
    isWritten ? 'shadow-write' : null,
    network.answer === 'fail' ? 'phone-home' : null,
    shadow === 'fail' ? end.reason : null
  ]
  const reason = reasons.find((one) => one !== null) ?? null
  return { shadow, phoneHome: network.answer, reason, why, unexpected: network.unexpected }
}

function judgeNetwork(
  end: ShadowEnd,
  by: JudgeBy
): { readonly answer: Answer; readonly why: string; readonly unexpected: readonly Destination[] } {
  if (by.phoneHome === 'off') return { answer: 'off', why: '', unexpected: [] }
  if (end.seen === null) {
    return { answer: 'unavailable', why: 'the network was not watched', unexpected: [] }
  }
  const verdict = judgeSeen(end.seen, by.expect, by.before)
  // a program that ended too soon may have had no time to try anything
  const isCut = verdict.answer === 'pass' && end.answer !== 'pass'
  return isCut
    ? { ...verdict, answer: 'unavailable', why: 'it was not watched to its end' }
    : verdict
}
