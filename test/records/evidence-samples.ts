import { alloc } from '../../lib/base/index.ts'
import type {
  CertificateFields,
  EvidenceBody,
  EvidenceDraft,
  InviteFields
} from '../../lib/records/index.ts'
import { filled, network } from './samples.ts'

const draft = (body: EvidenceBody, place: Partial<EvidenceDraft> = {}): EvidenceDraft => ({
  subject: filled(2, 16),
  stage: 1,
  interval: 0,
  seq: 0,
  ttlS: 0,
  body,
  ...place
})

const enrolled = { arm: 'treated', stratum: 1, dataMask: 0 } as const
const metrics = [0, 1, 2, 3, 4].map((checkpoint) => ({ checkpoint, metric: 9, bucket: -300 }))

export const tsS = 1_760_000_000

/** Each evidence type, with the size that its wire form must have. */
export const evidence: Readonly<
  Record<string, { readonly draft: EvidenceDraft; readonly bytes: number }>
> = {
  enrol: { draft: draft({ tag: 'enrol', enrol: enrolled }), bytes: 136 },
  'enrol, control': {
    draft: draft({ tag: 'enrol', enrol: { arm: 'control', stratum: 0, dataMask: 0x8001 } }),
    bytes: 136
  },
  outcome: {
    draft: draft(
      {
        tag: 'outcome',
        outcome: { ...enrolled, result: 'ok', cause: 'none', tries: 0, metrics: [] }
      },
      { seq: 2 }
    ),
    bytes: 140
  },
  'outcome, metrics': {
    draft: draft(
      {
        tag: 'outcome',
        outcome: { ...enrolled, result: 'fail', cause: 'hand-over', tries: 3, metrics }
      },
      { seq: 5 }
    ),
    bytes: 160
  },
  'outcome, shadow': {
    draft: draft(
      {
        tag: 'outcome',
        outcome: { ...enrolled, result: 'unable', cause: 'shadow', tries: 0, metrics: [] }
      },
      { stage: 0, seq: 1 }
    ),
    bytes: 140
  },
  census: {
    draft: draft(
      {
        tag: 'census',
        census: {
          running: filled(0x40, 8),
          protoLow: 1,
          protoHigh: 2,
          eraBits: 0x8000_0001,
          migratable: true,
          platform: 6,
          flags: 31
        }
      },
      { stage: 0, interval: 488_888, seq: 1, ttlS: 7_200 }
    ),
    bytes: 155
  },
  verdict: {
    draft: draft({ tag: 'verdict', verdict: { word: 'halted' } }, { stage: 4, seq: 4 }),
    bytes: 133
  },
  attest: {
    draft: draft(
      {
        tag: 'attest',
        attest: { treeDigest: filled(0x40), recipe: filled(0x41), environment: alloc(32) }
      },
      { stage: 2, seq: 7 }
    ),
    bytes: 228
  },
  vote: {
    draft: draft({ tag: 'vote', vote: { choice: -1, reason: '' } }, { stage: 0, ttlS: 86_400 }),
    bytes: 138
  },
  'vote, reason': {
    draft: draft(
      { tag: 'vote', vote: { choice: 1, reason: 'é'.repeat(32) } },
      { stage: 0, ttlS: 86_400, seq: 3 }
    ),
    bytes: 202
  },
  brake: {
    draft: draft(
      {
        tag: 'brake',
        brake: { reason: 'data-loss', severity: 3, evidence: alloc(32), note: '' }
      },
      { stage: 0, ttlS: 3_600 }
    ),
    bytes: 169
  },
  'brake, note': {
    draft: draft(
      {
        tag: 'brake',
        brake: { reason: 'other', severity: 0, evidence: filled(3), note: 'x\n'.repeat(48) }
      },
      { stage: 0, ttlS: 86_400, seq: 1 }
    ),
    bytes: 267
  },
  beacon: {
    draft: draft(
      { tag: 'beacon', beacon: { trustVersion: 3, trustId: filled(0x33), digest: filled(0x34) } },
      { subject: alloc(16), stage: 0, seq: 12, ttlS: 86_400 }
    ),
    bytes: 201
  }
}

export const invite: InviteFields = {
  network,
  invite: filled(0x80),
  issuedMs: 1_760_000_000_000,
  notAfterMs: 1_770_000_000_000,
  slots: 20,
  weight: 1,
  rights: 1,
  labels: [
    { name: 'region', value: 'eu' },
    { name: 'operator', value: 'Straßenbahn GmbH' }
  ],
  enrol: filled(5),
  ext: [{ tag: 255, bytes: alloc(0) }]
}

export const certificate: CertificateFields = {
  network,
  invite: filled(0x80),
  slot: 19,
  node: filled(0x81),
  issuedMs: 1_760_000_000_001
}
