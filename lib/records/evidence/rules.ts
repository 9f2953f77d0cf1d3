import { isZero } from '../../base/index.ts'
import type { Fail } from '../codec/index.ts'
import type { EvidenceDraft } from './evidence.ts'

/**
 * What the place of a statement (stage, interval, seq, subject) owes to its body. A field without
 * meaning is zero, else one report could be told twice under two ids.
 */
export function checkPlace(draft: EvidenceDraft, fail: Fail): void {
  const { body, stage, interval, seq } = draft
  const zero = (name: string, value: number): void => {
    if (value !== 0) fail('NOT_CANONICAL', `${name} of ${body.tag} is 0, have ${value}`)
  }
  switch (body.tag) {
    case 'enrol':
      return zero('seq', seq)
    case 'outcome':
      return checkOutcome(draft, fail)
    case 'census':
      zero('stage', stage)
      if (seq > 1) fail('NOT_CANONICAL', `seq of census is 0 or 1, have ${seq}`)
      return
    case 'verdict':
      if (seq !== stage) fail('NOT_CANONICAL', `seq of verdict is its stage, have ${seq}`)
      return
    case 'attest':
      return zero('interval', interval)
    case 'vote':
    case 'brake':
      return zero('stage', stage)
    case 'beacon':
      zero('stage', stage)
      zero('interval', interval)
      if (!isZero(draft.subject)) fail('NOT_CANONICAL', 'beacon has no subject')
  }
}

/** Stage 0 is the shadow: one report, by treated nodes, and only there a node may be unable. */
function checkOutcome({ body, stage, seq }: EvidenceDraft, fail: Fail): void {
  if (body.tag !== 'outcome') return
  if (seq === 0) fail('NOT_CANONICAL', 'seq of outcome is its checkpoint + 1, have 0')
  if (stage > 0 && body.outcome.result === 'unable') {
    fail('NOT_CANONICAL', 'unable is said in the shadow stage only')
  }
  if (stage === 0 && (seq !== 1 || body.outcome.arm !== 'treated')) {
    fail('NOT_CANONICAL', 'a shadow reports once, as treated')
  }
}
