import { toHex, type Bytes } from '../../base/index.ts'
import type { Cause, Evidence, Metric } from '../../records/index.ts'
import type { Arm } from '../bands.ts'
import type { U64 } from '../draws.ts'

/** One verified statement of a reporter, without what can be computed again. */
export interface Said {
  readonly id: Bytes
  readonly idHex: string
  readonly wire: Bytes
  /** 0 for Enrol, checkpoint + 1 for Outcome. */
  readonly seq: number
  readonly dataMask: number
  readonly result: 'none' | 'ok' | 'fail' | 'unable'
  readonly cause: Cause
  readonly tries: number
  readonly metrics: readonly Metric[]
}

/** What one node said about one stage. */
export interface Reporter {
  readonly hex: string
  readonly key: Bytes
  readonly arm: Arm
  readonly stage: number
  readonly rank: U64
  /** Of a control: the stage in which it switches itself; Infinity if only the end reaches it. */
  readonly ownStage: number
  /** Operator whose failures are capped together (S102). */
  readonly operator: string
  /** When its enrolment was first heard here, in ms. It gates widening only, never a halt. */
  heardMs: number
  said: readonly Said[]
  /** The highest sequence number: the one live statement. */
  live: Said
  /** The statements contradict each other; together they are the proof. */
  conflict: boolean
}

/**
 * Statements kept of one reporter. Six sequence numbers exist, so seven always contradict: keeping
 * the seven smallest ids never loses a proof, and every order of arrival ends alike.
 */
const saidMax = 7

/** A statement as the fold needs it; null if it is neither enrol nor outcome. */
export function saidOf(evidence: Evidence, id: Bytes): Said | null {
  const { body, seq } = evidence
  const base = { id, idHex: toHex(id), wire: evidence.wire, seq }
  if (body.tag === 'enrol') {
    const { dataMask } = body.enrol
    return { ...base, dataMask, result: 'none', cause: 'none', tries: 0, metrics: [] }
  }
  if (body.tag !== 'outcome') return null
  const { dataMask, result, cause, tries, metrics } = body.outcome
  return { ...base, dataMask, result, cause, tries, metrics }
}

/** Takes a verified statement in; false if nothing that others should hear has changed. */
export function hear(reporter: Reporter, said: Said): boolean {
  if (reporter.said.some((held) => held.idHex === said.idHex)) return false
  const all = [...reporter.said, said]
  all.sort((a, b) => (a.idHex < b.idHex ? -1 : 1))
  const wasConflict = reporter.conflict
  const before = reporter.live
  reporter.said = all.slice(0, saidMax)
  reporter.conflict = contradicts(reporter.said)
  reporter.live = reporter.said.reduce((a, b) => (b.seq > a.seq ? b : a))
  // a lower number that fits changes nothing, it is kept to notice a contradiction later
  return reporter.conflict ? !wasConflict || reporter.said.includes(said) : before !== reporter.live
}

/** What is advertised: the live statement, or all of them when they are the proof. */
export function advertised(reporter: Reporter): readonly Said[] {
  return reporter.conflict ? reporter.said : [reporter.live]
}

/** Other bytes at one number, another mask, or anything after a failure (docs/gate.md §4). */
function contradicts(said: readonly Said[]): boolean {
  return said.some((a, i) =>
    said.some(
      (b, j) =>
        j > i &&
        (a.seq === b.seq ||
          a.dataMask !== b.dataMask ||
          (a.result === 'fail' && b.seq > a.seq) ||
          (b.result === 'fail' && a.seq > b.seq))
    )
  )
}
