import { readFileSync } from 'node:fs'
import { concat, toHex, unreachable, type Bytes } from '../../lib/base/index.ts'
import {
  encodeAnswer,
  encodeBody,
  encodeCanonical,
  encodeCard,
  encodeCertificate,
  encodeEntry,
  encodeEvidence,
  encodeInvite,
  encodeInviteFile,
  encodeMembership,
  encodeRequest,
  encodeStatement,
  decodeInvite,
  sealEvidence,
  shortenEvidence,
  type Entry
} from '../../lib/records/index.ts'
import { hash } from '../../lib/trust/hash.ts'
import { certificate, evidence, invite, tsS } from './evidence-samples.ts'
import { bodies, filled, network, noNetwork } from './samples.ts'

/** A golden: the bytes of one sample, and the id where the record has one. */
export interface Golden {
  readonly name: string
  readonly hex: string
  readonly id?: string
  /** Evidence in its short wire form. */
  readonly short?: string
}

export const goldenFiles = ['statements', 'evidence', 'membership', 'people'] as const
export type GoldenFile = (typeof goldenFiles)[number]

/** The committed bytes. */
export function goldens(file: GoldenFile | 'refused'): readonly Golden[] {
  // Cast: our own file, written by test/tools/golden.ts.
  return JSON.parse(readFileSync(`fixtures/records/${file}.json`, 'utf8')) as readonly Golden[]
}

/** BLAKE2b-256(u32le(0)), the node of the published vectors. */
export const signer = hash([new Uint8Array(4)])

export const entries: readonly Entry[] = [
  encodeEntry({ key: filled(5), signature: filled(0x15, 64), proof: null }),
  encodeEntry({ key: filled(6), signature: filled(0x16, 64), proof: filled(0x17, 416) })
]

/** What the samples encode to now; a test holds it equal to what is committed. */
export function encodeSamples(file: GoldenFile): readonly Golden[] {
  switch (file) {
    case 'statements':
      return Object.entries(bodies).map(([name, body]) => {
        const { type, bytes } = encodeBody(body)
        const first = body.tag === 'trust' && body.trust.version === 1
        const net = first ? noNetwork : network
        const id = hash([encodeCanonical(net, type, bytes)])
        return golden(name, encodeStatement({ network: net, type, body: bytes, entries }), id)
      })
    case 'evidence':
      return Object.entries(evidence).map(([name, { draft }]) => {
        const unsigned = encodeEvidence(network, signer, tsS, draft)
        const sealed = sealEvidence(unsigned, filled(0x18, 64))
        const short = toHex(shortenEvidence(sealed, filled(0x19, 8)))
        return { ...golden(name, sealed.wire, hash([unsigned.canonical])), short }
      })
    case 'membership':
      return membershipGoldens()
    case 'people':
      return peopleGoldens()
    default:
      return unreachable(file)
  }
}

const inviteSigned = { canonical: encodeInvite(invite), signature: filled(0x1a, 64) }

function membershipGoldens(): readonly Golden[] {
  const certified = { canonical: encodeCertificate(certificate), signature: filled(0x1b, 64) }
  const id = hash([certified.canonical])
  return [
    golden('invite', concat([inviteSigned.canonical, inviteSigned.signature])),
    golden('certificate', concat([certified.canonical, certified.signature]), id),
    golden('membership', encodeMembership(inviteSigned, certified).wire)
  ]
}

function peopleGoldens(): readonly Golden[] {
  const { type, bytes } = encodeBody(bodies['control, pause']!)
  const card = { label: 'a', key: filled(5), feed: filled(9), draw: null }
  const drawer = { ...card, draw: { root: filled(0x50), first: 4_096 } }
  const whole = decodeInvite(concat([inviteSigned.canonical, inviteSigned.signature]))
  const join = { version: 3, trustId: filled(0x33) }
  return [
    golden('request', encodeRequest({ network, type, body: bytes, entries })),
    golden('answer', encodeAnswer({ statement: filled(0x21), entry: entries[1]! })),
    golden(
      'card',
      encodeCard(card, () => filled(0x1c, 64))
    ),
    golden(
      'card, drawer',
      encodeCard(drawer, () => filled(0x1c, 64))
    ),
    golden('invite file', encodeInviteFile({ invite: whole, seed: filled(0x22), join }))
  ]
}

function golden(name: string, bytes: Bytes, id?: Bytes): Golden {
  return id === undefined ? { name, hex: toHex(bytes) } : { name, hex: toHex(bytes), id: toHex(id) }
}
