import test from 'brittle'
import { alloc, concat, fromText, toHex, type Bytes } from '../../lib/base/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import {
  admit,
  authorityDigest,
  believeNothing,
  hash,
  type Believed
} from '../../lib/trust/index.ts'
import {
  foundNetwork,
  idOfStatement,
  makeControl,
  makeRelease,
  makeRevoke,
  nodePair,
  signControl,
  signRelease,
  signRevoke,
  testNowMs
} from '../tools/people.ts'

const network = foundNetwork()
const empty = believeNothing(network.id)

function after(...statements: readonly Statement[]): Believed {
  return statements.reduce((believed, statement) => {
    const verdict = admit(believed, statement, testNowMs)
    return 'believed' in verdict && verdict.believed !== null ? verdict.believed : believed
  }, empty)
}

/** The digest as it is written down, by hand. */
function byHand(
  trust: Bytes,
  channels: readonly [string, Bytes][],
  live: readonly Bytes[]
): string {
  const parts = [fromText('upswell/authority/1'), network.id, trust, Uint8Array.of(channels.length)]
  for (const [name, id] of channels) parts.push(Uint8Array.of(name.length), fromText(name), id)
  parts.push(Uint8Array.of(live.length, 0, 0, 0), ...live)
  return toHex(hash([concat(parts)]))
}

test('the authority digest is what its definition says', (t) => {
  t.is(toHex(authorityDigest(empty)), byHand(alloc(32), [], []))
  t.is(toHex(authorityDigest(after(network.first))), byHand(network.id, [], []))
  const stable = signRelease(network.id, makeRelease(network.id))
  const newer = signRelease(network.id, makeRelease(network.id, { seq: 2 }))
  const beta = signRelease(network.id, makeRelease(network.id, { channel: 'beta' }))
  const pause = signControl(network.id, makeControl(network.id, idOfStatement(newer)))
  const revoke = signRevoke(network.id, makeRevoke(network.id, nodePair(1).key))
  const live = [pause, revoke].map(idOfStatement).toSorted((a, b) => (toHex(a) < toHex(b) ? -1 : 1))
  t.is(
    toHex(authorityDigest(after(network.first, stable, newer, beta, pause, revoke))),
    byHand(
      network.id,
      [
        ['beta', idOfStatement(beta)],
        ['stable', idOfStatement(newer)]
      ],
      live
    )
  )
})

test('two releases of one number stand in the digest as one hash of both', (t) => {
  const pair = ['a', 'b', 'c'].map((notes) =>
    signRelease(network.id, makeRelease(network.id, { notes }))
  )
  const ids = pair.map(idOfStatement).toSorted((a, b) => (toHex(a) < toHex(b) ? -1 : 1))
  const both = hash([ids[0]!, ids[1]!])
  t.is(
    toHex(authorityDigest(after(network.first, ...pair))),
    byHand(network.id, [['stable', both]], [])
  )
})

test('what is pending or lifted is in no digest', (t) => {
  const base = authorityDigest(after(network.first))
  const short = signRelease(network.id, makeRelease(network.id), [1])
  t.alike(authorityDigest(after(network.first, short)), base)
  const release = signRelease(network.id, makeRelease(network.id))
  const id = idOfStatement(release)
  const pause = signControl(network.id, makeControl(network.id, id))
  const lifts = [idOfStatement(pause)]
  const resume = signControl(
    network.id,
    makeControl(network.id, id, { action: 'resume', resume: 1, lifts })
  )
  t.alike(
    authorityDigest(after(network.first, release, pause, resume)),
    authorityDigest(after(network.first, release, resume))
  )
})
