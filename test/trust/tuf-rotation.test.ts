import test from 'brittle'
import { isOtaError } from '../../lib/base/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import { admit, believeNothing, type Believed } from '../../lib/trust/index.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeRelease,
  makeTrust,
  signRelease,
  signTrust,
  testNowMs
} from '../tools/people.ts'

// The root and release rotation cases of the TUF conformance suite, `[keys]t:signers` per version;
// keys left out stay as they were. Key n is person n + 1. Version 1 is signed by everybody it
// lists.
const accepted = [
  '[1]1:1 [2]1:2,1 [2]1:2',
  '[1]1:1,3,4 [2]1:2,1,3,4 [2]1:2,3,4',
  '[0-4]3:0,2,4 3:0,4,1 3:0,1,3 3:0,1,3',
  '[0-4]3:0,2,4 [0,1,3,4,5]3:0,4,1',
  '[0-4]3:0,2,4 [0,1,3,4,5]3:0,2,4,5 3:0,4,5',
  '[0-4]3:0,2,4 [5-9]3:0,2,4,5,6,7 3:5,6,7',
  '[1-3]1:1 [1-3]2:1,2',
  '[1-3]2:1,2 [1-3]1:1,2 1:1',
  '[1]1:1 [1,2]2:1,2'
]
const refused = [
  '[1]1:1 [2]1:2,3,4',
  '[1]1:1 [2]1:1,3,4',
  '[0-4]3:0,2,4 [0,1,3,4,5]3:0,2,4',
  '[0-4]3:0,2,4 [0,1,3,4,5]3:0,4,5',
  '[1-3]1:1 [1-3]2:2',
  '[1-3]2:1,2 [1-3]1:1'
]
const releasesAccepted = [
  '[2]1:2',
  '[1]1:3,1,4',
  '[0-4]3:0,2,4',
  '[0-4]3:0,4,1',
  '[0-4]3:0,1,3',
  '[0-4]3:1,2,3',
  '[0-4]3:2,3,4'
]
const releasesRefused = ['[2]1:1,3,4', '[0,1,3,4,5]3:0,2,4', '[0,1,3,4,5]3:0,4']

interface Step {
  readonly keys: readonly number[]
  readonly threshold: number
  readonly signers: readonly number[]
}

for (const text of accepted) {
  test(`TUF root rotation ${text}: the last one is adopted`, (t) => {
    t.is(versionAfter(text), steps(text).length)
  })
}

for (const text of refused) {
  test(`TUF root rotation ${text}: the one before stays`, (t) => {
    t.is(versionAfter(text), steps(text).length - 1)
  })
}

for (const text of releasesAccepted) {
  test(`TUF role rotation ${text}: its release is admitted`, (t) => {
    t.ok(admitsRelease(text))
  })
}

for (const text of releasesRefused) {
  test(`TUF role rotation ${text}: its release is not admitted`, (t) => {
    t.absent(admitsRelease(text))
  })
}

test('the suite has fifteen root rotations and ten of roles, each another', (t) => {
  t.is(new Set([...accepted, ...refused]).size, 15)
  t.is(new Set([...releasesAccepted, ...releasesRefused]).size, 10)
})

/** Walks one case, a trust per step; the version stood on in the end. */
function versionAfter(text: string): number {
  const [first, ...later] = steps(text)
  const network = foundNetwork({
    roles: { root: { members: first!.keys, threshold: first!.threshold } }
  })
  let believed = taken(believeNothing(network.id), network.first)
  for (const [index, { keys, threshold, signers }] of later.entries()) {
    const roles = { root: { members: keys, threshold } }
    const next = makeTrust({ version: index + 2, roles })
    believed = taken(believed, signTrust(network.id, next, signers))
  }
  return believed.trust?.body.version ?? 0
}

/** A second trust gives role release to the keys of the case; does its release get in? */
function admitsRelease(text: string): boolean {
  const { keys, threshold, signers } = steps(text)[0]!
  const network = foundNetwork()
  const next = makeTrust({ version: 2, roles: { release: { members: keys, threshold } } })
  const second = signTrust(network.id, next, [1, 2])
  const head = headUnder(2, idOfStatement(second))
  const release = signRelease(network.id, makeRelease(network.id, { head }), signers)
  const before = taken(taken(believeNothing(network.id), network.first), second)
  return taken(before, release).releases.length === 1
}

function taken(believed: Believed, statement: Statement): Believed {
  const verdict = admit(believed, statement, testNowMs)
  if (isOtaError(verdict)) throw verdict
  return 'believed' in verdict && verdict.believed !== null ? verdict.believed : believed
}

function steps(text: string): readonly Step[] {
  let keys: readonly number[] = []
  return text.split(' ').map((part) => {
    const match = /^(?:\[([^\]]+)\])?(\d+):(.*)$/.exec(part)!
    if (match[1] !== undefined) keys = numbers(match[1])
    return { keys, threshold: Number(match[2]), signers: numbers(match[3]!) }
  })
}

/** `0,2,4` or `5-9`, as persons. */
function numbers(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index + 1)
  })
}
