import sodium from 'sodium-native'
import { assert } from '../../lib/base/index.ts'
import { Parked } from '../../lib/authority/parked.ts'
import { Round } from '../../lib/authority/round.ts'
import { Wants } from '../../lib/authority/wants.ts'
import { decodeStatement, type Statement } from '../../lib/records/index.ts'
import { admit, believeNothing, type Believed } from '../../lib/trust/index.ts'
import { foundNetwork, makeRelease, signRelease, testNowMs, wire } from '../tools/people.ts'

/**
 * Admission beside the bare check of the same signatures, in one process and in turns:
 *
 *   npm run bench:trust
 *
 * 10,000 releases with three signatures of five each go the way a node takes them: bytes that
 * arrive together are one round, of 64 at most, read and admitted one after the other into one
 * belief (the files that a node writes after each round are left out). Sodium alone verifies the
 * same 30,000 signatures. Beside it, without a target: `admit` of one statement at a time.
 */
const count = 10_000
const rounds = 5
/** Statements of one round, as the intake bounds it. */
const roundMax = 64
/** Statements per turn: short turns, so that both sides meet the same weather. */
const turn = 4 * roundMax
const target = 1.2

const network = foundNetwork({ roles: { release: { members: [1, 2, 3, 4, 5], threshold: 3 } } })
const quorums = [
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
  [1, 4, 5],
  [1, 3, 5]
]

interface Case {
  readonly statement: Statement
  readonly bytes: Uint8Array
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

function makeCases(): readonly Case[] {
  return Array.from({ length: count }, (_, i) => {
    const body = makeRelease(network.id, { seq: i + 1, label: `1.${i}.0` })
    const statement = signRelease(network.id, body, quorums[i % quorums.length])
    return { statement, bytes: wire(statement) }
  })
}

function firstBelief(): Believed {
  const verdict = admit(believeNothing(network.id), network.first, testNowMs)
  assert(verdict.tag === 'admitted', 'the first trust is admitted')
  return verdict.believed
}

function admitThem(before: Believed, cases: readonly Case[]): Believed {
  let believed = before
  for (let at = 0; at < cases.length; at += roundMax) {
    const parts = { inUse: [], parked: new Parked(), wants: new Wants(), nowMs: testNowMs }
    const round = new Round({ start: believed, ...parts })
    for (const { bytes } of cases.slice(at, at + roundMax)) {
      const { tag } = round.take({ bytes, from: 'bench' })
      assert(tag === 'admitted', 'each of them has its quorum')
    }
    believed = round.believed()
  }
  return believed
}

/** One at a time, each with a belief of its own behind it. */
function admitSingly(before: Believed, cases: readonly Case[]): Believed {
  let believed = before
  for (const { bytes } of cases) {
    const verdict = admit(believed, decodeStatement(bytes), testNowMs)
    assert(verdict.tag === 'admitted', 'each of them has its quorum')
    believed = verdict.believed
  }
  return believed
}

function verifyThem(cases: readonly Case[]): void {
  for (const { statement } of cases) {
    for (const { bytes } of statement.entries) {
      const [key, signature] = [bytes.subarray(0, 32), bytes.subarray(32, 96)]
      const isGood = sodium.crypto_sign_verify_detached(signature, statement.canonical, key)
      assert(isGood, 'each signature verifies')
    }
  }
}

function timed(fn: () => void): number {
  const startedMs = performance.now()
  fn()
  return performance.now() - startedMs
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

interface Times {
  readonly rawMs: number
  readonly admitMs: number
}

function runRound(cases: readonly Case[]): Times {
  let [rawMs, admitMs] = [0, 0]
  let believed = firstBelief()
  for (let at = 0; at < cases.length; at += turn) {
    const some = cases.slice(at, at + turn)
    const admitting = (): void => {
      believed = admitThem(believed, some)
    }
    // Each goes first every other time.
    if ((at / turn) % 2 === 0) admitMs += timed(admitting)
    rawMs += timed(() => verifyThem(some))
    if ((at / turn) % 2 === 1) admitMs += timed(admitting)
  }
  return { rawMs, admitMs }
}

say(`making ${count.toLocaleString('en')} releases, signed 3 of 5 ...`)
const cases = makeCases()
runRound(cases.slice(0, 1_000))
const done: Times[] = []
say('round   sodium alone      admission   ratio')
for (let i = 0; i < rounds; i++) {
  const round = runRound(cases)
  done.push(round)
  const { rawMs, admitMs } = round
  const columns = [`${rawMs.toFixed(0)} ms`.padStart(13), `${admitMs.toFixed(0)} ms`.padStart(13)]
  say(`${i + 1}    ${columns.join('  ')}   ${(admitMs / rawMs).toFixed(3)}`)
}
const ratio = median(done.map(({ rawMs, admitMs }) => admitMs / rawMs))
const perStatement = (pick: (times: Times) => number): string =>
  `${((median(done.map(pick)) / count) * 1_000).toFixed(0)} us`
say(
  `per statement: sodium ${perStatement(({ rawMs }) => rawMs)}, ` +
    `admission ${perStatement(({ admitMs }) => admitMs)}`
)
const some = cases.slice(0, 1_000)
const singleMs = timed(() => void admitSingly(firstBelief(), some))
const someMs = timed(() => verifyThem(some))
say(`one at a time, 1,000 of them: ratio ${(singleMs / someMs).toFixed(3)} (no target)`)
const isMet = ratio <= target
say(`median ratio ${ratio.toFixed(3)}, target at most ${target}: ${isMet ? 'met' : 'not met'}`)
process.exitCode = isMet ? 0 : 1
