import test, { type TestContext } from 'brittle'
import { concat, fromHex, toHex } from '../../lib/base/index.ts'
import {
  cardCanonical,
  criticalExt,
  decodeAnswer,
  decodeBody,
  decodeCard,
  decodeCertificate,
  decodeEntry,
  decodeEvidence,
  decodeEvidenceBy,
  decodeInvite,
  decodeInviteFile,
  decodeMembership,
  decodeRequest,
  decodeStatement,
  encodeBody,
  encodeCanonical
} from '../../lib/records/index.ts'
import { hash } from '../../lib/trust/hash.ts'
import { plain } from './bytes.ts'
import { certificate, evidence, invite, tsS } from './evidence-samples.ts'
import { encodeSamples, entries, goldenFiles, goldens, signer } from './goldens.ts'
import { laxTrust } from './lax.ts'
import { refusals } from './refusals.ts'
import { bodies, filled, firstTrust, network, noNetwork } from './samples.ts'

const same = (t: TestContext, a: unknown, b: unknown, message?: string): void =>
  t.alike(plain(a), plain(b), message)

const by = (file: (typeof goldenFiles)[number], name: string) => {
  const found = goldens(file).find((golden) => golden.name === name)
  if (found === undefined) throw new Error(`no golden "${name}" in ${file}`)
  return { ...found, bytes: fromHex(found.hex) }
}

test('the committed bytes are those that every sample has now', (t) => {
  let compared = 0
  for (const file of goldenFiles) {
    const samples = encodeSamples(file)
    same(t, goldens(file), samples, `${file}: a difference is a wire change`)
    compared += samples.length
  }
  same(t, goldens('refused'), refusals(), 'must-fail vectors')
  t.comment(`${compared} goldens, ${refusals().length} must-fail vectors compared`)
  t.ok(compared >= 34)
})

test('every golden statement reads back as its sample, with both signatures', (t) => {
  for (const [name, body] of Object.entries(bodies)) {
    const { bytes, id } = by('statements', name)
    const statement = decodeStatement(bytes)
    same(t, decodeBody(statement), body, name)
    t.is(toHex(hash([statement.canonical])), id, `${name}: id`)
    same(t, statement.entries, entries)
    t.absent(criticalExt(decodeBody(statement)), `${name}: nothing critical in it`)
  }
  t.is(decodeEntry(entries[0]!)?.proof, null)
  t.is(decodeEntry(entries[1]!)?.proof?.byteLength, 416)
})

test('the first trust has the published size and network id', (t) => {
  const { type, bytes } = encodeBody({ tag: 'trust', trust: firstTrust })
  const canonical = encodeCanonical(noNetwork, type, bytes)
  t.is(canonical.byteLength, 471)
  t.is(toHex(hash([canonical])), '26013e5216b8aa28bd2b3cbaaa577236cacad8b872dfc1fea8c1f623c046c92e')
  same(t, laxTrust(firstTrust), bytes, 'a second hand-written encoder agrees')
})

test('enrol and outcome have the published bodies and ids', (t) => {
  const enrol = by('evidence', 'enrol')
  t.is(toHex(enrol.bytes.subarray(-68, -64)), '01010000')
  t.is(enrol.id, '69b2cd75546401f0f13af60f8979697cabb343ccfc812d2b1e3545f1e36b35bd')
  const outcome = by('evidence', 'outcome')
  t.is(toHex(outcome.bytes.subarray(-72, -64)), '0101000000000000')
  t.is(outcome.id, '7edecc03823937929dfb359252edd3ec69bf78439b885522ab664bd5883012ba')
})

test('every golden evidence has the published size and reads back in both wire forms', (t) => {
  for (const [name, { draft, bytes }] of Object.entries(evidence)) {
    const golden = by('evidence', name)
    t.is(golden.bytes.byteLength, bytes, `${name}: size`)
    const read = decodeEvidence(golden.bytes, network)
    const { subject, stage, interval, seq, ttlS, body } = read
    same(t, { subject, stage, interval, seq, ttlS, body }, draft, name)
    same(t, [read.network, read.signer, read.tsS], [network, signer, tsS])
    same(t, [read.wire, read.signature], [golden.bytes, filled(0x18, 64)])
    t.is(toHex(hash([read.canonical])), golden.id, `${name}: id`)
    const short = fromHex(golden.short ?? '')
    t.is(short.byteLength, bytes - 24, `${name}: 24 bytes less`)
    const known = decodeEvidenceBy(short, network, (ref) => (ref[0] === 0x19 ? signer : null))
    same(t, known, read, `${name}: the short form says the same`)
  }
})

test('evidence by a certificate nobody knows is not an error but a question', async (t) => {
  const short = fromHex(by('evidence', 'enrol').short ?? '')
  t.is(
    decodeEvidenceBy(short, network, () => null),
    null
  )
  await t.exception(() => decodeEvidence(short, network), { code: 'UNSUPPORTED' })
})

test('invite and certificate read back alone and together, and fit 1,024 bytes', (t) => {
  const first = decodeInvite(by('membership', 'invite').bytes)
  const second = decodeCertificate(by('membership', 'certificate').bytes)
  const together = by('membership', 'membership').bytes
  const { signature: a, canonical: c, ...inviteFields } = first
  const { signature: b, canonical: d, ...certificateFields } = second
  same(t, inviteFields, invite)
  same(t, certificateFields, certificate)
  same(t, concat([c, a, d, b]), together)
  same(t, decodeMembership(together, network), {
    invite: first,
    certificate: second,
    wire: together
  })
  t.is(together[0], 0x75, 'told from evidence by its first byte')
  t.is(toHex(hash([d])), by('membership', 'certificate').id, 'id of the certificate')
})

test('request, answer, card and invite file read back', (t) => {
  const request = decodeRequest(by('people', 'request').bytes)
  same(t, decodeBody(request), bodies['control, pause'])
  same(t, request.entries, entries)
  const answer = decodeAnswer(by('people', 'answer').bytes)
  same(t, answer, { statement: filled(0x21), entry: entries[1] })
  const card = decodeCard(by('people', 'card').bytes)
  const signature = filled(0x1c, 64)
  same(t, card, { label: 'a', key: filled(5), feed: filled(9), draw: null, signature })
  same(t, concat([cardCanonical(card), signature]), by('people', 'card').bytes)
  const drawer = decodeCard(by('people', 'card, drawer').bytes)
  same(t, drawer.draw, { root: filled(0x50), first: 4_096 })
  const file = decodeInviteFile(by('people', 'invite file').bytes)
  same(t, file.invite, decodeInvite(by('membership', 'invite').bytes))
  same(t, [file.seed, file.join], [filled(0x22), { version: 3, trustId: filled(0x33) }])
})
