import test from 'brittle'
import type { Statement } from '../../lib/records/index.ts'
import {
  admit,
  believeNothing,
  judgeAllOffline,
  judgeOffline,
  type Believed,
  type Judgement
} from '../../lib/trust/index.ts'
import {
  foundNetwork,
  headUnder,
  idOfStatement,
  makeControl,
  makeRelease,
  makeTrust,
  signControl,
  signed,
  signRelease,
  signTrust,
  testNowMs,
  unsigned,
  wire
} from '../tools/people.ts'

// Any two of persons 1, 2, 3 release.
const network = foundNetwork()
const second = signTrust(network.id, makeTrust({ version: 2 }), [1, 2])
const release = makeRelease(network.id)
const bare = unsigned(network.id, { tag: 'release', release })

function after(...statements: readonly Statement[]): Believed {
  return statements.reduce((believed, statement) => {
    const verdict = admit(believed, statement, testNowMs)
    return 'believed' in verdict && verdict.believed !== null ? verdict.believed : believed
  }, believeNothing(network.id))
}

function told({ code, have, need, signers }: Judgement): string {
  return `${code ?? 'good'} ${have}/${need} ${signers.toSorted().join(' ')}`.trim()
}

test('a first trust proves itself, and founds the belief that others are judged by', (t) => {
  const judged = judgeOffline(wire(network.first), null)
  t.is(told(judged), 'good 3/2 p1 p2 p3')
  t.is(judged.tag, 'trust')
  t.alike(judged.id, network.id)
  t.is(told(judgeOffline(wire(signed(bare, [1, 3])), judged.believed)), 'good 2/2 p1 p3')
  const short = { ...network.first, entries: network.first.entries.slice(1) }
  t.is(judgeOffline(wire(short), null).code, 'BAD_TRUST', 'S94: a listed key is missing')
  t.is(judgeOffline(wire(second), null).code, 'TRUST_GAP', 'a later one proves nothing by itself')
  t.is(judgeOffline(wire(signed(bare, [1, 2])), null).code, 'TRUST_GAP')
})

test('a file is judged by its own signatures, not by those that are held of it', (t) => {
  const believed = after(network.first, second, signed(bare, [1, 2]))
  t.is(told(judgeOffline(wire(signed(bare, [2, 3])), believed)), 'good 2/2 p2 p3')
  t.is(told(judgeOffline(wire(signed(bare, [1])), believed)), 'THRESHOLD_NOT_MET 1/2 p1')
  t.is(told(judgeOffline(wire(bare), believed)), 'THRESHOLD_NOT_MET 0/2')
  t.is(told(judgeOffline(wire(signed(bare, [66, 67])), believed)), 'THRESHOLD_NOT_MET 0/2')
  const half = { ...second, entries: second.entries.slice(1) }
  t.is(judgeOffline(wire(half), believed).code, 'THRESHOLD_NOT_MET', 'nor is a trust')
  t.is(judgeOffline(wire(second), believed).code, null)
  const forged = { ...bare, entries: signed(unsignedTwin(), [1, 2]).entries }
  t.is(judgeOffline(wire(forged), believed).code, 'BAD_SIGNATURE')
})

function unsignedTwin(): Statement {
  return unsigned(network.id, {
    tag: 'release',
    release: makeRelease(network.id, { notes: 'another' })
  })
}

test('what admission refuses is refused offline, by the same code', (t) => {
  const believed = after(network.first, signed(bare, [1, 2]))
  const other = foundNetwork({ name: 'elsewhere' })
  const id = idOfStatement(bare)
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['NOT_CANONICAL', Uint8Array.of(1, 2, 3)],
    ['NOT_CANONICAL', wire(signed(bare, [1, 2])).subarray(0, 90)],
    ['BOOTSTRAP_MISMATCH', wire(other.first)],
    ['WRONG_NETWORK', wire(signRelease(other.id, makeRelease(other.id)))],
    ['WRONG_EPOCH', wire(signRelease(network.id, makeRelease(network.id, { epoch: 3 })))],
    [
      'TRUST_GAP',
      wire(signRelease(network.id, makeRelease(network.id, { head: headUnder(9, id) })))
    ],
    [
      'CONTROL_OUT_OF_BOUNDS',
      wire(signControl(network.id, makeControl(network.id, id, { action: 'widen', stage: 9 })))
    ],
    ['EQUIVOCATION', wire(signed(unsignedTwin(), [1, 2]))]
  ]
  for (const [code, bytes] of cases) t.is(judgeOffline(bytes, believed).code, code)
})

test('S17 a forked trust is told as one', (t) => {
  const rival = signTrust(network.id, makeTrust({ version: 2, feeds: [] }), [1, 3])
  const believed = after(network.first, second, rival)
  t.is(judgeOffline(wire(second), believed).code, 'TRUST_FORK')
  t.is(judgeOffline(wire(rival), believed).code, 'TRUST_FORK')
})

test('a folder is judged as a whole, whatever the order of its files', (t) => {
  const head = headUnder(2, idOfStatement(second))
  const under = signRelease(network.id, makeRelease(network.id, { head, seq: 2 }), [1, 2])
  const files = [under, signed(bare, [1]), second, network.first].map(wire)
  for (const order of [files, files.toReversed()]) {
    const codes = judgeAllOffline(order, null).map(({ code }) => code)
    t.alike(order === files ? codes : codes.toReversed(), [null, 'THRESHOLD_NOT_MET', null, null])
  }
  const halves = [signed(bare, [1]), signed(bare, [2]), network.first].map(wire)
  t.alike(
    judgeAllOffline(halves, null).map(({ code }) => code),
    ['THRESHOLD_NOT_MET', 'THRESHOLD_NOT_MET', null],
    'two halves lie there, and each is one'
  )
  t.alike(judgeAllOffline([], null), [])
})
