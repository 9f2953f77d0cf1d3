// What a few named keys say reaches the program that follows: each change once, and no permission.
import test from 'brittle'
import { HOUR, MINUTE } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import type { EvidenceBody, EvidenceDraft } from '../../lib/records/index.ts'
import { Events } from '../../lib/subscribe/events.ts'
import type { SubscriptionEvent } from '../../lib/subscribe/index.ts'
import { freshnessOf, Outlook } from '../../lib/subscribe/outlook.ts'
import { admittedReleases, signEvidence, toName, type Believed } from '../../lib/trust/index.ts'
import { nodeOf } from '../tools/authority.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  makeArtifact,
  makeRelease,
  person,
  signRelease,
  testNowMs
} from '../tools/people.ts'

const roles = { build: { members: [5, 6], threshold: 1 }, beacon: { members: [8], threshold: 1 } }
const network = foundNetwork({ roles })
const release = signRelease(network.id, makeRelease(network.id))
const name = toName(idOfStatement(release))

interface World {
  readonly believed: Believed
  readonly pool: Pool
  /** Signs as person `n` at `atMs`, and offers it there and then. */
  readonly say: (
    n: number,
    body: EvidenceBody,
    atMs: number,
    fields?: Partial<EvidenceDraft>
  ) => void
  /** Looks at `atMs`; what was told since the last look. */
  readonly look: (atMs: number) => readonly SubscriptionEvent[]
}

async function world(): Promise<World> {
  const node = await nodeOf(network)
  await node.take(release)
  const { believed } = node.authority
  const pool = new Pool(believed)
  pool.restore([], testNowMs)
  const events = new Events()
  const heard: SubscriptionEvent[] = []
  for (const tag of ['freshness', 'brake', 'attested'] as const) {
    events.on(tag, (event) => heard.push(event))
  }
  const outlook = new Outlook(events, 'linux-x64')
  return {
    believed,
    pool,
    say: (n, body, atMs, fields = {}) => {
      const subject = idOfStatement(release).slice(0, 16)
      const draft = { subject, stage: 0, interval: 0, seq: 1, ttlS: 86_400, body, ...fields }
      pool.offer(signEvidence(network.id, person(n), draft, Math.floor(atMs / 1_000)).wire, atMs)
    },
    look: (atMs) => {
      heard.length = 0
      outlook.look(pool, admittedReleases(believed, 'stable'), atMs)
      return [...heard]
    }
  }
}

const zeros = new Uint8Array(16)
const beaconOf = (digest = idOf(4)): EvidenceBody => ({
  tag: 'beacon',
  beacon: { trustVersion: 1, trustId: network.id, digest }
})
const brake: EvidenceBody = {
  tag: 'brake',
  brake: { reason: 'outage', severity: 0, evidence: idOf(6), note: '' }
}

test('S37 fresh, stale and frozen are told as they come, once each', async (t) => {
  const { say, look, pool } = await world()
  const states = (atMs: number): readonly string[] =>
    look(atMs).flatMap((event) => (event.tag === 'freshness' ? [event.freshness.state] : []))
  say(8, beaconOf(), testNowMs, { subject: zeros })
  t.alike(states(testNowMs), ['fresh'])
  t.alike(states(testNowMs + MINUTE), [], 'no news')
  t.alike(states(testNowMs + 2 * HOUR), ['stale'])
  t.alike(states(testNowMs + 25 * HOUR), ['frozen'])
  say(8, beaconOf(), testNowMs + 26 * HOUR, { subject: zeros, seq: 2 })
  t.alike(states(testNowMs + 26 * HOUR), ['fresh'])
  t.is(freshnessOf(pool, testNowMs + 27 * HOUR - 1).ageMs! >= HOUR - 1_000, true)
})

test('S40 what most beacons name and nobody shows is told as withheld', async (t) => {
  const { say, look, pool } = await world()
  say(8, beaconOf(idOf(77)), testNowMs, { subject: zeros })
  const told = look(testNowMs).find(({ tag }) => tag === 'freshness')
  t.is(told?.tag === 'freshness' && told.freshness.withheld, pool.claim(testNowMs)?.majority)
})

test('S104 a brake is told when it begins to act and when it ends', async (t) => {
  const { say, look } = await world()
  const brakes = (atMs: number) =>
    look(atMs).flatMap((event) =>
      event.tag === 'brake' ? [[event.release.id, event.untilMs] as const] : []
    )
  t.alike(brakes(testNowMs), [], 'nobody needs to hear that there is none')
  say(1, brake, testNowMs, { ttlS: 3_600 })
  t.alike(brakes(testNowMs), [[name, testNowMs + HOUR]])
  t.alike(brakes(testNowMs + MINUTE), [])
  t.alike(brakes(testNowMs + HOUR + 1), [[name, null]])
})

test('a brake of a key without the role is nothing', async (t) => {
  const { say, look } = await world()
  say(4, brake, testNowMs)
  t.alike(
    look(testNowMs).filter(({ tag }) => tag === 'brake'),
    []
  )
})

test('S54 S55 builders are told by organisation, and a dispute as one', async (t) => {
  const { say, look } = await world()
  const attest = (n: number, treeDigest: Uint8Array): void => {
    const said = { treeDigest, recipe: idOf(2), environment: idOf(3) }
    say(n, { tag: 'attest', attest: said }, testNowMs)
  }
  const told = () =>
    look(testNowMs).flatMap((event) =>
      event.tag === 'attested' ? [[[...event.organisations], event.disputed] as const] : []
    )
  attest(5, makeArtifact().treeDigest)
  t.alike(told(), [[['org-5'], false]])
  attest(6, idOf(66))
  t.alike(told(), [[['org-5'], true]])
  t.alike(told(), [])
})
