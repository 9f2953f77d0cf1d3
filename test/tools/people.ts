import { DAY, equal, type Bytes } from '../../lib/base/index.ts'
import {
  encodeBody,
  encodeCanonical,
  encodeCertificate,
  encodeInvite,
  encodeMembership,
  encodeStatement,
  ROLE,
  type Artifact,
  type CertificateFields,
  type Control,
  type Entry,
  type Era,
  type InviteFields,
  type KnownBody,
  type Member,
  type Membership,
  type Release,
  type Revoke,
  type Role,
  type RoleName,
  type Statement,
  type Trust
} from '../../lib/records/index.ts'
import { testPolicy } from './policy.ts'
import {
  buildAnchor,
  hash,
  keyPairFromSeed,
  networkOfFirst,
  proofAt,
  sign,
  signStatement,
  statementId,
  type Anchor,
  type KeyPair
} from '../../lib/trust/index.ts'

/**
 * People, trusts and statements for tests, made from numbers: the same number is the same person
 * with the same keys in every test. Nothing here is random and nothing reads a clock.
 */

export { testPolicy } from './policy.ts'

/** The moment these tests live in: 2025-10-09, unix ms. */
export const testNowMs = 1_760_000_000_000

/** The key pair of person `n`, the same at each call. */
export function person(n: number): KeyPair {
  return keyPairFromSeed(hash([Uint8Array.of(n & 255, (n >> 8) & 255, (n >> 16) & 255)]))
}

export function keyOf(n: number): Bytes {
  return person(n).key
}

/** 32 bytes that stand for an id or a core key nobody looks behind. */
export function idOf(n: number): Bytes {
  return hash([Uint8Array.of(1, n & 255, (n >> 8) & 255)])
}

/** Reporting key and swarm seed of node `n`; never the key of a person. */
export function nodePair(n: number): KeyPair {
  return keyPairFromSeed(hash([Uint8Array.of(2, n & 255, (n >> 8) & 255, (n >> 16) & 255)]))
}

export interface RoleSpec {
  readonly members: readonly number[]
  readonly threshold?: number
  /** Role `build`: the organisation of a member, by number; else `org-N`. */
  readonly organisations?: Readonly<Record<number, string>>
}

export interface TrustSpec extends Partial<Omit<Trust, 'roles'>> {
  /** Role `draw` needs `anchors`, role `build` one organisation per member unless told else. */
  readonly roles?: Partial<Record<RoleName, RoleSpec>>
  readonly anchors?: readonly Anchor[]
}

/** Persons 1, 2, 3: any two release, any two are root, one brakes; person 4 enrols. */
export const testRoles: Partial<Record<RoleName, RoleSpec>> = {
  root: { members: [1, 2, 3], threshold: 2 },
  release: { members: [1, 2, 3], threshold: 2 },
  brake: { members: [1, 2, 3], threshold: 1 },
  enrol: { members: [4], threshold: 1 }
}

/** A valid trust, version 1 unless told otherwise, over `testRoles` unless told otherwise. */
export function makeTrust({ roles, anchors = [], ...fields }: TrustSpec = {}): Trust {
  return {
    name: 'demo',
    version: 1,
    epoch: 1,
    issuedMs: testNowMs - 30 * DAY,
    expiresMs: testNowMs + 365 * DAY,
    roles: makeRoles({ ...testRoles, ...roles }, anchors),
    membership: 'enrolled',
    access: 'any',
    feeds: [idOf(9)],
    protoLow: 1,
    protoHigh: 1,
    ext: [],
    ...fields
  }
}

function makeRoles(
  specs: Partial<Record<RoleName, RoleSpec>>,
  anchors: readonly Anchor[]
): readonly Role[] {
  const roles: Role[] = []
  for (const [name, number] of Object.entries(ROLE) as [RoleName, number][]) {
    const spec = specs[name]
    if (spec === undefined || spec.members.length === 0) continue
    roles.push({
      role: number,
      threshold: spec.threshold ?? 1,
      members: spec.members.map((n) => {
        const member = makeMember(n, name, anchors)
        const organisation = spec.organisations?.[n] ?? member.organisation
        return { ...member, organisation }
      })
    })
  }
  return roles
}

function makeMember(n: number, role: RoleName, anchors: readonly Anchor[]): Member {
  const key = keyOf(n)
  const anchor = anchors.find((one) => equal(one.key, key))
  return {
    key,
    label: `p${n}`,
    draw: role === 'draw' && anchor ? { root: anchor.root, first: 0 } : null,
    organisation: role === 'build' ? `org-${n}` : null
  }
}

/** The anchor of drawer `n`; building one takes about 50 ms, so keep it. */
export function makeAnchor(n: number): Anchor {
  return buildAnchor(keyOf(n), hash([Uint8Array.of(3, n & 255)]))
}

/** An artifact whose cores nobody holds. */
export function makeArtifact(n = 1, platform = 'linux-x64'): Artifact {
  return {
    component: '',
    platform,
    treeDigest: idOf(1_000 + n),
    entries: 3,
    bytes: 4_096,
    tree: { key: idOf(2_000 + n), blocks: 4, bytes: 5_000 },
    patch: null
  }
}

/** A network in tests: T1, its statement and its id. */
export interface TestNetwork {
  readonly id: Bytes
  readonly trust: Trust
  /** T1, signed by every key it lists. */
  readonly first: Statement
}

/** Founds a network: T1 signed by everybody it lists (persons 1 to 64 are looked through). */
export function foundNetwork(spec: TrustSpec = {}): TestNetwork {
  const trust = makeTrust(spec)
  const { bytes } = encodeBody({ tag: 'trust', trust })
  const canonical = encodeCanonical(networkOfFirst, 1, bytes)
  const listed = new Set(trust.roles.flatMap(({ members }) => members.map((one) => one.label)))
  const signers = [...listed].map((label) => Number(label.slice(1)))
  const bare = { network: networkOfFirst, type: 1, body: bytes, canonical, entries: [] }
  return { id: statementId(canonical), trust, first: signed(bare, signers) }
}

/** What a head says under a trust; of T1 the id is the network id. */
export function headUnder(
  trustVersion: number,
  trustId: Bytes,
  issuedMs = testNowMs
): Release['head'] {
  return { trustVersion, trustId, issuedMs }
}

/** A release (1, 1) of channel `stable` under T1 of `network`. */
export function makeRelease(network: Bytes, fields: Partial<Release> = {}): Release {
  return {
    head: headUnder(1, network),
    channel: 'stable',
    epoch: 1,
    seq: 1,
    label: '1.0.0',
    notes: '',
    kind: 'code',
    supersedes: null,
    fixes: null,
    floor: { tag: 'none' },
    drawers: [],
    drawNumber: null,
    artifacts: [makeArtifact()],
    source: null,
    policy: testPolicy(),
    ext: [],
    ...fields
  }
}

/** A pause of `release` under T1 of `network`, unless told otherwise. */
export function makeControl(
  network: Bytes,
  release: Bytes,
  fields: Partial<Control> = {}
): Control {
  return {
    head: headUnder(1, network),
    action: 'pause',
    release,
    resume: 0,
    floor: { tag: 'none' },
    stage: 0,
    lifts: [],
    exclude: [],
    reason: '',
    ext: [],
    ...fields
  }
}

export function makeEra(network: Bytes, fields: Partial<Era> = {}): Era {
  return {
    head: headUnder(1, network),
    action: 'announce',
    name: 'fork-one',
    bit: 0,
    seq: 1,
    source: 'time',
    counter: '',
    at: 0,
    noticeMs: 7 * DAY,
    thresholdPpm: 950_000,
    censuses: 3,
    onShort: 'postpone',
    ext: [],
    ...fields
  }
}

export function makeRevoke(network: Bytes, invite: Bytes, fields: Partial<Revoke> = {}): Revoke {
  return { head: headUnder(1, network), invite, slots: [], ext: [], ...fields }
}

/** A statement of `network` without signatures. */
export function unsigned(network: Bytes, body: KnownBody): Statement {
  const { type, bytes } = encodeBody(body)
  const canonical = encodeCanonical(network, type, bytes)
  return { network, type, body: bytes, canonical, entries: [] }
}

/** One person's entry on a statement. */
export function entryOf(statement: Statement, n: number, proof: Bytes | null = null): Entry {
  return signStatement(statement.canonical, person(n), proof)
}

/** The statement with these persons' signatures beside those it has. */
export function signed(statement: Statement, signers: readonly number[]): Statement {
  const entries = signers.map((n) => entryOf(statement, n))
  return { ...statement, entries: [...statement.entries, ...entries] }
}

export function signTrust(network: Bytes, trust: Trust, signers: readonly number[]): Statement {
  return signed(unsigned(network, { tag: 'trust', trust }), signers)
}

export function signRelease(
  network: Bytes,
  release: Release,
  signers: readonly number[] = [1, 2]
): Statement {
  return signed(unsigned(network, { tag: 'release', release }), signers)
}

export function signControl(
  network: Bytes,
  control: Control,
  signers: readonly number[] = [1, 2]
): Statement {
  return signed(unsigned(network, { tag: 'control', control }), signers)
}

export function signEra(network: Bytes, era: Era, signers: readonly number[] = [1, 2]): Statement {
  return signed(unsigned(network, { tag: 'era', era }), signers)
}

export function signRevoke(
  network: Bytes,
  revoke: Revoke,
  signers: readonly number[] = [4]
): Statement {
  return signed(unsigned(network, { tag: 'revoke', revoke }), signers)
}

/** A drawer's entry with her one-time value for `drawNumber`. */
export function drawEntry(
  statement: Statement,
  n: number,
  anchor: Anchor,
  drawNumber: number
): Entry {
  return entryOf(statement, n, proofAt(anchor, drawNumber))
}

export function idOfStatement(statement: Statement): Bytes {
  return statementId(statement.canonical)
}

/** As carriers bring it. */
export function wire(statement: Statement): Bytes {
  return encodeStatement(statement)
}

export interface MembershipSpec {
  readonly network: Bytes
  /** Number of the invite; its key is `nodePair(1_000_000 + invite)`. */
  readonly invite?: number
  readonly inviteFields?: Partial<InviteFields>
  readonly slot: number
  /** Number of the node; its key is `nodePair(node)`. */
  readonly node: number
  readonly certificateFields?: Partial<CertificateFields>
  /** Person who enrols; 4 has the role in `testRoles`. */
  readonly enroller?: number
}

/** A membership of node `node` in `slot`, a year old, signed by its enroller and its invite. */
export function makeMembership(spec: MembershipSpec): Membership {
  const { network, slot, node, enroller = 4, invite = 1 } = spec
  const invitePair = nodePair(1_000_000 + invite)
  const issuedMs = testNowMs - 365 * DAY
  const inviteC = encodeInvite({
    network,
    invite: invitePair.key,
    issuedMs,
    notAfterMs: 0,
    slots: 64,
    weight: 1,
    rights: 0,
    labels: [],
    enrol: keyOf(enroller),
    ext: [],
    ...spec.inviteFields
  })
  const certificateC = encodeCertificate({
    network,
    invite: invitePair.key,
    slot,
    node: nodePair(node).key,
    issuedMs,
    ...spec.certificateFields
  })
  return encodeMembership(
    { canonical: inviteC, signature: sign(inviteC, person(enroller)) },
    { canonical: certificateC, signature: sign(certificateC, invitePair) }
  )
}
