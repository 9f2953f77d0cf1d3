import { concat, toHex, type Bytes } from '../../base/index.ts'
import type { Evidence } from '../../records/index.ts'
import { evidenceId } from '../../trust/index.ts'
import type { SetRef } from '../ports.ts'
import { skewMs } from '../answers.ts'
import type { Ground } from './ground.ts'

/** What one key that the trust names has said, and when it was heard. Times in unix ms. */
export interface Act<T> {
  readonly id: Bytes
  readonly idHex: string
  readonly wire: Bytes
  /** Its key, in hex. */
  readonly signer: string
  readonly seq: number
  readonly tsMs: number
  /** Nobody takes it in for the first time after this; `Infinity`: as long as its release. */
  readonly endMs: number
  readonly receivedMs: number
  readonly said: T
}

/** All that is held of one kind. What it holds follows from what it heard, in whatever order. */
export interface Book<T> {
  /** Reads what concerns this book; null: no such role, release or term. Nothing is verified. */
  read(evidence: Evidence, nowMs: number): Act<T> | null
  refOf(act: Act<T>): SetRef
  holds(act: Act<T>): boolean
  /** Whether it would be kept; asked before the signature is checked. */
  hasRoom(act: Act<T>): boolean
  /** Takes a verified one in: whether others should hear it. */
  add(act: Act<T>): 'news' | 'quiet'
  /** Drops what its key or its release no longer carries. */
  setGround(ground: Ground): void
  /** What others may still take in. */
  told(nowMs: number): readonly Act<T>[]
  /** What must survive a restart. */
  kept(): readonly Act<T>[]
}

/** The act of a statement; `ttlMs` is how long after its date it may still be taken in. */
export function actOf<T>(
  evidence: Evidence,
  { said, ttlMs, receivedMs }: { said: T; ttlMs: number; receivedMs: number }
): Act<T> {
  const id = evidenceId(evidence)
  const tsMs = evidence.tsS * 1_000
  return {
    id,
    idHex: toHex(id),
    wire: evidence.wire,
    signer: toHex(evidence.signer),
    seq: evidence.seq,
    tsMs,
    endMs: tsMs + ttlMs + skewMs,
    receivedMs,
    said
  }
}

/** Own bytes: what was decoded lies in the frame it came in, and would keep all of it in memory. */
export function own(bytes: Bytes): Bytes {
  return concat([bytes])
}

/** At most two statements, those of the smallest ids: enough to prove a contradiction. */
export function proofOf<T>(acts: readonly Act<T>[]): readonly Act<T>[] {
  return unique(acts).toSorted(byId).slice(0, 2)
}

/** Each statement once: the one that was first in the list. */
export function unique<T>(acts: readonly Act<T>[]): readonly Act<T>[] {
  return acts.filter(({ idHex }, at) => acts.findIndex((act) => act.idHex === idHex) === at)
}

export function byId<T>(a: Act<T>, b: Act<T>): number {
  return a.idHex < b.idHex ? -1 : a.idHex > b.idHex ? 1 : 0
}
