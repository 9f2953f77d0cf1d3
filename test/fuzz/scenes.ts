import { alloc, DAY, toHex, type Bytes } from '../../lib/base/index.ts'
import {
  encodeCanonical,
  type Body,
  type KnownBody,
  type Release,
  type Statement,
  type Trust
} from '../../lib/records/index.ts'
import { admit, believeNothing, type Believed } from '../../lib/trust/index.ts'
import {
  drawEntry,
  entryOf,
  foundNetwork,
  headUnder,
  idOfStatement,
  makeAnchor,
  makeControl,
  makeEra,
  makeRelease,
  makeRevoke,
  makeTrust,
  nodePair,
  signed,
  testNowMs,
  unsigned,
  type TrustSpec
} from '../tools/people.ts'

/** A good statement, who signs it rightly, and what it says if this version can read it. */
export interface Sample {
  readonly name: string
  readonly statement: Statement
  readonly signers: readonly number[]
  readonly body: KnownBody | null
}

/** What a node believes when the mutated statements come. */
export interface Scene {
  readonly name: string
  readonly believed: Believed
  readonly nowMs: number
}

const anchors = [makeAnchor(5), makeAnchor(6)]
const fiveThree = { members: [1, 2, 3, 4, 5], threshold: 3 }
const roles: NonNullable<TrustSpec['roles']> = {
  release: fiveThree,
  beacon: { members: [21, 22] },
  draw: { members: [5, 6] },
  build: { members: [31, 32, 33] }
}

/** Any three of five release, two of three are root, person 4 enrols. */
export const network = foundNetwork({ roles, anchors })
const id = network.id

function trustOf(version: number, fields: TrustSpec = {}): Trust {
  return makeTrust({ version, anchors, ...fields, roles: { ...roles, ...fields.roles } })
}

const moved = {
  root: { members: [2, 3, 11], threshold: 2 },
  release: { members: [2, 3, 4, 5, 12], threshold: 3 }
}
const secondTrust = trustOf(2, { roles: moved })
const thirdTrust = trustOf(3, { roles: moved, epoch: 2 })
const strangeTrust = trustOf(5, { roles: { root: { members: [41, 42, 11], threshold: 2 } } })
const rivalTrust = trustOf(2, { feeds: [] })

const of = (name: string, body: KnownBody, signers: readonly number[]): Sample => ({
  name,
  body,
  signers,
  statement: signed(unsigned(id, body), signers)
})

const trusts = {
  first: {
    name: 'trust 1',
    statement: network.first,
    signers: network.first.entries.map((_, i) => i),
    body: { tag: 'trust', trust: network.trust } as const
  },
  second: of('trust 2', { tag: 'trust', trust: secondTrust }, [2, 3]),
  third: of('trust 3', { tag: 'trust', trust: thirdTrust }, [2, 11]),
  strange: of('trust 5 after a gap', { tag: 'trust', trust: strangeTrust }, [11, 41]),
  rival: of('trust 2, the rival', { tag: 'trust', trust: rivalTrust }, [1, 3])
}
const secondId = idOfStatement(trusts.second.statement)
const thirdId = idOfStatement(trusts.third.statement)

const releaseOf = (fields: Partial<Release>): KnownBody => ({
  tag: 'release',
  release: makeRelease(id, fields)
})

/** Two named drawers, and three signers beside their values. */
function drawn(name: string, seq: number): Sample {
  const drawers = [5, 6].map((n) => anchors[n - 5]!.key)
  const body = releaseOf({ seq, drawers: drawers.toSorted(byHex), drawNumber: 7 })
  const bare = unsigned(id, body)
  const entries = [5, 6].map((n) => drawEntry(bare, n, anchors[n - 5]!, 7))
  return { name, body, signers: [1, 2, 3], statement: signed({ ...bare, entries }, [1, 2, 3]) }
}

function byHex(a: Bytes, b: Bytes): number {
  return toHex(a) < toHex(b) ? -1 : 1
}

const releases = {
  one: of('release 1', releaseOf({}), [1, 2, 3]),
  two: of('release 2', releaseOf({ seq: 2 }), [2, 3, 4]),
  twin: of('release 2, the twin', releaseOf({ seq: 2, notes: 'twin' }), [1, 4, 5]),
  drawn: drawn('release 3, drawn', 3),
  reused: drawn('release 4, drawn again', 4),
  under: of('release 5', releaseOf({ seq: 5, head: headUnder(2, secondId) }), [3, 4, 12]),
  ahead: of('release 2.1', releaseOf({ epoch: 2, head: headUnder(3, thirdId) }), [2, 4, 5]),
  later: of('release 6', releaseOf({ seq: 6, ext: [{ tag: 5, bytes: alloc(3) }] }), [1, 2, 3])
}
const [oneId, twoId] = [releases.one, releases.two].map((one) => idOfStatement(one.statement)) as [
  Bytes,
  Bytes
]
const controlOf = (release: Bytes, fields: Parameters<typeof makeControl>[2]): KnownBody => ({
  tag: 'control',
  control: makeControl(id, release, fields)
})
const pause = of('pause', controlOf(oneId, { reason: 'looking' }), [1, 2, 3])
const abortFields = { action: 'abort', floor: { tag: 'self' } } as const
const lifts = [idOfStatement(pause.statement)]
const others = {
  pause,
  abort: of('abort', controlOf(twoId, abortFields), [1, 2, 5]),
  resume: of('resume', controlOf(oneId, { action: 'resume', resume: 1, lifts }), [2, 3, 4]),
  widen: of('widen', controlOf(oneId, { action: 'widen', resume: 1, stage: 2 }), [2, 3, 4]),
  era: of('era', { tag: 'era', era: makeEra(id) }, [3, 4, 5]),
  dated: of(
    'era, dated',
    { tag: 'era', era: makeEra(id, { action: 'date', seq: 2, at: testNowMs + 90 * DAY }) },
    [2, 3, 4]
  ),
  revoke: of(
    'revoke',
    { tag: 'revoke', revoke: makeRevoke(id, nodePair(1_000_002).key, { slots: [3] }) },
    [4]
  ),
  soft: unread('type 200', 200),
  hard: unread('type 60', 60)
}

function unread(name: string, type: number): Sample {
  const body = Uint8Array.of(1, 2, 3)
  const canonical = encodeCanonical(id, type, body)
  const signers = [2, 3, 4]
  const bare = { network: id, type, body, canonical, entries: [] }
  return { name, signers, body: null, statement: signed(bare, signers) }
}

export const samples: readonly Sample[] = [
  ...Object.values(trusts),
  ...Object.values(releases),
  ...Object.values(others)
]

/** The same statement with `count` of its signatures. */
function part({ statement }: Sample, count: number): Statement {
  return { ...statement, entries: statement.entries.slice(0, count) }
}

const whole = (some: readonly Sample[]): readonly Statement[] =>
  some.map(({ statement }) => statement)

interface Story {
  readonly name: string
  readonly statements: readonly Statement[]
  readonly checkpoint?: { readonly version: number; readonly id: Bytes }
  readonly nowMs?: number
  /** Version of the trust it must end with: a scene that came out otherwise would show nothing. */
  readonly version: number
}

const { first, second, third, strange, rival } = trusts
const { one, two, drawn: draws, under } = releases
const acts = [pause, others.resume, others.widen, others.era, others.revoke, others.soft]
const stories: readonly Story[] = [
  { name: 'nothing', statements: [], version: 0 },
  { name: 'told a checkpoint', statements: [], checkpoint: point(2, secondId), version: 0 },
  { name: 'trust 1', statements: whole([first]), version: 1 },
  {
    name: 'trust 1 and its life',
    statements: whole([first, one, two, draws, ...acts]),
    version: 1
  },
  {
    name: 'halves',
    statements: [...whole([first]), part(one, 2), part(second, 1), part(others.abort, 2)],
    version: 1
  },
  { name: 'trust 2', statements: whole([first, one, second, under, others.abort]), version: 2 },
  {
    name: 'trust 2 of a checkpoint',
    statements: whole([first, second]),
    checkpoint: point(2, secondId),
    version: 2
  },
  { name: 'a higher epoch', statements: whole([first, one, second, third]), version: 3 },
  { name: 'a fork', statements: whole([first, second, rival, one]), version: 2 },
  {
    name: 'an expired trust',
    statements: whole([first, one]),
    nowMs: testNowMs + 900 * DAY,
    version: 1
  }
]

function point(version: number, trustId: Bytes): { version: number; id: Bytes } {
  return { version, id: trustId }
}

/** Every scene, from nothing to a fork; built once. */
export const scenes: readonly Scene[] = stories.map((story) => {
  const nowMs = story.nowMs ?? testNowMs
  let believed = believeNothing(id, story.checkpoint ?? null)
  for (const statement of story.statements) {
    const verdict = admit(believed, statement, nowMs)
    if ('believed' in verdict && verdict.believed !== null) believed = verdict.believed
  }
  const version = believed.trust?.body.version ?? 0
  if (version !== story.version) throw new Error(`scene "${story.name}" ends at trust ${version}`)
  return { name: story.name, believed, nowMs }
})

/** Every trust a scene may rest on, by the hex of its id, as it was written, not as it was read. */
export const writtenTrusts: ReadonlyMap<string, Trust> = new Map(
  [first, second, third, strange, rival].map(({ statement, body }) => {
    return [toHex(idOfStatement(statement)), (body as Extract<Body, { tag: 'trust' }>).trust]
  })
)

/** The samples that a node at the very beginning takes, in an order in which it takes them all. */
export const wholeLife: readonly Statement[] = whole([
  first, one, two, draws, ...acts, second, under, others.abort
]) // prettier-ignore

/** One person's signature on canonical bytes that no writer of ours made. */
export function signBytes(canonical: Bytes, n: number): Statement['entries'][number] {
  const bare = { network: id, type: 0, body: canonical, canonical, entries: [] }
  return entryOf(bare, n)
}
