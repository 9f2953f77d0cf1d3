import { evidenceBodyBytesMax, unreachable, type Bytes } from '../../base/index.ts'
import {
  decodeWhole,
  encodeWhole,
  fixed,
  i16,
  i8,
  id,
  key,
  note,
  oneOf,
  refine,
  struct,
  u16,
  u32,
  u8,
  uint,
  within,
  type Codec,
  type Fail
} from '../codec/index.ts'
import type {
  Attest,
  Beacon,
  Brake,
  Census,
  Enrol,
  EvidenceBody,
  EvidenceName,
  Metric,
  Outcome,
  Verdict,
  Vote
} from './evidence.ts'

/** Evidence has no extension: a new field is a new type, so an unlisted value is `UNSUPPORTED`. */
const upTo = (max: number): Codec<number> => within(u8, { min: 0, max, code: 'UNSUPPORTED' })

const enrolFields = {
  arm: oneOf(['control', 'treated']),
  stratum: u8,
  dataMask: u16
}
const enrol: Codec<Enrol> = struct(enrolFields)

const metric: Codec<Metric> = struct({ checkpoint: u8, metric: u8, bucket: i16 })

/** One byte of count, at most five; the order is the author's. */
const metrics: Codec<readonly Metric[]> = {
  write(writer, values) {
    checkMetrics(values.length, (code, reason) => writer.fail(code, reason))
    writer.u8(values.length)
    for (const value of values) metric.write(writer, value)
  },
  read(reader) {
    const count = reader.u8()
    checkMetrics(count, (code, reason) => reader.fail(code, reason))
    return Array.from({ length: count }, () => metric.read(reader))
  }
}

function checkMetrics(count: number, fail: Fail): void {
  if (count > 5) fail('OVER_LIMIT', `at most 5 metrics, have ${count}`)
}

const outcome: Codec<Outcome> = struct({
  ...enrolFields,
  result: oneOf(['ok', 'fail', 'unable']),
  cause: oneOf([
    'none',
    'crash-loop',
    'health',
    'taken-back',
    'egress',
    'migration',
    'hand-over',
    'shadow'
  ]),
  tries: u8,
  metrics
})

const census: Codec<Census> = struct({
  running: fixed(8),
  protoLow: u8,
  protoHigh: u8,
  eraBits: u32,
  migratable: oneOf<boolean>([false, true]),
  platform: upTo(6),
  flags: upTo(31)
})

const verdict: Codec<Verdict> = struct({ word: oneOf(['widen-to', 'halted', 'completed']) })

const attest: Codec<Attest> = struct({ treeDigest: id, recipe: id, environment: id })

const choice: Codec<Vote['choice']> = {
  write: (writer, value) => writer.i8(value),
  read(reader) {
    const value = i8.read(reader)
    if (value === -1 || value === 0 || value === 1) return value
    return reader.fail('UNSUPPORTED', `unknown choice ${value}`)
  }
}

const vote: Codec<Vote> = struct({ choice, reason: note(64) })

const brake: Codec<Brake> = struct({
  reason: oneOf(['other', 'security', 'data-loss', 'outage']),
  severity: u8,
  evidence: id,
  note: note(96)
})

const beacon: Codec<Beacon> = refine(
  struct({ trustVersion: uint, trustId: id, digest: key }),
  ({ trustVersion }, fail) => {
    if (trustVersion < 1) fail('NOT_CANONICAL', 'trust versions begin at 1')
  }
)

/** The bytes of a body, without type or length. Throws `NOT_CANONICAL`, `OVER_LIMIT`. */
export function encodeEvidenceBody(body: EvidenceBody): Bytes {
  switch (body.tag) {
    case 'enrol':
      return encodeWhole(enrol, body.enrol, 'enrol')
    case 'outcome':
      return encodeWhole(outcome, body.outcome, 'outcome')
    case 'census':
      return encodeWhole(census, body.census, 'census')
    case 'verdict':
      return encodeWhole(verdict, body.verdict, 'verdict')
    case 'attest':
      return encodeWhole(attest, body.attest, 'attest')
    case 'vote':
      return encodeWhole(vote, body.vote, 'vote')
    case 'brake':
      return encodeWhole(brake, body.brake, 'brake')
    case 'beacon':
      return encodeWhole(beacon, body.beacon, 'beacon')
    default:
      return unreachable(body)
  }
}

/** Throws `NOT_CANONICAL`, `OVER_LIMIT`, or `UNSUPPORTED` for an unlisted value (S9). */
export function decodeEvidenceBody(name: EvidenceName, bytes: Bytes): EvidenceBody {
  const whole = { what: name, bytesMax: evidenceBodyBytesMax }
  switch (name) {
    case 'enrol':
      return { tag: name, enrol: decodeWhole(enrol, bytes, whole) }
    case 'outcome':
      return { tag: name, outcome: decodeWhole(outcome, bytes, whole) }
    case 'census':
      return { tag: name, census: decodeWhole(census, bytes, whole) }
    case 'verdict':
      return { tag: name, verdict: decodeWhole(verdict, bytes, whole) }
    case 'attest':
      return { tag: name, attest: decodeWhole(attest, bytes, whole) }
    case 'vote':
      return { tag: name, vote: decodeWhole(vote, bytes, whole) }
    case 'brake':
      return { tag: name, brake: decodeWhole(brake, bytes, whole) }
    case 'beacon':
      return { tag: name, beacon: decodeWhole(beacon, bytes, whole) }
    default:
      return unreachable(name)
  }
}
