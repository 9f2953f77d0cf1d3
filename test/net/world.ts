import { Authority } from '../../lib/authority/index.ts'
import {
  alloc,
  concat,
  copy,
  DAY,
  equal,
  fromText,
  toHex,
  type Bytes,
  type Clock,
  type Log
} from '../../lib/base/index.ts'
import type { EvidencePool, Offer, SetRef, SetView } from '../../lib/crowd/index.ts'
import { Wire, type WireOptions } from '../../lib/gossip/index.ts'
import type { AuthorityRoom } from '../../lib/gossip/source.ts'
import { realClock, realDice } from '../../lib/host/index.ts'
import {
  decodeStatement,
  encodeBody,
  encodeCertificate,
  encodeInvite,
  encodeMembership,
  encodeCanonical,
  encodeStatement,
  ROLE,
  setKey,
  type KnownBody,
  type Role,
  type Trust
} from '../../lib/records/index.ts'
import {
  hash,
  keyPairFromSeed,
  networkIdOf,
  networkOfFirst,
  sign,
  signStatement,
  type KeyPair
} from '../../lib/trust/index.ts'

import { MemoryDisk } from '../tools/memory-disk.ts'

/** What the tests of the wire share: a small network with real statements, and ports in memory. */
export const pairOf = (name: string): KeyPair => keyPairFromSeed(hash([fromText(name)]))
export const nowMs = 1_760_000_000_000

export interface TestNetwork {
  readonly id: Bytes
  readonly signer: KeyPair
  readonly enrol: KeyPair
  /** T1, T2 and an era, as they lie on the wire. */
  readonly first: Bytes
  readonly second: Bytes
  readonly era: Bytes
}

const role = (number: number, key: Bytes, label: string): Role => ({
  role: number,
  threshold: 1,
  members: [{ key, label, draw: null, organisation: null }]
})

/** One signer, two trusts, an announced era; `access` as given. */
export function makeNetwork(access: Trust['access'] = 'any'): TestNetwork {
  const [signer, enrol] = [pairOf('signer'), pairOf('enrol')]
  const trust: Trust = {
    name: 'demo',
    version: 1,
    epoch: 1,
    issuedMs: nowMs,
    expiresMs: nowMs + 365 * DAY,
    roles: [
      role(ROLE.root, signer.key, 'a'),
      role(ROLE.release, signer.key, 'a'),
      role(ROLE.brake, signer.key, 'a'),
      role(ROLE.enrol, enrol.key, 'e')
    ],
    membership: 'enrolled',
    access,
    feeds: [],
    protoLow: 1,
    protoHigh: 1,
    ext: []
  }
  const first = seal(networkOfFirst, { tag: 'trust', trust }, [signer, enrol])
  const id = networkIdOf(decodeStatement(first))
  const second = seal(id, { tag: 'trust', trust: { ...trust, version: 2 } }, [signer])
  const head = { trustVersion: 1, trustId: id, issuedMs: nowMs }
  const era = seal(id, { tag: 'era', era: { ...announced, head } }, [signer])
  return { id, signer, enrol, first, second, era }
}

const announced = {
  action: 'announce',
  name: 'next',
  bit: 0,
  seq: 1,
  source: 'time',
  counter: '',
  at: 0,
  noticeMs: 3 * DAY,
  thresholdPpm: 950_000,
  censuses: 3,
  onShort: 'postpone',
  ext: []
} as const

function seal(network: Bytes, body: KnownBody, pairs: readonly KeyPair[]): Bytes {
  const { type, bytes } = encodeBody(body)
  const canonical = encodeCanonical(network, type, bytes)
  const entries = pairs.map((pair) => signStatement(canonical, pair))
  return encodeStatement({ network, type, body: bytes, entries })
}

/** Slot `slot` of the network's one invite, for `node`. */
export function membershipOf({ id, enrol }: TestNetwork, slot: number, node: KeyPair): Bytes {
  const invite = pairOf('invite')
  const inviteBytes = encodeInvite({
    network: id,
    invite: invite.key,
    issuedMs: nowMs,
    notAfterMs: 0,
    slots: 8,
    weight: 1,
    rights: 0,
    labels: [],
    enrol: enrol.key,
    ext: []
  })
  const certificate = encodeCertificate({
    network: id,
    invite: invite.key,
    slot,
    node: node.key,
    issuedMs: nowMs
  })
  return encodeMembership(
    { canonical: inviteBytes, signature: sign(inviteBytes, enrol) },
    { canonical: certificate, signature: sign(certificate, invite) }
  ).wire
}

const testSet: SetRef = { type: 32, subject: alloc(8).fill(2), a: 0, b: 1, c: 0 }
const noSet: SetRef = { type: 0, subject: alloc(8), a: 0, b: 0, c: 0 }

/** A pool that takes everything: 0xff is a false statement, 0x75 a membership, 0x02 lazy. */
class OpenPool implements EvidencePool {
  readonly items = new Map<string, { readonly id: Bytes; readonly wire: Bytes; ref: SetRef }>()
  offers = 0

  offer(item: Bytes): Offer {
    this.offers += 1
    const id = hash([item])
    if (item[0] === 0xff) return { answer: 'rejected', id: null, spread: 'none', ref: null }
    if (this.items.has(toHex(id))) return { answer: 'duplicate', id, spread: 'none', ref: null }
    const ref = item[0] === 0x75 ? noSet : testSet
    this.items.set(toHex(id), { id, wire: copy(item), ref })
    return { answer: 'accepted', id, spread: item[0] === 2 ? 'lazy' : 'eager', ref }
  }

  sets(): readonly SetView[] {
    return [noSet, testSet].map((ref) => {
      const all = [...this.items.values()].filter((item) => setKey(item.ref) === setKey(ref))
      return { ref, count: all.length, kthRank: alloc(8).fill(0xff), members: all }
    })
  }

  get(id: Bytes): Bytes | null {
    return this.items.get(toHex(id))?.wire ?? null
  }

  has(item: Bytes): boolean {
    return this.items.has(toHex(hash([item])))
  }
}

export const item = (kind: number, number: number): Bytes =>
  concat([Uint8Array.of(kind, number >> 8, number & 0xff), alloc(130).fill(7)])

export interface Node<P extends EvidencePool = OpenPool> {
  readonly wire: Wire
  readonly authority: Authority
  readonly pool: P
  readonly events: { readonly event: string; readonly facts: object }[]
}

interface Closer {
  teardown(fn: () => unknown, options?: { order?: number }): void
}

export type NodeOptions = Partial<WireOptions> & {
  readonly knows?: readonly Bytes[]
  /** Clock of the node; the date of these tests unless told. */
  readonly wallMs?: () => number
  /** Time of its timers, if it is not the machine's. */
  readonly timers?: Pick<Clock, 'steadyMs' | 'after'>
}

/** What a node that `makeNodeWith` makes is made of. */
export interface NodeParts<P extends EvidencePool> {
  readonly network: Pick<TestNetwork, 'id'>
  readonly makePool: (authority: Authority) => P
  /** What its peers are shown in place of its authority. */
  readonly shows?: (authority: Authority) => AuthorityRoom
}

/** A node of a network on loopback that takes any evidence, closed at the end of the test. */
export function makeNode(
  t: Closer,
  network: TestNetwork,
  options: NodeOptions = {}
): Promise<Node> {
  return makeNodeWith(t, { network, makePool: () => new OpenPool() }, options)
}

/** The same with the pool of its own. */
export async function makeNodeWith<P extends EvidencePool>(
  t: Closer,
  given: NodeParts<P>,
  options: NodeOptions = {}
): Promise<Node<P>> {
  const { network, makePool } = given
  const { knows = [], wallMs = () => nowMs, timers = realClock(), ...rest } = options
  const events: { event: string; facts: object }[] = []
  const log: Log = (event, facts = {}) => events.push({ event, facts })
  const authority = await Authority.open(new MemoryDisk(), log, {
    folder: 'home',
    join: { network: network.id, checkpoint: null },
    nowMs: wallMs
  })
  for (const statement of knows) await authority.intake(statement, 'test')
  const pool = makePool(authority)
  const room = given.shows?.(authority) ?? authority
  const clock: Clock = {
    wallMs,
    steadyMs: () => timers.steadyMs(),
    after: (delayMs, fn) => timers.after(delayMs, fn)
  }
  const wire = new Wire(clock, realDice(), log, {
    authority: room,
    pool,
    options: {
      network: network.id,
      keyPair: null,
      port: null,
      host: '127.0.0.1',
      peers: [],
      bootstrap: 'none',
      rendezvous: false,
      membership: null,
      nodePair: null,
      settleMs: () => 500,
      ...rest
    }
  })
  await wire.ready()
  t.teardown(() => wire.close())
  return { wire, authority, pool, events }
}

/** Resolves once `holds` does; rejects after `limitMs`, naming what it waited for. */
export async function until(what: string, holds: () => boolean, limitMs = 40_000): Promise<void> {
  const clock = realClock()
  const endMs = clock.steadyMs() + limitMs
  while (!holds()) {
    if (clock.steadyMs() > endMs) throw new Error(`waited ${limitMs} ms for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export const sameBelief = (x: Pick<Node, 'authority'>, y: Pick<Node, 'authority'>): boolean => {
  const [a, b] = [x.authority.believed, y.authority.believed]
  return a.held.size === b.held.size && equal(a.trust?.id ?? alloc(1), b.trust?.id ?? alloc(2))
}
