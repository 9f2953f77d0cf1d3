// What people and builders hand around beside statements, and trees of releases, judged offline.
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'brittle'
import { encodeManifest, scanTree, treeDigest, bytesOf } from '../../lib/artifact/index.ts'
import { concat, fromText } from '../../lib/base/index.ts'
import { realDisk } from '../../lib/host/index.ts'
import { toLine } from '../../lib/publish/index.ts'
import {
  decodeInvite,
  encodeCard,
  encodeInvite,
  encodeInviteFile,
  type EvidenceDraft,
  type Statement
} from '../../lib/records/index.ts'
import { hash, sign, signEvidence, toName } from '../../lib/trust/index.ts'
import { node, type Said } from './operator.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  keyOf,
  makeArtifact,
  makeMembership,
  makeRelease,
  makeRevoke,
  nodePair,
  person,
  signRelease,
  signRevoke,
  testNowMs,
  wire
} from '../tools/people.ts'

const roles = { build: { members: [5, 6], threshold: 1 }, beacon: { members: [8], threshold: 1 } }
const network = foundNetwork({ roles })
const release = signRelease(network.id, makeRelease(network.id))

async function homeOf(t: TestContext, ...statements: readonly Statement[]): Promise<string> {
  const home = await t.tmp()
  await mkdir(join(home, 'trusted'))
  for (const one of [network.first, ...statements]) {
    await writeFile(join(home, 'trusted', toName(idOfStatement(one))), wire(one))
  }
  return home
}

async function fileOf(t: TestContext, bytes: Uint8Array): Promise<string> {
  const path = join(await t.tmp(), 'paper')
  await writeFile(path, bytes)
  return path
}

async function judge(path: string, home: string | null = null): Promise<Said> {
  const told = home === null ? [] : ['--home', home]
  return await node(['verify', path, ...told, '--json'])
}

function first({ lines }: Said): Readonly<Record<string, unknown>> | undefined {
  return lines.find(({ tag }) => tag === 'statement')?.data
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  const index = at < 0 ? copy.length + at : at
  copy[index] = (copy[index] ?? 0) ^ 1
  return copy
}

function draft(body: EvidenceDraft['body'], fields: Partial<EvidenceDraft> = {}): EvidenceDraft {
  const subject = idOfStatement(release).slice(0, 16)
  return { subject, stage: 0, interval: 0, seq: 1, ttlS: 3_600, body, ...fields }
}

const tsS = Math.floor(testNowMs / 1_000)

test('a brake, a beacon and an attestation need a key of their role', async (t) => {
  const home = await homeOf(t, release)
  const attest = { treeDigest: idOf(1), recipe: idOf(2), environment: idOf(3) }
  const beacon = { trustVersion: 1, trustId: network.id, digest: idOf(4) }
  const drafts = [
    [5, draft({ tag: 'attest', attest })],
    [
      1,
      draft({ tag: 'brake', brake: { reason: 'other', severity: 0, evidence: idOf(6), note: '' } })
    ],
    [8, draft({ tag: 'beacon', beacon }, { subject: new Uint8Array(16) })]
  ] as const
  for (const [n, one] of drafts) {
    const { tag } = one.body
    const good = signEvidence(network.id, person(n), one, tsS).wire
    const said = await judge(await fileOf(t, good), home)
    t.is(said.exit, 0, tag)
    t.alike(first(said)?.['signers'], [`p${n}`], tag)
    const stranger = signEvidence(network.id, person(9), one, tsS).wire
    t.is((await judge(await fileOf(t, stranger), home)).final?.code, 'BAD_KEY', tag)
    t.is((await judge(await fileOf(t, flipped(good, -1)), home)).final?.code, 'BAD_SIGNATURE', tag)
    t.is((await judge(await fileOf(t, good))).final?.code, 'TRUST_GAP', `${tag}, by nobody's trust`)
    const other = signEvidence(idOf(7), person(n), one, tsS).wire
    t.is((await judge(await fileOf(t, other), home)).final?.code, 'WRONG_NETWORK', tag)
  }
})

test('a dump of feed blocks may hold statements and acts, and each has its line', async (t) => {
  const brake = draft({
    tag: 'brake',
    brake: { reason: 'outage', severity: 0, evidence: idOf(6), note: 'x' }
  })
  const blocks = [
    signEvidence(network.id, person(2), brake, tsS).wire,
    wire(release),
    wire(network.first)
  ]
  const text = `${blocks.map(toName).join('\n')}\n\nnonsense\n`
  const said = await judge(await fileOf(t, fromText(text)))
  const rows = said.lines.filter(({ tag }) => tag === 'statement').map(({ data }) => data)
  t.alike(
    rows.map(({ what, code }) => [what, code]),
    [
      ['trust 1', null],
      ['release stable 1.1 "1.0.0"', null],
      ['brake', null],
      ['file', 'NOT_CANONICAL']
    ]
  )
  t.ok(String(rows[3]?.['source']).endsWith(':5'), 'the line is named')
  t.is(said.exit, 11)
})

test('a card says which key made it', async (t) => {
  const fields = { label: 'carol', key: keyOf(3), feed: idOf(3), draw: null }
  const card = encodeCard(fields, (bytes) => sign(bytes, person(3)))
  const said = await judge(await fileOf(t, toLine(card)))
  t.alike(
    [said.exit, first(said)?.['what'], first(said)?.['id']],
    [0, 'card of "carol"', toName(keyOf(3))]
  )
  const stolen = encodeCard(fields, (bytes) => sign(bytes, person(4)))
  t.is((await judge(await fileOf(t, toLine(stolen)))).final?.code, 'BAD_SIGNATURE')
})

function inviteFile(enroller = 4): Uint8Array {
  const canonical = encodeInvite({
    network: network.id,
    invite: nodePair(7).key,
    issuedMs: testNowMs,
    notAfterMs: 0,
    slots: 2,
    weight: 1,
    rights: 0,
    labels: [],
    enrol: keyOf(enroller),
    ext: []
  })
  const invite = decodeInvite(concat([canonical, sign(canonical, person(enroller))]))
  const seed = hash([Uint8Array.of(2, 7, 0, 0)])
  return encodeInviteFile({ invite, seed, join: { version: 1, trustId: network.id } })
}

test('an invite is judged by who enrols here, and by what was revoked', async (t) => {
  const path = await fileOf(t, toLine(inviteFile()))
  t.is((await judge(path)).exit, 0, 'by its own signature, where nothing else is known')
  const home = await homeOf(t)
  t.alike(first(await judge(path, home))?.['signers'], ['p4'])
  const stranger = await fileOf(t, toLine(inviteFile(9)))
  t.is((await judge(stranger, home)).final?.code, 'NOT_ELIGIBLE')
  const revoke = signRevoke(network.id, makeRevoke(network.id, nodePair(7).key))
  const said = await judge(path, await homeOf(t, revoke))
  t.alike([said.exit, said.final?.code], [16, 'NOT_ELIGIBLE'])
  const cut = await fileOf(t, toLine(inviteFile().slice(0, -1)))
  t.is((await judge(cut, home)).final?.code, 'NOT_CANONICAL')
})

test('the certificate of a node tells its slot', async (t) => {
  const { wire: membership } = makeMembership({ network: network.id, slot: 3, node: 1 })
  const home = await homeOf(t)
  const said = await judge(await fileOf(t, toLine(membership)), home)
  t.alike([said.exit, first(said)?.['what']], [0, 'certificate of slot 3'])
  const bad = await fileOf(t, toLine(flipped(membership, -1)))
  t.is((await judge(bad, home)).final?.code, 'BAD_SIGNATURE')
  const other = makeMembership({ network: network.id, slot: 3, node: 1, enroller: 9 })
  t.is((await judge(await fileOf(t, toLine(other.wire)), home)).final?.code, 'NOT_ELIGIBLE')
})

test('a secret key is nothing to hand around', async (t) => {
  const key = concat([fromText('upswell/key/1'), new Uint8Array(64)])
  const said = await judge(await fileOf(t, toLine(key)))
  t.alike([said.exit, said.final?.code], [11, 'WRONG_TYPE'])
  t.ok(said.final?.hint?.includes('.card'))
})

/** A home whose one release has the tree of `fixtures/apps/good`, laid out as installed. */
async function installed(
  t: TestContext
): Promise<{ readonly home: string; readonly tree: string }> {
  const manifest = await scanTree(realDisk(), 'fixtures/apps/good')
  const artifact = {
    ...makeArtifact(),
    treeDigest: treeDigest(encodeManifest(manifest)),
    entries: manifest.entries.length,
    bytes: bytesOf(manifest)
  }
  const good = signRelease(network.id, makeRelease(network.id, { artifacts: [artifact] }))
  const home = await homeOf(t, good)
  const tree = join(home, 'versions', toName(idOfStatement(good)))
  await cp('fixtures/apps/good', tree, { recursive: true })
  return { home, tree }
}

test('a version folder tells which release it is, by its bytes alone', async (t) => {
  const { home, tree } = await installed(t)
  const here = await judge(tree)
  t.is(here.exit, 0, 'the home it lies in is asked')
  const [found] = here.final!.data['releases'] as readonly Readonly<Record<string, unknown>>[]
  t.alike([found?.['label'], found?.['platform']], ['1.0.0', 'linux-x64'])
  const elsewhere = await judge('fixtures/apps/good', home)
  t.is(elsewhere.exit, 0, 'a build of one’s own as well')
  const text = await node(['verify', tree])
  t.ok(
    /^ok {2}tree \w{8} {2}is release \w{8} {2}stable 1.1 "1.0.0" {2}linux-x64\n$/.test(text.stdout)
  )
})

test('a changed byte, a file more, and another release’s name are refused', async (t) => {
  const { home, tree } = await installed(t)
  await writeFile(join(tree, 'extra.txt'), 'x')
  const more = await judge(tree)
  t.alike([more.exit, more.final?.code], [15, 'HASH_MISMATCH'])
  t.ok(more.final?.message?.includes('for which it is named'))
  const second = await installed(t)
  await writeFile(join(second.tree, 'server.js'), 'process.exit(1)\n')
  t.is((await judge(second.tree)).final?.code, 'HASH_MISMATCH')
  const renamed = join(home, 'versions', toName(idOf(5)))
  await cp('fixtures/apps/good', renamed, { recursive: true })
  t.is((await judge(renamed)).final?.code, 'HASH_MISMATCH', 'the tree of another release')
  const crashing = await judge('fixtures/apps/crashing', home)
  t.ok(crashing.final?.message?.includes('that of any of the 1 trees known here'))
})

test('what no tree may hold is BAD_TREE, and a tree needs a home beside it', async (t) => {
  const { home, tree } = await installed(t)
  await mkdir(join(tree, 'aux'))
  await writeFile(join(tree, 'aux', 'bad\nname'), 'x')
  const bad = await judge(tree, home)
  t.alike([bad.exit, bad.final?.code], [15, 'BAD_TREE'])
  const alone = await judge('fixtures/apps/good')
  t.alike([alone.exit, alone.final?.code], [2, 'USAGE'])
})
