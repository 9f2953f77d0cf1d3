import { alloc, concat, fromHex, type Bytes, type Code } from '../../lib/base/index.ts'
import {
  encodeCertificate,
  encodeEvidence,
  encodeInvite,
  sealEvidence
} from '../../lib/records/index.ts'
import { place, splice } from './bytes.ts'
import { certificate, evidence, invite, tsS } from './evidence-samples.ts'
import { filled, network } from './samples.ts'

type Row = readonly [name: string, bytes: Bytes, code: Code]

const bad = 'NOT_CANONICAL'
const over = 'OVER_LIMIT'
const unknown = 'UNSUPPORTED'

const signature = filled(0x18, 64)

function wireOf(name: string): Bytes {
  const { draft } = evidence[name]!
  return sealEvidence(encodeEvidence(network, filled(3), tsS, draft), signature).wire
}

/** Stage, interval, seq, ts (5 bytes), ttl and body length stand at these places of the wire. */
const at = { version: 0, type: 1, network: 2, stage: 58, interval: 59, seq: 60, ts: 61, ttl: 66 }

/** Must-fail vectors of the evidence plane. */
export function refusedEvidence(): readonly Row[] {
  const enrol = wireOf('enrol')
  const body = enrol.byteLength - 64 - 4
  const put = (name: string, [where, hex]: readonly [number, string], code: Code): Row => [
    name,
    splice(enrol, where, hex.length / 2, hex),
    code
  ]
  return [
    ['nothing', alloc(0), bad],
    ['a signature alone', enrol.subarray(0, 64), bad],
    ['a trailing byte', concat([enrol, Uint8Array.of(0)]), bad],
    ['1 025 bytes', concat([enrol, alloc(1_025 - enrol.byteLength)]), over],
    put('wire version 2', [at.version, '02'], unknown),
    put('wire version 0x75', [at.version, '75'], unknown),
    put('type 36', [at.type, '24'], unknown),
    put('type 200', [at.type, 'c8'], unknown),
    put('another network', [at.network, '02'], 'WRONG_NETWORK'),
    put('enrol with a seq', [at.seq, '01'], bad),
    ['stage not shortest', splice(enrol, at.stage, 1, 'fd0100'), bad],
    ['ts above 2^53 - 1', splice(enrol, at.ts, 5, 'ffffffffffffffffff'), bad],
    ['body length not shortest', splice(enrol, at.ttl + 1, 1, 'fd0400'), bad],
    ['body of 257 bytes', splice(enrol, at.ttl + 1, 5, `fd0101${'00'.repeat(257)}`), over],
    ['body one byte short', splice(enrol, at.ttl + 1, 5, '03010100'), bad],
    ['body one byte long', splice(enrol, at.ttl + 1, 5, '050101000000'), bad],
    put('arm not listed', [body, '02'], unknown),
    ...outcomes(),
    ...others()
  ]
}

function change(from: string, [back, hex]: readonly [number, string]): Bytes {
  const wire = wireOf(from)
  return splice(wire, wire.byteLength - 64 - back, hex.length / 2, hex)
}

function outcomes(): readonly Row[] {
  const name = 'outcome'
  const wire = wireOf(name)
  const shadow = wireOf('outcome, shadow')
  const sized = splice(wire, at.ttl + 1, 1, '20')
  const six = `06${'0009d4fe'.repeat(6)}`
  return [
    ['outcome seq 0', splice(wire, at.seq, 1, '00'), bad],
    ['outcome result not listed', change(name, [4, '03']), unknown],
    ['outcome cause not listed', change(name, [3, '08']), unknown],
    ['unable outside the shadow', change(name, [4, '02']), bad],
    ['six metrics', splice(sized, sized.byteLength - 65, 1, six), over],
    ['shadow that reports twice', splice(shadow, at.seq, 1, '02'), bad],
    ['shadow as control', splice(shadow, shadow.byteLength - 64 - 8, 1, '00'), bad]
  ]
}

function others(): readonly Row[] {
  const census = wireOf('census')
  const verdict = wireOf('verdict')
  const beacon = wireOf('beacon')
  const vote = wireOf('vote')
  return [
    ['census migratable not listed', change('census', [3, '02']), unknown],
    ['census platform not listed', change('census', [2, '07']), unknown],
    ['census flag not listed', change('census', [1, '20']), unknown],
    ['census with a stage', splice(census, at.stage, 1, '01'), bad],
    ['census seq 2', splice(census, at.interval + 5, 1, '02'), bad],
    ['verdict word not listed', change('verdict', [1, '03']), unknown],
    ['verdict whose seq is not its stage', splice(verdict, at.seq, 1, '05'), bad],
    ['attest with an interval', splice(wireOf('attest'), at.interval, 1, '01'), bad],
    ['vote choice not listed', change('vote', [2, '02']), unknown],
    ['vote choice -2', change('vote', [2, 'fe']), unknown],
    ['vote with a stage', splice(vote, at.stage, 1, '01'), bad],
    ['vote reason of 65 bytes', vote65(vote), over],
    ['brake reason not listed', change('brake', [35, '04']), unknown],
    ['brake with a stage', splice(wireOf('brake'), at.stage, 1, '01'), bad],
    ['beacon with a subject', splice(beacon, 42, 1, '01'), bad],
    ['beacon with an interval', splice(beacon, at.interval, 1, '01'), bad],
    ['beacon of trust 0', change('beacon', [65, '00']), bad]
  ]
}

function vote65(vote: Bytes): Bytes {
  const length = vote.byteLength - 64 - 3
  return splice(vote, length, 3, `430141${'61'.repeat(65)}`)
}

const pair = (a: Bytes, b: Bytes): Bytes => concat([a, signature, b, signature])

/** Must-fail vectors of invite and certificate. */
export function refusedMembership(): readonly Row[] {
  const first = encodeInvite(invite)
  const second = encodeCertificate(certificate)
  const good = pair(first, second)
  const slots = place(first, encodeInvite({ ...invite, slots: 21 }))
  const cert = (name: string, fields: Partial<typeof certificate>, code: Code): Row => [
    name,
    pair(first, encodeCertificate({ ...certificate, ...fields })),
    code
  ]
  const long = { name: 'x', value: 'x'.repeat(64) }
  const labels = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => ({ ...long, name: `label-number-${n}` }))
  const many = encodeInvite({ ...invite, labels })
  return [
    ['nothing', alloc(0), bad],
    ['a trailing byte', concat([good, Uint8Array.of(0)]), bad],
    ['no slots', pair(splice(first, slots, 2, '0000'), second), bad],
    ['no weight', pair(splice(first, slots + 2, 2, '0000'), second), bad],
    ['certificate of another tag', pair(first, splice(second, 0, 1, '76')), bad],
    ['label name twice', pair(labelTwice(first, slots), second), bad],
    ['labels not sorted', pair(labelsSwapped(first, slots), second), bad],
    ['17 labels', pair(splice(first, slots + 5, 1, '11'), second), over],
    ['more than 1 024 bytes', concat([pair(many, second), alloc(400)]), over],
    cert('slot beyond the invite', { slot: 20 }, bad),
    cert('certificate of another invite', { invite: filled(0x82) }, bad),
    cert('certificate of another network', { network: filled(2) }, 'WRONG_NETWORK'),
    cert('certificate older than its invite', { issuedMs: invite.issuedMs - 1 }, bad),
    cert('certificate after the end of its invite', { issuedMs: 1_770_000_000_001 }, bad)
  ]
}

const region = fromHex('06726567696f6e026575')

function labelTwice(first: Bytes, slots: number): Bytes {
  const labels = concat([Uint8Array.of(2), region, fromHex('06726567696f6e026576')])
  return splice(first, slots + 5, labelBytes(first, slots), labels)
}

function labelsSwapped(first: Bytes, slots: number): Bytes {
  const size = labelBytes(first, slots)
  const other = first.subarray(slots + 6 + region.byteLength, slots + 5 + size)
  return splice(first, slots + 5, size, concat([Uint8Array.of(2), other, region]))
}

/** Count and labels: up to the enrol key, which is followed by the extension. */
function labelBytes(first: Bytes, slots: number): number {
  return first.byteLength - 4 - 32 - (slots + 5) + 1
}
