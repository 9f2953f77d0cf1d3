import { fromText, isOtaError, type Bytes, type Code } from '../../lib/base/index.ts'
import {
  decodeStatement,
  encodeBody,
  Writer,
  type Entry,
  type KnownBody,
  type Statement
} from '../../lib/records/index.ts'
import { admit, believeNothing, type Believed, type Verdict } from '../../lib/trust/index.ts'
import { laxTrust } from '../records/lax.ts'
import { otherSignature, plusOrder } from '../tools/malleable.ts'
import { foundNetwork, testNowMs, wire } from '../tools/people.ts'
import type { Dice } from './dice.ts'
import { mutateBytes, mutateValue, splice } from './mutate.ts'
import { unlawful } from './oracle.ts'
import { demand, type Offered, type Outcome, type Target } from './outcome.ts'
import {
  network,
  samples,
  scenes,
  signBytes,
  wholeLife,
  type Sample,
  type Scene
} from './scenes.ts'

/** Authority statements against what a node believes, through decoder and admission. */
export const statements: Target = { name: 'statements', weight: 60, sanity, run }

const foreign = foundNetwork({ name: 'elsewhere' })

function sanity(): void {
  let believed = believeNothing(network.id)
  for (const statement of wholeLife) {
    const verdict = admit(believed, statement, testNowMs)
    demand(verdict.tag === 'admitted', `a good statement is ${verdict.tag}`)
    if (verdict.tag === 'admitted') believed = verdict.believed
  }
  demand(unlawful(believeNothing(network.id), believed) === null, 'the oracle blames a good life')
}

function run(dice: Dice, offered: Offered): Outcome {
  const scene = dice.pick(scenes)
  const codes = new Set<Code>()
  const alarms = new Set<Code>()
  let { believed } = scene
  // Now and then several in a row: halves of one statement unite, trusts follow each other.
  for (let left = dice.chance(1, 5) ? 3 : 1; left > 0; left--) {
    const sample = dice.pick(samples)
    const bytes = dice.pick(ways)(sample, dice, codes)
    offered.bytes = bytes
    offered.what = `${sample.name} on "${scene.name}"`
    const before = believed
    const verdict = offer(before, bytes, scene)
    if (typeof verdict === 'string') codes.add(verdict)
    else {
      if ('code' in verdict) codes.add(verdict.code)
      if (verdict.tag === 'admitted' && verdict.alarm !== null) alarms.add(verdict.alarm)
      believed = beliefAfter(before, verdict)
      const fault = unlawful(before, believed)
      if (fault !== null) return { codes: [...codes], taken: true, fault }
    }
  }
  const isTaken = believed.held.size > scene.believed.held.size && codes.size === 0
  return { codes: [...codes], alarms: [...alarms], taken: isTaken, fault: null }
}

function offer(believed: Believed, bytes: Bytes, { nowMs }: Scene): Verdict | Code {
  try {
    return admit(believed, decodeStatement(bytes), nowMs)
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

function beliefAfter(before: Believed, verdict: Verdict): Believed {
  if (verdict.tag === 'refused' || verdict.tag === 'known') return before
  return verdict.believed ?? before
}

type Way = (sample: Sample, dice: Dice, codes: Set<Code>) => Bytes

const asItIs: Way = ({ statement }) => wire(statement)

const ways: readonly Way[] = [
  (sample, dice, codes) => mutateBytes(asItIs(sample, dice, codes), dice),
  (sample, dice, codes) => mutateBytes(asItIs(sample, dice, codes), dice),
  ({ statement }, dice) => splice(wire(statement), wire(dice.pick(samples).statement), dice),
  otherEntries,
  otherEntries,
  otherBytesSigned,
  otherBytesSigned,
  otherBytesSigned,
  otherValueSigned,
  otherValueSigned,
  otherValueSigned,
  otherPlaceSigned
]

/** The bytes stay, the signatures do not. */
function otherEntries({ statement, signers }: Sample, dice: Dice): Bytes {
  const { entries, canonical } = statement
  const at = dice.below(entries.length)
  const one = entries[at] ?? signBytes(canonical, 1)
  const rest = entries.filter((_, i) => i !== at)
  const n = dice.pick(signers)
  const put = (more: readonly Entry[]): Bytes =>
    envelope(statement.network, statement.type, statement.body, more)
  switch (dice.below(11)) {
    case 0:
      return put(entries.slice(0, dice.below(entries.length)))
    case 1:
      return put([...rest, one, one, one].toReversed())
    case 2:
      return put([...rest, otherSignature(statement, n === 0 ? 1 : n), one].slice(-entries.length))
    case 3:
      return put([...rest, { ...one, alg: dice.below(256) }])
    case 4:
      return put([...rest, plusOrder(one)])
    case 5:
      return put([...rest, { ...one, bytes: mutateBytes(one.bytes, dice) }])
    case 6:
      return put([...rest, ...dice.pick(samples).statement.entries])
    case 7:
      return put([...rest, signBytes(canonical, 60 + dice.below(9))])
    case 8:
      return put(Array.from({ length: 1 + dice.below(200) }, () => one))
    case 9:
      return put(entries.map((entry) => ({ ...entry, bytes: entry.bytes.slice(0, 96) })))
    default:
      return put(entries.map(() => plusOrder(one)))
  }
}

/** The body's bytes are changed, the envelope is right again and somebody signs it. */
function otherBytesSigned({ statement, signers }: Sample, dice: Dice): Bytes {
  const other = dice.pick(samples).statement.body
  const body = dice.chance(1, 4)
    ? splice(statement.body, other, dice)
    : mutateBytes(statement.body, dice)
  return signedBy(statement, { ...statement, body }, { signers, dice })
}

/** A field is changed; a writer that checks nothing stands in where ours refuses. */
function otherValueSigned(
  { statement, signers, body }: Sample,
  dice: Dice,
  codes: Set<Code>
): Bytes {
  if (body === null) return otherBytesSigned({ name: '', statement, signers, body }, dice)
  const mutated = mutateValue(body, dice)
  const written = writeBody(mutated, codes)
  return signedBy(statement, { ...statement, body: written ?? statement.body }, { signers, dice })
}

function writeBody(body: KnownBody, codes: Set<Code>): Bytes | null {
  try {
    return encodeBody(body).bytes
  } catch (error) {
    if (!isOtaError(error)) throw error
    codes.add(error.code)
  }
  try {
    return body.tag === 'trust' ? laxTrust(body.trust) : null
  } catch (error) {
    if (!isOtaError(error)) throw error
    return null
  }
}

/** Another type, or another network, around the same body. */
function otherPlaceSigned({ statement, signers }: Sample, dice: Dice): Bytes {
  const type = dice.chance(1, 2) ? dice.pick([1, 2, 3, 4, 5, 6, 60, 128, 200]) : statement.type
  const nets = [network.id, foreign.id, new Uint8Array(32), statement.network]
  return signedBy(statement, { ...statement, type, network: dice.pick(nets) }, { signers, dice })
}

interface Hands {
  readonly signers: readonly number[]
  readonly dice: Dice
}

/** Signed again: by all who may, one short, by strangers, by both, or not again at all. */
function signedBy(old: Statement, parts: Statement, { signers, dice }: Hands): Bytes {
  const head = canonicalOf(parts.network, parts.type, parts.body)
  const by = (people: readonly number[]): readonly Entry[] =>
    people.map((n) => signBytes(head, n === 0 ? 1 : n))
  const strangers = signers.map((_, i) => 70 + i)
  const choices = [
    () => by(signers),
    () => by(signers),
    () => by(signers.slice(1)),
    () => by(strangers),
    () => by([...signers.slice(1), ...strangers]),
    () => by([1, 2, 3, 4, 5, 11, 12]),
    () => old.entries
  ]
  return envelope(parts.network, parts.type, parts.body, dice.pick(choices)())
}

/** C without any of the limits that a writer of ours keeps. */
function canonicalOf(net: Bytes, type: number, body: Bytes): Bytes {
  const writer = new Writer('lax statement')
  writer.raw(fromText('upswell/statement/1'))
  writer.raw(net)
  writer.u8(type)
  writer.uint(body.byteLength)
  writer.raw(body)
  return writer.finish()
}

function envelope(net: Bytes, type: number, body: Bytes, entries: readonly Entry[]): Bytes {
  const writer = new Writer('lax statement')
  writer.raw(canonicalOf(net, type, body))
  writer.uint(entries.length)
  for (const { alg, bytes } of entries) {
    writer.u8(alg)
    writer.uint(bytes.byteLength)
    writer.raw(bytes)
  }
  return writer.finish()
}
