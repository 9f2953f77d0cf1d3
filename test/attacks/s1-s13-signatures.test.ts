import test from 'brittle'
import {
  alloc,
  copy,
  fromHex,
  OtaError,
  statementBytesMax,
  type Bytes
} from '../../lib/base/index.ts'
import {
  decodeEntry,
  encodeCanonical,
  encodeStatement,
  encodeTrust,
  ROLE,
  type Entry,
  type Statement,
  type Trust
} from '../../lib/records/index.ts'
import { permission, verify } from '../../lib/trust/index.ts'
import { nodeOf, told } from '../tools/authority.ts'
import { otherSignature, plusOrder } from '../tools/malleable.ts'
import {
  entryOf,
  foundNetwork,
  idOfStatement,
  keyOf,
  makeControl,
  makeEra,
  makeRelease,
  makeRevoke,
  makeTrust,
  signControl,
  signed,
  signEra,
  signRelease,
  signRevoke,
  signTrust,
  unsigned,
  wire
} from '../tools/people.ts'

// One network with three people, any two of whom release and are root; person 4 enrols.
const network = foundNetwork()
const bare = unsigned(network.id, { tag: 'release', release: makeRelease(network.id) })
const release = signed(bare, [1, 2])

test('S1 one signature short is pending, and any carrier may bring the missing one', async (t) => {
  const node = await nodeOf(network)
  const first = await node.take(signed(bare, [1]))
  t.is(told(first), 'pending THRESHOLD_NOT_MET')
  if (first.tag === 'pending') t.alike([first.have, first.need], [1, 2])
  t.is(node.authority.believed.releases.length, 0)
  t.is(node.authority.read(idOfStatement(bare)), null, 'never offered to others')
  const second = await node.authority.intake(wire(signed(bare, [3])), 'another carrier')
  t.is(told(second), 'admitted')
  t.is(node.authority.believed.releases.length, 1)
})

test('S2 one signer repeated is still one signer', async (t) => {
  const node = await nodeOf(network)
  const once = entryOf(bare, 1)
  const twice = { ...bare, entries: [once, once] }
  t.is(told(await node.take(twice)), 'pending THRESHOLD_NOT_MET')
  const { believed } = node.authority
  const held = [...believed.held.values()].find(({ any }) => any.tag === 'release')
  t.is(held?.any.known.signers.length, 1)
  // A second signature over the same bytes, different and valid: a signer can make as many as she
  // likes, with a nonce of her own.
  const other = otherSignature(bare, 1)
  t.ok(verify(bare.canonical, decodeEntry(other)!.signature, keyOf(1)))
  t.unlike(other.bytes, once.bytes)
  for (const entries of [[other], [other, once], [once, other, once, other]]) {
    const fresh = await nodeOf(network)
    t.is(told(await fresh.take({ ...bare, entries })), 'pending THRESHOLD_NOT_MET')
  }
  const three = { ...bare, entries: [once, other, entryOf(bare, 3)] }
  t.is(told(await node.take(three)), 'admitted')
  t.is(node.authority.believed.releases[0]?.signers.length, 2)
})

test('S3 a key twice in a role, or under two labels, spoils the whole trust', async (t) => {
  const node = await nodeOf(network)
  const good = makeTrust({ version: 2 })
  const twiceInRole = withMembers(good, [
    { key: keyOf(1), label: 'p1' },
    { key: keyOf(1), label: 'p9' },
    { key: keyOf(2), label: 'p2' }
  ])
  t.is(told(await node.authority.intake(rawTrust(twiceInRole), 'test')), 'refused BAD_TRUST')
  const twoLabels = withMembers(good, [
    { key: keyOf(1), label: 'somebody else' },
    { key: keyOf(2), label: 'p2' }
  ])
  t.is(told(await node.authority.intake(rawTrust(twoLabels), 'test')), 'refused BAD_TRUST')
  t.is(node.authority.believed.trust?.body.version, 1)
})

test('S4 a threshold of nothing, or out of reach, spoils the whole trust', async (t) => {
  const node = await nodeOf(network)
  for (const threshold of [0, 4, 1_000]) {
    const good = makeTrust({ version: 2 })
    const roles = good.roles.map((role) =>
      role.role === ROLE.release ? { ...role, threshold } : role
    )
    const verdict = await node.authority.intake(rawTrust({ ...good, roles }), 'test')
    t.is(told(verdict), 'refused BAD_TRUST', `threshold ${threshold} of 3`)
  }
})

test('S5 a bad signature beside enough good ones is dropped and never spread', async (t) => {
  const good = [entryOf(bare, 1), entryOf(bare, 2)]
  const garbage = [
    { alg: 1, bytes: alloc(96).fill(7) },
    { alg: 1, bytes: alloc(0) },
    entryOf(bare, 77),
    changed(entryOf(bare, 3), 80)
  ]
  for (const bad of garbage) {
    const node = await nodeOf(network)
    t.is(told(await node.take({ ...bare, entries: [bad, ...good] })), 'admitted')
    t.alike(node.authority.read(idOfStatement(bare)), wire(sorted({ ...bare, entries: good })))
  }
})

test('S6 a signer whom the current trust lacks counts for no permission', async (t) => {
  const node = await nodeOf(network)
  t.is(told(await node.take(release)), 'admitted')
  const roles = { release: { members: [2, 3], threshold: 2 } }
  const second = signTrust(network.id, makeTrust({ version: 2, roles }), [1, 2])
  t.is(told(await node.take(second)), 'admitted')
  t.is(node.authority.believed.releases.length, 0, 'also where it was admitted before')
  const held = node.authority.believed.held.get(hexOf(idOfStatement(bare)))
  t.is(held?.standing.tag, 'pending')
  if (held?.any.tag === 'release') {
    t.alike(permission(node.authority.believed, held.any.known), {
      have: 1,
      need: 2,
      signers: ['p2']
    })
  }
  t.is(told(await node.take(signed(bare, [3]))), 'admitted', 'the new ones sign the same statement')
})

test('S7 a signature made for another type does not verify', async (t) => {
  const id = network.id
  const all: Statement[] = [
    signTrust(id, makeTrust({ version: 2 }), []),
    bare,
    signControl(id, makeControl(id, idOfStatement(bare)), []),
    signEra(id, makeEra(id), []),
    signRevoke(id, makeRevoke(id, keyOf(50)), [])
  ]
  let pairs = 0
  for (const one of all) {
    for (const other of all) {
      if (one === other) continue
      const node = await nodeOf(network)
      const canonical = encodeCanonical(id, other.type, one.body)
      const entries = (one.type === 5 ? [4] : [1, 2]).map((n) => entryOf({ ...one, canonical }, n))
      const verdict = await node.take({ ...one, entries })
      t.is(told(verdict), 'refused BAD_SIGNATURE', `${one.type} signed as ${other.type}`)
      pairs++
    }
  }
  t.is(pairs, 20)
})

test('S8 a statement of another network is refused before any signature is tried', async (t) => {
  const other = foundNetwork({ name: 'elsewhere' })
  const node = await nodeOf(network)
  const foreign = signRelease(other.id, makeRelease(other.id), [1, 2])
  t.is(told(await node.take(foreign)), 'refused WRONG_NETWORK')
  const zeros = unsigned(alloc(32), { tag: 'control', control: makeControl(other.id, other.id) })
  t.is(told(await node.take(zeros)), 'refused WRONG_NETWORK')
})

test('S9 no prefix and no flipped bit of a statement is admitted', async (t) => {
  const bytes = wire(sorted(release))
  const signaturesAt = bytes.byteLength - 2 * 98
  const codes = new Map<string, number>()
  let node = await nodeOf(network)
  const look = async (foreign: Bytes): Promise<void> => {
    const word = told(await node.authority.intake(foreign, 'test'))
    codes.set(word, (codes.get(word) ?? 0) + 1)
    if (node.authority.believed.releases.length > 0) t.fail('admitted a damaged statement')
  }
  for (let size = 0; size < bytes.byteLength; size += 3) await look(bytes.subarray(0, size))
  // The envelope and the head bit by bit; the rest by samples.
  for (let bit = 0; bit < bytes.byteLength * 8; bit += bit < 1_600 ? 1 : 7) {
    const flipped = copy(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    // One good signature is left of two, and two such halves are a whole: so, a fresh node each.
    if (bit >> 3 >= signaturesAt) node = await nodeOf(network)
    await look(flipped)
  }
  t.comment([...codes].map(([code, count]) => `${code}: ${count}`).join(', '))
  const seen = ['refused NOT_CANONICAL', 'refused BAD_SIGNATURE', 'pending THRESHOLD_NOT_MET']
  for (const word of seen) t.ok(codes.has(word), word)
  for (const word of codes.keys()) t.absent(/admitted|improved|kept/.test(word), word)
  const trailing = Uint8Array.from([...bytes, 0])
  t.is(told(await node.authority.intake(trailing, 'test')), 'refused NOT_CANONICAL')
})

test('S10 what a newer node understands is kept and spread, and not acted on here', async (t) => {
  const node = await nodeOf(network)
  const soft = signRelease(
    network.id,
    makeRelease(network.id, { ext: [{ tag: 200, bytes: alloc(3) }] })
  )
  t.is(told(await node.take(soft)), 'admitted', 'an unknown field that may be ignored')
  const hard = signRelease(
    network.id,
    makeRelease(network.id, { seq: 2, ext: [{ tag: 5, bytes: alloc(3) }] })
  )
  t.is(told(await node.take(hard)), 'kept UNSUPPORTED', 'a critical one')
  t.is(node.authority.believed.releases.length, 1, 'is not acted on')
  t.ok(node.authority.read(idOfStatement(hard)), 'but spread')
  t.is(told(await node.take(ofType(200, [1, 2]))), 'admitted', 'a type to be ignored')
  t.is(told(await node.take(ofType(60, [1, 2]))), 'kept UNSUPPORTED', 'a critical type')
  t.is(told(await node.take(ofType(61, [1]))), 'pending THRESHOLD_NOT_MET', 'k people, here too')
  t.is(told(await node.take(ofType(201, [66]))), 'refused THRESHOLD_NOT_MET', 'strangers')
  t.is(node.authority.list().length, 5)
})

test('S11 signatures of an unknown algorithm count for nothing', async (t) => {
  const unknown = [1, 2, 3].map((n): Entry => ({ ...entryOf(bare, n), alg: 2 }))
  const node = await nodeOf(network)
  t.is(told(await node.take({ ...bare, entries: unknown })), 'refused THRESHOLD_NOT_MET')
  const mixed = [entryOf(bare, 1), ...unknown.slice(1)]
  t.is(told(await node.take({ ...bare, entries: mixed })), 'pending THRESHOLD_NOT_MET')
  const enough = [entryOf(bare, 1), entryOf(bare, 2), unknown[2]!]
  t.is(told(await node.take({ ...bare, entries: enough })), 'admitted')
})

test('S12 a malleable signature never counts, a key off the curve spoils its trust', async (t) => {
  const node = await nodeOf(network)
  const malleable = [1, 2].map((n) => plusOrder(entryOf(bare, n)))
  t.is(told(await node.take({ ...bare, entries: malleable })), 'refused BAD_SIGNATURE')
  const weak = [
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    `ed${'ff'.repeat(30)}7f`,
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '02'.repeat(32)
  ]
  for (const hex of weak) {
    const good = makeTrust({ version: 2 })
    const trust = withMembers(good, [
      { key: fromHex(hex), label: 'weak' },
      { key: keyOf(1), label: 'p1' },
      { key: keyOf(2), label: 'p2' }
    ])
    const verdict = await node.authority.intake(rawTrust(trust), 'test')
    t.is(told(verdict), 'refused BAD_KEY', hex.slice(0, 8))
  }
})

test('S13 more signatures than could count are refused before one is tried', async (t) => {
  const node = await nodeOf(network)
  const many = Array.from({ length: 7 }, (_, n) => entryOf(bare, 100 + n))
  t.is(told(await node.take({ ...bare, entries: many })), 'refused OVER_LIMIT')
  const six = [...many.slice(0, 4), entryOf(bare, 1), entryOf(bare, 2)]
  t.is(told(await node.take({ ...bare, entries: six })), 'admitted', '2 x 3 keys still fit')
  const flood = Array.from({ length: 1_000 }, () => entryOf(bare, 1))
  const error = await caught(() => encodeStatement({ ...bare, entries: flood }))
  t.is(error?.code, 'OVER_LIMIT', 'a writer refuses it')
  const longer = alloc(statementBytesMax + 1)
  t.is(told(await node.authority.intake(longer, 'test')), 'refused OVER_LIMIT')
})

/** Another release role, with members as given; root and the rest stay. */
function withMembers(trust: Trust, members: readonly { key: Bytes; label: string }[]): Trust {
  const full = members.map((one) => ({ ...one, draw: null, organisation: null }))
  const roles = trust.roles.map((role) =>
    role.role === ROLE.release ? { ...role, members: full, threshold: 1 } : role
  )
  return { ...trust, roles }
}

/**
 * A trust as a forger writes it: the encoder refuses what breaks the rules, so they are patched.
 */
function rawTrust(trust: Trust): Bytes {
  const body = lenientTrust(trust)
  const canonical = encodeCanonical(network.id, 1, body)
  const statement = { network: network.id, type: 1, body, canonical, entries: [] }
  return wire(signed(statement, [1, 2]))
}

/**
 * Encodes a valid trust of the same shape, then overwrites threshold, keys and labels of role
 * `release` in place; sorted as the reader wants it.
 */
function lenientTrust(trust: Trust): Bytes {
  try {
    return encodeTrust(trust)
  } catch (error) {
    if (!(error instanceof OtaError)) throw error
    return forgedTrust(trust)
  }
}

/** Role by role, with no rule but the layout. */
function forgedTrust(trust: Trust): Bytes {
  const parts: number[] = []
  const uint = (n: number): void => {
    if (n < 0xfd) parts.push(n)
    else if (n <= 0xffff) parts.push(0xfd, n & 255, n >> 8)
    else {
      const bytes = new DataView(new ArrayBuffer(8))
      bytes.setBigUint64(0, BigInt(n), true)
      parts.push(0xff, ...new Uint8Array(bytes.buffer))
    }
  }
  const text = (value: string): void => {
    uint(value.length)
    parts.push(...new TextEncoder().encode(value))
  }
  text(trust.name)
  for (const n of [trust.version, trust.epoch, trust.issuedMs, trust.expiresMs]) uint(n)
  uint(trust.roles.length)
  for (const role of trust.roles) {
    parts.push(role.role)
    uint(role.threshold)
    const members = role.members.toSorted((a, b) =>
      Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))
    )
    uint(members.length)
    for (const { key, label } of members) {
      parts.push(...key)
      text(label)
    }
  }
  parts.push(trust.membership === 'enrolled' ? 1 : 0, trust.access === 'members' ? 1 : 0)
  uint(trust.feeds.length)
  for (const feed of trust.feeds) parts.push(...feed)
  parts.push(trust.protoLow, trust.protoHigh, 0)
  return Uint8Array.from(parts)
}

function ofType(type: number, signers: readonly number[]): Statement {
  const body = Uint8Array.of(1, 2, 3)
  const canonical = encodeCanonical(network.id, type, body)
  return signed({ network: network.id, type, body, canonical, entries: [] }, signers)
}

function changed(entry: Entry, at: number): Entry {
  const bytes = copy(entry.bytes)
  bytes[at]! ^= 1
  return { ...entry, bytes }
}

function sorted(statement: Statement): Statement {
  const entries = statement.entries.toSorted((a, b) =>
    Buffer.compare(Buffer.from(a.bytes), Buffer.from(b.bytes))
  )
  return { ...statement, entries }
}

async function caught(fn: () => unknown): Promise<OtaError | null> {
  try {
    await fn()
  } catch (error) {
    if (error instanceof OtaError) return error
    throw error
  }
  return null
}

function hexOf(bytes: Bytes): string {
  return Buffer.from(bytes).toString('hex')
}
