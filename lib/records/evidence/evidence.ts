import type { Bytes } from '../../base/index.ts'

/** Wire numbers of evidence statements. */
export const EVIDENCE = {
  enrol: 32,
  outcome: 33,
  census: 34,
  verdict: 35,
  attest: 48,
  vote: 49,
  brake: 50,
  beacon: 51
} as const

export type EvidenceName = keyof typeof EVIDENCE

export interface Enrol {
  readonly arm: 'control' | 'treated'
  readonly stratum: number
  readonly dataMask: number
}

export type Cause =
  'none' | 'crash-loop' | 'health' | 'taken-back' | 'egress' | 'migration' | 'hand-over' | 'shadow'

export interface Metric {
  readonly checkpoint: number
  readonly metric: number
  readonly bucket: number
}

/** Cumulative: repeats the Enrol fields. Its checkpoint is `seq - 1` of the statement. */
export interface Outcome extends Enrol {
  readonly result: 'ok' | 'fail' | 'unable'
  readonly cause: Cause
  /** Failed attempts so far. */
  readonly tries: number
  readonly metrics: readonly Metric[]
}

export interface Census {
  /** First 8 bytes of the running release's id; zeros: none. */
  readonly running: Bytes
  readonly protoLow: number
  readonly protoHigh: number
  readonly eraBits: number
  readonly migratable: boolean
  readonly platform: number
  readonly flags: number
}

export interface Verdict {
  readonly word: 'widen-to' | 'halted' | 'completed'
}

export interface Attest {
  readonly treeDigest: Bytes
  readonly recipe: Bytes
  readonly environment: Bytes
}

export interface Vote {
  readonly choice: -1 | 0 | 1
  readonly reason: string
}

export interface Brake {
  readonly reason: 'other' | 'security' | 'data-loss' | 'outage'
  readonly severity: number
  readonly evidence: Bytes
  readonly note: string
}

export interface Beacon {
  readonly trustVersion: number
  readonly trustId: Bytes
  readonly digest: Bytes
}

export type EvidenceBody =
  | { readonly tag: 'enrol'; readonly enrol: Enrol }
  | { readonly tag: 'outcome'; readonly outcome: Outcome }
  | { readonly tag: 'census'; readonly census: Census }
  | { readonly tag: 'verdict'; readonly verdict: Verdict }
  | { readonly tag: 'attest'; readonly attest: Attest }
  | { readonly tag: 'vote'; readonly vote: Vote }
  | { readonly tag: 'brake'; readonly brake: Brake }
  | { readonly tag: 'beacon'; readonly beacon: Beacon }

/** What a node says, before it is signed. `tsS` and `ttlS` are unix seconds and seconds. */
export interface EvidenceDraft {
  /** First 16 bytes of the release id; census: of the anchor; beacon: zeros. */
  readonly subject: Bytes
  readonly stage: number
  readonly interval: number
  readonly seq: number
  readonly ttlS: number
  readonly body: EvidenceBody
}

export interface Evidence extends EvidenceDraft {
  readonly network: Bytes
  readonly signer: Bytes
  readonly tsS: number
  readonly signature: Bytes
  /** C: what is signed and, as BLAKE2b-256, the id. */
  readonly canonical: Bytes
  /** As it lies in a PUSH frame. */
  readonly wire: Bytes
}
