import sodium from 'sodium-native'
import { alloc, concat, fromText, HOUR, toHex, type Bytes } from '../../lib/base/index.ts'
import { armOf, censusInterval, placeOf, Pool, rolloutsOf } from '../../lib/crowd/index.ts'
import {
  decodeEvidence,
  encodeEvidence,
  sealEvidence,
  type EvidenceBody,
  type EvidenceDraft
} from '../../lib/records/index.ts'
import { sign, type KeyPair } from '../../lib/trust/index.ts'
import { idOfStatement, makeMembership, nodePair, person, testNowMs } from '../tools/people.ts'
import type { Dice } from './dice.ts'
import { mutateBytes, mutateValue, splice } from './mutate.ts'
import { attempt, demand, written, type Offered, type Outcome, type Target } from './outcome.ts'
import { network, samples, scenes } from './scenes.ts'
import { EVIDENCE } from '../../lib/records/evidence/evidence.ts'

/** What nodes, builders, brakes and beacons say, handed to the pool as a peer would. */
export const evidence: Target = { name: 'evidence', weight: 10, sanity, run }

const scene = scenes.find(({ name }) => name === 'trust 1 and its life')!
const nowMs = testNowMs + HOUR
const release = samples.find(({ name }) => name === 'release 2')!.statement
const releaseId = idOfStatement(release)
const rollout = rolloutsOf(scene.believed).get(toHex(releaseId))!

/** Nodes with a slot: one that is treated first, one beside it, one more. */
const nodes: readonly number[] = [reporter('treated'), reporter('control'), 3_999]
const memberships = nodes.map((node, slot) => makeMembership({ network: network.id, slot, node }))

function reporter(arm: 'treated' | 'control'): number {
  for (let node = 3_000; node < 3_900; node++) {
    const u = placeOf(rollout.lottery.seed, nodePair(node).key)
    if (armOf(rollout.bands, 1, { u, who: 0, lag: 0 }) === arm) return node
  }
  throw new Error(`the fuzz is blind: no node is drawn as ${arm}`)
}

interface Said {
  readonly draft: EvidenceDraft
  readonly pair: KeyPair
}

const subject = releaseId.slice(0, 16)
const draft = (body: EvidenceBody, place: Partial<EvidenceDraft> = {}): EvidenceDraft => ({
  subject,
  stage: 1,
  interval: 0,
  seq: 0,
  ttlS: 0,
  body,
  ...place
})
const enrol = { arm: 'treated', stratum: 0, dataMask: 0 } as const
const outcome = { ...enrol, result: 'fail', cause: 'health', tries: 1, metrics: [] } as const
const census = {
  running: alloc(8),
  protoLow: 1,
  protoHigh: 1,
  eraBits: 0,
  migratable: false,
  platform: 0,
  flags: 0
}
const brake = { reason: 'outage', severity: 1, evidence: alloc(32), note: 'stop' } as const
const attest = { treeDigest: alloc(32).fill(4), recipe: alloc(32), environment: alloc(32) }
const beacon = { trustVersion: 1, trustId: network.id, digest: alloc(32).fill(9) }
const about = { subject: network.id.slice(0, 16), stage: 0, interval: censusInterval(nowMs) }

const said: readonly Said[] = [
  { pair: nodePair(nodes[0]!), draft: draft({ tag: 'enrol', enrol }) },
  { pair: nodePair(nodes[0]!), draft: draft({ tag: 'outcome', outcome }, { seq: 1 }) },
  {
    pair: nodePair(nodes[1]!),
    draft: draft({ tag: 'enrol', enrol: { ...enrol, arm: 'control' } })
  },
  {
    pair: nodePair(nodes[2]!),
    draft: draft({ tag: 'census', census }, { ...about, ttlS: 7_200 })
  },
  {
    pair: nodePair(nodes[0]!),
    draft: draft({ tag: 'verdict', verdict: { word: 'halted' } }, { stage: 1, seq: 1 })
  },
  { pair: person(1), draft: draft({ tag: 'brake', brake }, { stage: 0, ttlS: 3_600 }) },
  { pair: person(31), draft: draft({ tag: 'attest', attest }, { stage: 0, seq: 1 }) },
  {
    pair: person(21),
    draft: draft({ tag: 'beacon', beacon }, { subject: alloc(16), stage: 0, seq: 12, ttlS: 86_400 })
  },
  {
    pair: person(1),
    draft: draft({ tag: 'vote', vote: { choice: -1, reason: '' } }, { stage: 0, ttlS: 86_400 })
  }
]

const nowS = Math.floor(nowMs / 1_000)

function sealed({ draft: what, pair }: Said, hand: KeyPair = pair, tsS = nowS): Bytes {
  const unsigned = encodeEvidence(network.id, pair.key, tsS, what)
  return sealEvidence(unsigned, sign(unsigned.canonical, hand)).wire
}

const good = said.map((one) => sealed(one))

/** A pool with the three members in it; each run has its own. */
function poolNow(): Pool {
  const pool = new Pool(scene.believed)
  for (const one of memberships) pool.offer(one.wire, nowMs)
  return pool
}

function sanity(): void {
  const pool = poolNow()
  for (const [i, wire] of good.entries()) {
    const { tag } = said[i]!.draft.body
    const { answer } = pool.offer(wire, nowMs)
    // Votes are collected by no version yet, and verdicts need a voter who was drawn.
    const isCollected = tag !== 'vote' && tag !== 'verdict'
    demand(!isCollected || answer === 'accepted', `good evidence ${tag} is ${answer}`)
  }
}

async function run(dice: Dice, offered: Offered): Promise<Outcome> {
  const at = dice.below(said.length)
  const bytes = mutated(dice, at)
  offered.what = said[at]!.draft.body.tag
  offered.bytes = bytes
  const pool = poolNow()
  const { answer } = pool.offer(bytes, nowMs)
  const isTaken = answer === 'accepted' || answer === 'duplicate'
  const fault = isTaken ? unlawful(bytes) : null
  // The pool answers a word; the code, where bytes are to blame, is the reader's.
  const read = await attempt(
    () => decodeEvidence(bytes, network.id),
    () => null
  )
  return { codes: read.codes, taken: isTaken, fault }
}

/** The signer's own signature over these very bytes, and a signer who has a say. */
function unlawful(wire: Bytes): string | null {
  if (wire[0] === 0x75) return null // A membership; `members` throws at those.
  const signer = wire.slice(10, 42)
  const type = wire[1] ?? 0
  const head = [fromText('upswell/evidence/1'), network.id, Uint8Array.of(type), signer]
  const canonical = concat([...head, wire.subarray(42, wire.byteLength - 64)])
  const signature = wire.slice(-64)
  if (!sodium.crypto_sign_verify_detached(signature, canonical, signer)) return 'nobody signed it'
  const speakers = speakersOf(type).map(toHex)
  return speakers.includes(toHex(signer)) ? null : 'its signer has no say'
}

function speakersOf(type: number): readonly Bytes[] {
  const people: ReadonlyMap<number, readonly number[]> = new Map([
    [EVIDENCE.brake, [1, 2, 3]],
    [EVIDENCE.beacon, [21, 22]],
    [EVIDENCE.attest, [31, 32, 33]]
  ])
  const listed = people.get(type)
  const pairs = listed === undefined ? nodes.map(nodePair) : listed.map(person)
  return pairs.map(({ key }) => key)
}

function mutated(dice: Dice, at: number): Bytes {
  switch (dice.below(6)) {
    case 0:
    case 1:
      return mutateBytes(good[at]!, dice)
    case 2:
      return splice(good[at]!, dice.pick(good), dice)
    default:
      return resealed(dice, said[at]!)
  }
}

/** Fields or dates changed, signed again by its signer, by another one, or by nobody. */
function resealed(dice: Dice, one: Said): Bytes {
  const hands = [one.pair, one.pair, nodePair(1), person(9)]
  const signers = [one.pair, one.pair, nodePair(nodes[1]!), nodePair(77), person(1)]
  const times = [nowS, nowS, nowS + 299, nowS + 301, 0, nowS + 10 * 365 * 86_400, 2 ** 53 - 1]
  const pair = dice.pick(signers)
  const hand = dice.chance(1, 3) ? dice.pick(hands) : pair
  const other = mutateValue(one.draft, dice)
  const bytes = written(() => sealed({ draft: other, pair }, hand, dice.pick(times)))
  return bytes ?? mutateBytes(sealed({ ...one, pair }, hand), dice)
}
