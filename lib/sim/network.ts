import { alloc, assert, DAY, HOUR, type Bytes, type Dice } from '../base/index.ts'
import {
  encodeBody,
  encodeCanonical,
  ROLE,
  type KnownBody,
  type Policy,
  type Release,
  type Role,
  type RoleName,
  type Statement,
  type Trust
} from '../records/index.ts'
import {
  admit,
  believeNothing,
  keyPairFromSeed,
  networkOfFirst,
  signStatement,
  statementId,
  type Believed,
  type KeyPair
} from '../trust/index.ts'

/** Every simulated release is issued at this moment, unix ms: a full hour of November 2025. */
export const simEpochMs = 490_000 * HOUR

/** Certificates and trust are older than any rule about young ones asks for. */
const ageMs = 300 * DAY
const name = 'rehearsal'
const channel = 'stable'
export const simPlatform = 'linux-x64'
export const simChannel = channel

/** A network with one signer, a release that everybody runs, and one that begins its rollout. */
export interface SimNetwork {
  readonly id: Bytes
  /** Before the new release is known, and after. */
  readonly before: Believed
  readonly believed: Believed
  /** The release everybody runs, and the one that is rolled out. */
  readonly old: Bytes
  readonly release: Bytes
  /** When certificates were issued, in ms. */
  readonly seatedMs: number
}

/** Founds the network from `dice` and signs both releases under `policy`, as people would. */
export function foundNetwork(dice: Dice, policy: Policy): SimNetwork {
  const pair = keyPairFromSeed(dice.fill(alloc(32)))
  const trust = trustOf(pair, dice.fill(alloc(32)))
  const first = signed(networkOfFirst, { tag: 'trust', trust }, pair)
  const id = statementId(first.canonical)
  const base = { network: id, pair, policy, dice }
  const old = releaseOf(base, { seq: 1, issuedMs: simEpochMs - 60 * DAY })
  const release = releaseOf(base, { seq: 2, issuedMs: simEpochMs })
  const before = taken(taken(believeNothing(id), first), old)
  return {
    id,
    before,
    believed: taken(before, release),
    old: statementId(old.canonical),
    release: statementId(release.canonical),
    seatedMs: simEpochMs - ageMs
  }
}

function trustOf({ key }: KeyPair, feed: Bytes): Trust {
  const names: readonly RoleName[] = ['root', 'release', 'brake', 'enrol']
  const members = [{ key, label: 'signer', draw: null, organisation: null }]
  const roles: readonly Role[] = names.map((role) => ({ role: ROLE[role], threshold: 1, members }))
  return {
    name,
    version: 1,
    epoch: 1,
    issuedMs: simEpochMs - ageMs,
    expiresMs: simEpochMs + 365 * DAY,
    roles,
    membership: 'enrolled',
    access: 'any',
    feeds: [feed],
    protoLow: 1,
    protoHigh: 1,
    ext: []
  }
}

interface Base {
  readonly network: Bytes
  readonly pair: KeyPair
  readonly policy: Policy
  readonly dice: Dice
}

function releaseOf(
  { network, pair, policy, dice }: Base,
  { seq, issuedMs }: { readonly seq: number; readonly issuedMs: number }
): Statement {
  const release: Release = {
    head: { trustVersion: 1, trustId: network, issuedMs },
    channel,
    epoch: 1,
    seq,
    label: `r${seq}`,
    notes: '',
    kind: 'code',
    supersedes: null,
    fixes: null,
    floor: { tag: 'none' },
    drawers: [],
    drawNumber: null,
    artifacts: [
      {
        component: '',
        platform: simPlatform,
        treeDigest: dice.fill(alloc(32)),
        entries: 1,
        bytes: 1,
        tree: { key: dice.fill(alloc(32)), blocks: 2, bytes: 2 },
        patch: null
      }
    ],
    source: null,
    policy,
    ext: []
  }
  return signed(network, { tag: 'release', release }, pair)
}

function signed(network: Bytes, body: KnownBody, pair: KeyPair): Statement {
  const { type, bytes } = encodeBody(body)
  const canonical = encodeCanonical(network, type, bytes)
  return { network, type, body: bytes, canonical, entries: [signStatement(canonical, pair)] }
}

function taken(believed: Believed, statement: Statement): Believed {
  const verdict = admit(believed, statement, simEpochMs)
  assert(verdict.tag === 'admitted', `a statement made here is admitted, not ${verdict.tag}`)
  return verdict.believed
}
