// Forms of records and of the signatures on them: every kind in the place of every other, every
// prefix and flipped bit of signed statements, keys and signatures that only look like some.
import test from 'brittle'
import sodium from 'sodium-native'
import {
  alloc,
  concat,
  copy,
  fromHex,
  fromText,
  isOtaError,
  type Bytes
} from '../../lib/base/index.ts'
import {
  placesIn,
  readAnswers,
  readCard,
  readInvite,
  readRequest,
  toLine,
  draftFrom,
  type Desk
} from '../../lib/publish/index.ts'
import {
  cardCanonical,
  decodeInvite,
  decodeStatement,
  encodeAnswer,
  encodeCard,
  encodeEvidence,
  encodeInvite,
  encodeInviteFile,
  encodeMembership,
  encodeRequest,
  sealEvidence,
  Writer,
  type Entry
} from '../../lib/records/index.ts'
import { readPolicyFile } from '../../lib/rollout/index.ts'
import {
  admit,
  believeNothing,
  sign,
  verifyEvidence,
  verifyMembership,
  type Believed,
  type KeyPair,
  type Verdict
} from '../../lib/trust/index.ts'
import { evidence, tsS } from '../records/evidence-samples.ts'
import { refusals } from '../records/refusals.ts'
import { decodeBody } from '../../lib/records/index.ts'
import { network, samples, scenes, signBytes } from '../fuzz/scenes.ts'
import { MemoryDisk } from '../tools/memory-disk.ts'
import { otherOrder } from '../tools/malleable.ts'
import { idOf, keyOf, makeMembership, nodePair, person, testNowMs, wire } from '../tools/people.ts'

function codeOf(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
  return 'taken'
}

const alive = scenes.find(({ name }) => name === 'trust 1')!.believed
const sampleOf = (name: string) => samples.find((one) => one.name === name)!

test('S4 a number that is none, or out of range, is refused by its path where it is read', (t) => {
  const fields: readonly (readonly [string, (value: unknown) => object])[] = [
    ['gate.treated', (value) => ({ gate: { treated: value } })],
    ['gate.controls', (value) => ({ gate: { controls: value } })],
    ['retry.host', (value) => ({ retry: { host: value } })],
    ['boots', (value) => ({ boots: value })]
  ]
  for (const [path, file] of fields) {
    for (const value of [-1, 1.5, '2', null]) {
      try {
        readPolicyFile({ plan: 'short', ...file(value) }, { nodes: 400 })
        t.fail(`${path} takes ${String(value)}`)
      } catch (error) {
        if (!isOtaError(error)) throw error
        t.alike([error.code, error.facts['path']], ['POLICY_INVALID', path], String(value))
      }
    }
  }
})

/** A kind of record that somebody signs, and whether these signatures make its reader take it. */
interface Signable {
  readonly name: string
  readonly canonical: Bytes
  readonly hands: readonly KeyPair[]
  readonly takes: (signatures: readonly Bytes[]) => boolean | Promise<boolean>
}

function ofAuthority(name: string): Signable {
  const { statement, signers } = sampleOf(name)
  const hands = signers.map(person)
  return {
    name,
    canonical: statement.canonical,
    hands,
    takes: (signatures) => {
      const entries = signatures.map((signature, i): Entry => {
        return { alg: 1, bytes: concat([hands[i]!.key, signature]) }
      })
      return admit(alive, { ...statement, entries }, testNowMs).tag === 'admitted'
    }
  }
}

function ofEvidence(name: string): Signable {
  const { draft } = evidence[name]!
  const pair = nodePair(7)
  const unsigned = encodeEvidence(network.id, pair.key, tsS, draft)
  return {
    name,
    canonical: unsigned.canonical,
    hands: [pair],
    takes: ([signature]) => verifyEvidence(sealEvidence(unsigned, signature!))
  }
}

const membership = makeMembership({ network: network.id, slot: 3, node: 8 })
const invitePair = nodePair(1_000_001)

function ofMembership(name: 'invite' | 'certificate'): Signable {
  const part = membership[name]
  return {
    name,
    canonical: part.canonical,
    hands: [name === 'invite' ? person(4) : invitePair],
    takes: ([signature]) => {
      const signed = { ...part, signature: signature! }
      const other = { ...membership, [name]: signed }
      const whole = encodeMembership(other.invite, other.certificate)
      return verifyMembership(alive, whole, testNowMs).tag === 'seat'
    }
  }
}

const cardFields = { label: 'p7', key: keyOf(7), feed: idOf(9), draw: null }
const path = '/desk/paper'

async function deskWith(paper: Bytes): Promise<Desk> {
  const disk = new MemoryDisk()
  await disk.writeDurable(path, toLine(paper))
  const clock = { wallMs: () => testNowMs, steadyMs: () => 0, after: () => () => {} }
  return { disk, clock, places: placesIn('/desk'), dice: { next: () => 0, fill: (bytes) => bytes } }
}

const card: Signable = {
  name: 'card',
  canonical: cardCanonical(cardFields),
  hands: [person(7)],
  takes: async ([signature]) => {
    const desk = await deskWith(encodeCard(cardFields, () => signature!))
    return await readCard(desk, path).then(
      () => true,
      () => false
    )
  }
}

test('S7 no signature serves another kind: all ordered pairs of what anybody signs', async (t) => {
  const kinds: readonly Signable[] = [
    ...['trust 2', 'release 1', 'pause', 'era', 'revoke', 'type 200'].map(ofAuthority),
    ...['enrol', 'outcome', 'census', 'verdict', 'attest', 'vote', 'brake', 'beacon'].map(
      ofEvidence
    ),
    ofMembership('invite'),
    ofMembership('certificate'),
    card
  ]
  let pairs = 0
  for (const asked of kinds) {
    for (const given of kinds) {
      // Those who may sign the one have signed the other.
      const taken = await asked.takes(asked.hands.map((pair) => sign(given.canonical, pair)))
      if (asked === given) t.ok(taken, `${asked.name} with its own signature`)
      else if (taken) t.fail(`a signature over ${given.name} serves ${asked.name}`)
      else pairs++
    }
  }
  t.is(pairs, 17 * 16)
})

test('S7 a file of another kind is refused by its name, whoever reads it', async (t) => {
  const release = sampleOf('release 1').statement
  const draft = draftFrom(release)
  const invite = decodeInvite(concat([membership.invite.canonical, membership.invite.signature]))
  const files: Readonly<Record<string, Bytes>> = {
    request: encodeRequest(release),
    answer: encodeAnswer({ statement: draft.id, entry: signBytes(release.canonical, 1) }),
    card: encodeCard(cardFields, (canonical) => sign(canonical, person(7))),
    invite: encodeInviteFile({ invite, seed: alloc(32), join: { version: 1, trustId: network.id } })
  }
  const readers: Readonly<Record<string, (desk: Desk) => Promise<unknown>>> = {
    request: ({ disk }) => readRequest(disk, path),
    answer: (desk) => readAnswers(desk, [path], draft, []),
    card: (desk) => readCard(desk, path),
    invite: ({ disk }) => readInvite(disk, path)
  }
  for (const [want, read] of Object.entries(readers)) {
    for (const [kind, bytes] of Object.entries(files)) {
      const said = await read(await deskWith(bytes)).then(
        () => 'taken',
        (error: unknown) => (isOtaError(error) ? error.code : String(error))
      )
      t.is(said, want === kind ? 'taken' : 'WRONG_TYPE', `${kind} where ${want} is asked for`)
    }
  }
})

function judge(believed: Believed, bytes: Bytes): Verdict | string {
  try {
    return admit(believed, decodeStatement(bytes), testNowMs)
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
}

const isTaken = (verdict: Verdict | string): boolean =>
  typeof verdict !== 'string' && ['admitted', 'improved', 'kept'].includes(verdict.tag)

test('S9 no prefix of a signed statement is taken, of any type', (t) => {
  let prefixes = 0
  for (const { name, statement } of samples) {
    const bytes = wire(statement)
    const believed = name === 'trust 1' ? believeNothing(network.id) : alive
    for (let size = 0; size < bytes.byteLength; size++) {
      if (isTaken(judge(believed, bytes.subarray(0, size)))) t.fail(`${size} bytes of ${name}`)
      prefixes++
    }
    t.is(judge(believed, concat([bytes, Uint8Array.of(0)])), 'NOT_CANONICAL', `${name} and a byte`)
  }
  t.ok(prefixes > 10_000, `${prefixes} prefixes`)
})

test('S9 no flipped bit leaves a signed statement its quorum, of any type', (t) => {
  const codes = new Map<string, number>()
  let flips = 0
  for (const name of ['trust 2', 'release 1', 'abort', 'era', 'revoke', 'type 200']) {
    const bytes = wire(sampleOf(name).statement)
    t.ok(isTaken(judge(alive, bytes)), `${name} as it is`)
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const flipped = copy(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const verdict = judge(alive, flipped)
      if (isTaken(verdict)) t.fail(`bit ${bit} of ${name}`)
      const code = typeof verdict === 'string' ? verdict : 'code' in verdict ? verdict.code : null
      codes.set(code ?? 'none', (codes.get(code ?? 'none') ?? 0) + 1)
      flips++
    }
  }
  t.comment([...codes].map(([code, count]) => `${code}: ${count}`).join(', '))
  t.ok(flips > 20_000, `${flips} flips`)
  for (const code of ['NOT_CANONICAL', 'BAD_SIGNATURE', 'THRESHOLD_NOT_MET']) t.ok(codes.has(code))
})

test('S9 long integers, bad text, unsorted and doubled lists: each has its code', (t) => {
  const vectors = refusals().filter(({ record }) => record === 'statement')
  for (const { name, hex, code } of vectors) {
    t.is(
      codeOf(() => decodeBody(decodeStatement(fromHex(hex)))),
      code,
      name
    )
  }
  t.ok(vectors.length > 60)
})

// The identity, the point of order two, two of order eight, and the same written long.
const smallOrder = [
  '01' + '00'.repeat(31),
  'ec' + 'ff'.repeat(30) + '7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ee' + 'ff'.repeat(30) + '7f',
  '00'.repeat(32)
].map((hex) => fromHex(hex))

test('S12 a key of small order seats nobody and signs nothing', (t) => {
  for (const key of smallOrder) {
    const inviteC = encodeInvite({ ...membership.invite, invite: key })
    const nodeC = makeMembership({ network: network.id, slot: 3, node: 8 })
    const odd = {
      ...nodeC,
      invite: {
        ...nodeC.invite,
        invite: key,
        canonical: inviteC,
        signature: sign(inviteC, person(4))
      },
      certificate: { ...nodeC.certificate, invite: key }
    }
    const asInvite = verifyMembership(alive, odd, testNowMs)
    t.is(asInvite.tag === 'refused' && asInvite.code, 'BAD_KEY', 'as the key of an invite')
    const asNode = verifyMembership(
      alive,
      { ...nodeC, certificate: { ...nodeC.certificate, node: key } },
      testNowMs
    )
    t.is(asNode.tag === 'refused' && asNode.code, 'BAD_KEY', 'as the key of a node')
    // Under such a key R = A, S = 0 holds for every message where nobody looks.
    const forged = concat([key, alloc(32)])
    t.absent(sodium.crypto_sign_verify_detached(forged, fromText('anything'), key))
  }
})

test('S12 S + L is no signature: of evidence, invite or certificate', (t) => {
  const pair = nodePair(7)
  for (const name of Object.keys(evidence)) {
    const unsigned = encodeEvidence(network.id, pair.key, tsS, evidence[name]!.draft)
    const good = sign(unsigned.canonical, pair)
    t.ok(verifyEvidence(sealEvidence(unsigned, good)), name)
    t.absent(verifyEvidence(sealEvidence(unsigned, otherOrder(good))), name)
  }
  for (const name of ['invite', 'certificate'] as const) {
    const part = membership[name]
    const odd = { ...membership, [name]: { ...part, signature: otherOrder(part.signature) } }
    const seat = verifyMembership(alive, odd, testNowMs)
    t.is(seat.tag === 'refused' && seat.code, 'BAD_SIGNATURE', name)
  }
})

/** A statement as bytes with any number of entries; no writer of ours would make it. */
function withEntries(canonical: Bytes, count: number, each: Bytes): Bytes {
  const writer = new Writer('flood')
  writer.raw(canonical)
  writer.uint(count)
  for (let i = 0; i < count; i++) writer.raw(each)
  return writer.finish()
}

/** How many signatures sodium is asked about meanwhile. */
function verifications(run: () => void): number {
  const verify = sodium.crypto_sign_verify_detached.bind(sodium)
  let count = 0
  sodium.crypto_sign_verify_detached = (...args: Parameters<typeof verify>) => {
    count++
    return verify(...args)
  }
  try {
    run()
  } finally {
    sodium.crypto_sign_verify_detached = verify
  }
  return count
}

test('S13 100,000 signatures cost no verification, the most that may count one each', (t) => {
  const { canonical } = sampleOf('release 1').statement
  const empty = Uint8Array.of(1, 0)
  t.is(judge(alive, withEntries(canonical, 100_000, empty)), 'OVER_LIMIT', 'by their size')
  const claimed = concat([canonical, fromHex('fea0860100'), alloc(50_000)])
  t.is(judge(alive, claimed), 'OVER_LIMIT', 'by their number, before the first is read')
  t.is(judge(alive, withEntries(canonical, 161, empty)), 'OVER_LIMIT', 'none may have so many')
  // Five release keys: ten may come, an eleventh ends it before sodium is asked.
  const bad = [1, 2, 3, 4, 5].flatMap((n) => [1, 2].map((salt) => garbageBy(n, salt)))
  const offer = (entries: readonly Entry[]): number =>
    verifications(() => {
      const statement = { ...sampleOf('release 1').statement, entries }
      t.is(admit(alive, statement, testNowMs).tag, 'refused')
    })
  t.is(offer([...bad, garbageBy(1, 3)]), 0)
  t.is(offer(bad), 10)
  t.is(
    offer(bad.map(({ alg, bytes }) => ({ alg, bytes: concat([keyOf(77), bytes.slice(32)]) }))),
    0
  )
})

function garbageBy(n: number, salt: number): Entry {
  return { alg: 1, bytes: concat([keyOf(n), alloc(64).fill(salt)]) }
}
