import type { TestContext } from 'brittle'
import { alloc, toHex, type Bytes } from '../../lib/base/index.ts'
import { Pool, type Offer } from '../../lib/crowd/index.ts'
import type { AuthorityRoom } from '../../lib/gossip/source.ts'
import type { Evidence } from '../../lib/records/index.ts'
import {
  authorityDigest,
  signEvidence,
  verifyEvidence,
  type KeyPair
} from '../../lib/trust/index.ts'
import type { Authority } from '../../lib/authority/index.ts'
import {
  foundNetwork,
  idOfStatement,
  makeArtifact,
  makeControl,
  makeRelease,
  makeTrust,
  person,
  signControl,
  signRelease,
  signTrust,
  testNowMs,
  testRoles,
  wire,
  type TestNetwork,
  type TrustSpec
} from '../tools/people.ts'
import { makeNodeWith, type Node, type NodeOptions } from './world.ts'

/** A network whose keys brake, attest and date: what the tests of acts share. */
export interface ActNetwork extends TestNetwork {
  readonly release: Bytes
  /** Statements on the wire: T1, the release, its pause. */
  readonly statements: { readonly first: Bytes; readonly release: Bytes; readonly pause: Bytes }
}

/** Persons 1 to 3 brake, 5 to 7 are beacons unless told otherwise, 8 builds. */
export function actNetwork(
  beacons: readonly number[] = [5, 6, 7],
  spec: Omit<TrustSpec, 'roles'> = {}
): ActNetwork {
  const roles: TrustSpec['roles'] = {
    beacon: { members: beacons },
    build: { members: [8] }
  }
  const network = foundNetwork({ ...spec, roles })
  const release = signRelease(network.id, makeRelease(network.id))
  const id = idOfStatement(release)
  const pause = signControl(network.id, makeControl(network.id, id))
  const statements = { first: wire(network.first), release: wire(release), pause: wire(pause) }
  return { ...network, release: id, statements }
}

/** A pool that counts what it was offered and what it verified. */
class CountingPool extends Pool {
  offers = 0
  readonly verified: { count: number }

  constructor(authority: Authority) {
    const verified = { count: 0 }
    const verify = (evidence: Evidence): boolean => {
      verified.count += 1
      return verifyEvidence(evidence)
    }
    super(authority.believed, { verify })
    this.verified = verified
  }

  override offer(item: Bytes, nowMs: number): Offer {
    this.offers += 1
    return super.offer(item, nowMs)
  }
}

export type ActNode = Node<CountingPool>

/** A real pool that follows its authority. */
function follow(authority: Authority): CountingPool {
  const pool = new CountingPool(authority)
  const hadDigest = (digest: Bytes): boolean => authority.hadDigest(digest)
  pool.setContext({ believed: authority.believed, hadDigest })
  authority.onChange((believed) => pool.setContext({ believed }))
  return pool
}

/** A node of the network on loopback; `shows` is what its peers see in place of its authority. */
export async function actNode(
  t: TestContext,
  network: ActNetwork,
  options: NodeOptions & { readonly shows?: (authority: Authority) => AuthorityRoom } = {}
): Promise<ActNode> {
  const { shows, ...rest } = options
  const given = { network, makePool: follow, ...(shows === undefined ? {} : { shows }) }
  return await makeNodeWith(t, given, rest)
}

/** T2 of the network, by a quorum of it; the beacon is person 5 unless told. */
export function secondTrust(
  { id }: ActNetwork,
  { beacons = [5], ...spec }: Omit<TrustSpec, 'roles'> & { readonly beacons?: readonly number[] }
): Bytes {
  const roles = { ...testRoles, build: { members: [8] }, beacon: { members: beacons } }
  return wire(signTrust(id, makeTrust({ ...spec, version: 2, roles }), [1, 2]))
}

interface Said {
  readonly seq?: number
  readonly tsS?: number
  readonly note?: string
}

/** A brake on the release of `network` by `pair`. */
export function brakeBy(network: ActNetwork, pair: KeyPair, said: Said = {}): Bytes {
  const { seq = 0, tsS = testNowMs / 1_000, note = '' } = said
  const brake = { reason: 'security', severity: 1, evidence: alloc(32), note } as const
  const draft = {
    subject: network.release.slice(0, 16),
    stage: 0,
    interval: 0,
    seq,
    ttlS: 0,
    body: { tag: 'brake', brake } as const
  }
  return signEvidence(network.id, pair, draft, tsS).wire
}

/** What `pair` built from source of the release of `network`; the signed tree unless told. */
export function attestBy(network: ActNetwork, pair: KeyPair, treeDigest?: Bytes): Bytes {
  const built = treeDigest ?? makeArtifact().treeDigest
  const attest = { treeDigest: built, recipe: alloc(32), environment: alloc(32) }
  const draft = {
    subject: network.release.slice(0, 16),
    stage: 0,
    interval: 0,
    seq: 0,
    ttlS: 0,
    body: { tag: 'attest', attest } as const
  }
  return signEvidence(network.id, pair, draft, testNowMs / 1_000).wire
}

interface Named {
  readonly trustVersion: number
  readonly trustId: Bytes
  readonly digest: Bytes
}

/** A beacon of person `n`. */
export function beaconBy(
  network: ActNetwork,
  n: number,
  named: Named,
  { seq = 1, tsS = testNowMs / 1_000 }: Said = {}
): Bytes {
  const draft = {
    subject: alloc(16),
    stage: 0,
    interval: 0,
    seq,
    ttlS: 86_400,
    body: { tag: 'beacon', beacon: named } as const
  }
  return signEvidence(network.id, person(n), draft, tsS).wire
}

/** What a beacon that sees what `authority` believes says. */
export function namedBy({ believed }: Authority): Named {
  const { trust } = believed
  return {
    trustVersion: trust!.body.version,
    trustId: trust!.id,
    digest: authorityDigest(believed)
  }
}

export const liveBrakes = ({ pool }: ActNode, { release }: ActNetwork): number =>
  pool.brakes(toHex(release), testNowMs).live.length
