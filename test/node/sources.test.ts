// S93: whose first look at a network may be believed. Real statements; the clock is a number.
import test from 'brittle'
import { MINUTE, SECOND, type Bytes } from '../../lib/base/index.ts'
import { Sources, type Sight } from '../../lib/node/sources.ts'
import { admit, believeNothing, type Believed, type Checkpoint } from '../../lib/trust/index.ts'
import {
  foundNetwork,
  idOf,
  idOfStatement,
  makeTrust,
  signTrust,
  testNowMs
} from '../tools/people.ts'

const network = foundNetwork()
const second = signTrust(network.id, makeTrust({ version: 2 }), [1, 2])
const third = signTrust(network.id, makeTrust({ version: 3 }), [1, 2])
const rival = signTrust(network.id, makeTrust({ version: 2, name: 'demo', feeds: [] }), [2, 3])

function believing(
  statements: readonly (typeof second)[],
  checkpoint: Checkpoint | null = null
): Believed {
  return statements.reduce(
    (believed, statement) => {
      const verdict = admit(believed, statement, testNowMs)
      if ('believed' in verdict && verdict.believed) return verdict.believed
      throw new Error(`not taken: ${verdict.tag}`)
    },
    believeNothing(network.id, checkpoint)
  )
}

function peers(peersAgree: number): Sight {
  return { peersAgree, runs: false }
}

const alone = peers(0)
const bare = believing([network.first])
const idOfFirst: Bytes = network.id

test('S93 a checkpoint that is met needs nobody else', (t) => {
  const sources = new Sources()
  const checkpoint = { version: 2, id: idOfStatement(second) }
  t.is(sources.leftMs(believing([network.first, second], checkpoint), alone, 0), 0)
  t.is(sources.leftMs(believing([network.first, second, third], checkpoint), alone, 0), 0)
})

test('S93 below the checkpoint nothing is settled, whoever agrees', (t) => {
  const checkpoint = { version: 2, id: idOfStatement(second) }
  const below = believeNothing(network.id, checkpoint)
  const sources = new Sources()
  t.is(sources.leftMs(below, peers(9), 0), null)
  t.is(sources.leftMs(below, peers(9), 10 * MINUTE), null)
})

test('S93 with a bare network id four peers must agree for a minute', (t) => {
  const sources = new Sources()
  t.is(sources.leftMs(bare, peers(3), 0), null)
  t.is(sources.leftMs(bare, peers(3), 10 * MINUTE), null, 'three are not enough, ever')
  t.is(sources.leftMs(bare, peers(4), 11 * MINUTE), MINUTE)
  t.is(sources.leftMs(bare, peers(4), 11 * MINUTE + 40 * SECOND), 20 * SECOND)
  t.is(sources.leftMs(bare, peers(4), 12 * MINUTE), 0)
})

test('S93 the minute begins anew when one of the four goes', (t) => {
  const sources = new Sources()
  t.is(sources.leftMs(bare, peers(4), 0), MINUTE)
  t.is(sources.leftMs(bare, peers(3), 59 * SECOND), null)
  t.is(sources.leftMs(bare, peers(4), 60 * SECOND), MINUTE)
})

test('S93 the minute begins anew for a trust that follows: four old keys cannot rush it', (t) => {
  const sources = new Sources()
  t.is(sources.leftMs(bare, peers(4), 0), MINUTE)
  t.is(sources.leftMs(bare, peers(4), 2 * MINUTE), 0)
  const next = believing([network.first, second])
  t.is(sources.leftMs(next, peers(4), 2 * MINUTE), MINUTE)
  t.is(sources.leftMs(next, peers(4), 3 * MINUTE), 0)
})

test('S93 two feeds do what four peers do, one feed twice does not', (t) => {
  const sources = new Sources()
  sources.fromFeed(idOf(1), idOfFirst)
  sources.fromFeed(idOf(1), idOfFirst)
  t.is(sources.leftMs(bare, alone, 0), null)
  sources.fromFeed(idOf(2), idOfStatement(second))
  t.is(sources.leftMs(bare, alone, 0), null, 'the other one brought another trust')
  sources.fromFeed(idOf(2), idOfFirst)
  t.is(sources.leftMs(bare, alone, 0), MINUTE)
  t.is(sources.leftMs(bare, alone, MINUTE), 0)
})

test('S93 two valid successors of one trust settle never, also with a checkpoint before', (t) => {
  const checkpoint = { version: 1, id: network.id }
  for (const told of [null, checkpoint]) {
    const forked = believing([network.first, second, rival], told)
    t.ok(forked.fork.length > 0)
    const sources = new Sources()
    for (const feed of [1, 2]) sources.fromFeed(idOf(feed), forked.trust!.id)
    t.is(sources.leftMs(forked, { peersAgree: 9, runs: false }, 0), null)
    t.is(sources.leftMs(forked, { peersAgree: 9, runs: true }, 9 * MINUTE), null)
  }
})

test('who has installed once is no stranger, and who has no trust waits', (t) => {
  t.is(new Sources().leftMs(bare, { peersAgree: 0, runs: true }, 0), 0)
  const nothing = believeNothing(network.id)
  t.is(new Sources().leftMs(nothing, { peersAgree: 9, runs: true }, 0), null)
})
