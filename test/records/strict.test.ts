import test from 'brittle'
import * as fc from 'fast-check'
import { concat, equal, fromHex, isOtaError, type Bytes } from '../../lib/base/index.ts'
import {
  cardCanonical,
  decodeAnswer,
  decodeBody,
  decodeCard,
  decodeEvidence,
  decodeInvite,
  decodeInviteFile,
  decodeMembership,
  decodePolicy,
  decodeRequest,
  decodeStatement,
  encodeAnswer,
  encodeBody,
  encodeCard,
  encodeEvidence,
  encodeInvite,
  encodeInviteFile,
  encodeRequest,
  encodeStatement,
  sealEvidence
} from '../../lib/records/index.ts'
import { goldens, type GoldenFile } from './goldens.ts'
import type { Refusal } from './refusals.ts'
import { network } from './samples.ts'

/** Reads and writes again; throws what the decoder throws. */
type Again = (bytes: Bytes) => Bytes

const statement: Again = (bytes) => {
  const read = decodeStatement(bytes)
  const body = decodeBody(read)
  if (body.tag === 'unknown') return encodeStatement(read)
  const { type, bytes: again } = encodeBody(body)
  return encodeStatement({ ...read, type, body: again })
}

const evidence: Again = (bytes) => {
  const { signer, tsS, signature, ...draft } = decodeEvidence(bytes, network)
  return sealEvidence(encodeEvidence(network, signer, tsS, draft), signature).wire
}

const membership: Again = (bytes) => {
  const { invite, certificate } = decodeMembership(bytes)
  const rest = [invite.signature, certificate.canonical, certificate.signature]
  return concat([encodeInvite(invite), ...rest])
}

const again: Readonly<Record<string, Again>> = {
  membership,
  request: (bytes) => encodeRequest(decodeRequest(bytes)),
  answer: (bytes) => encodeAnswer(decodeAnswer(bytes)),
  'invite file': (bytes) => encodeInviteFile(decodeInviteFile(bytes)),
  invite: (bytes) => {
    const read = decodeInvite(bytes)
    return concat([encodeInvite(read), read.signature])
  }
}

const card: Again = (bytes) => {
  const read = decodeCard(bytes)
  const written = encodeCard(read, () => read.signature)
  return equal(cardCanonical(read), written.subarray(0, -64)) ? written : bytes.subarray(1)
}

function readers(): readonly (readonly [string, Bytes, Again])[] {
  const rows = (file: GoldenFile, reader: Again | null) =>
    goldens(file).flatMap(({ name, hex }) => {
      const own = reader ?? (name.startsWith('card') ? card : again[name])
      return own === undefined ? [] : [[name, fromHex(hex), own] as const]
    })
  return [
    ...rows('statements', statement),
    ...rows('evidence', evidence),
    ...rows('membership', null),
    ...rows('people', null)
  ]
}

/**
 * The code with which it is refused, or whether it reads as something that has just these bytes.
 */
function outcome(bytes: Bytes, reader: Again): string {
  try {
    return equal(reader(bytes), bytes) ? 'same' : 'DIFFERS'
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

const fine = ['NOT_CANONICAL', 'OVER_LIMIT', 'UNSUPPORTED', 'BAD_TRUST', 'POLICY_INVALID']

test('every prefix of every golden is refused', (t) => {
  let prefixes = 0
  for (const [name, bytes, reader] of readers()) {
    const accepted: number[] = []
    for (let size = 0; size < bytes.byteLength; size++) {
      if (!fine.includes(outcome(bytes.subarray(0, size), reader))) accepted.push(size)
      prefixes++
    }
    t.alike(accepted, [], name)
  }
  t.comment(`${prefixes} prefixes`)
  t.ok(prefixes > 10_000)
})

test('every flipped bit of every golden is refused or is another canonical record', (t) => {
  let flips = 0
  const allowed = new Set([...fine, 'WRONG_NETWORK', 'same'])
  for (const [name, bytes, reader] of readers()) {
    const wrong: string[] = []
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const what = outcome(flipped, reader)
      if (!allowed.has(what)) wrong.push(`bit ${bit}: ${what}`)
      flips++
    }
    t.alike(wrong, [], name)
  }
  t.comment(`${flips} bit flips`)
  t.ok(flips > 80_000)
})

test('a byte after the end of any golden is refused', (t) => {
  for (const [name, bytes, reader] of readers()) {
    t.is(outcome(concat([bytes, Uint8Array.of(0)]), reader), 'NOT_CANONICAL', name)
  }
})

const claimed: Readonly<Record<Refusal['record'], Again>> = {
  statement,
  evidence,
  membership,
  policy: (bytes) => {
    decodePolicy(bytes)
    return bytes
  }
}

test('every must-fail vector is refused with its code', (t) => {
  // Cast: the file is written from `refusals()`, which a test compares.
  const vectors = goldens('refused') as unknown as readonly Refusal[]
  for (const { name, record, hex, code } of vectors) {
    t.is(outcome(fromHex(hex), claimed[record]), code, `${record}: ${name}`)
  }
  t.ok(vectors.length >= 160, `${vectors.length} vectors`)
})

test('random bytes never make a decoder throw anything but a coded error', (t) => {
  const all = [...readers()]
  fc.assert(
    fc.property(
      fc.nat(all.length - 1),
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(),
      (i, noise, at) => {
        const [, bytes, reader] = all[i]!
        const from = at % bytes.byteLength
        const mixed = concat([bytes.subarray(0, from), noise, bytes.subarray(from + noise.length)])
        return [...fine, 'WRONG_NETWORK', 'same'].includes(outcome(mixed, reader))
      }
    ),
    { numRuns: 500 }
  )
  t.pass('500 mixtures')
})
