// `ota-node check`: every peer is asked now, and the answer is what came of it.
import test from 'brittle'
import { isOtaError, type Clock } from '../../lib/base/index.ts'
import { Pool } from '../../lib/crowd/index.ts'
import { checkNow } from '../../lib/cli/node/check.ts'
import type { PeerView } from '../../lib/gossip/index.ts'
import type { StatusView } from '../../lib/node/index.ts'
import type { Statement } from '../../lib/records/index.ts'
import { authorityDigest, toName } from '../../lib/trust/index.ts'
import { nodeOf } from '../tools/authority.ts'
import { foundNetwork, idOf, idOfStatement, makeRelease, signRelease } from '../tools/people.ts'

const network = foundNetwork()
const release = signRelease(network.id, makeRelease(network.id))

/** A clock that moves only as it is waited for. */
function drivenClock(): Clock {
  let nowMs = 0
  return {
    wallMs: () => nowMs,
    steadyMs: () => nowMs,
    after: (delayMs, fn) => {
      setImmediate(() => {
        nowMs += delayMs
        fn()
      })
      return () => undefined
    }
  }
}

interface World {
  readonly peers: number
  /** What the peers have; it comes when they are asked. */
  readonly theirs?: readonly Statement[]
  readonly running?: { readonly epoch: number; readonly seq: number } | null
  readonly rung?: number
}

async function world({ peers, theirs = [], running = null, rung = 0 }: World) {
  const node = await nodeOf(network)
  const { authority } = node
  const asked: boolean[] = []
  const clock = drivenClock()
  const peer = (): PeerView => ({
    key: idOf(1),
    outbound: true,
    running: null,
    protoLow: 1,
    protoHigh: 1,
    trustVersion: 1,
    digest: authorityDigest(authority.believed),
    member: null,
    ready: true
  })
  const wire = {
    rung,
    peers: () => Array.from({ length: peers }, peer),
    search: (on: boolean) => {
      asked.push(on)
      if (on) node.take(...theirs).catch((error: unknown) => t.fail(String(error)))
    }
  }
  const t = {
    fail: (text: string): never => {
      throw new Error(text)
    }
  }
  // Cast: no other field of the status is read here.
  const status = async () => await Promise.resolve({ channel: 'stable', running } as StatusView)
  return {
    asked,
    clock,
    run: async () =>
      await checkNow({ status }, { clock, authority, pool: new Pool(authority.believed), wire })
  }
}

async function codeOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run()
  } catch (error) {
    if (isOtaError(error)) return error.code
    throw error
  }
  return 'done'
}

test('what peers have comes in, and is named', async (t) => {
  const { run, asked } = await world({ peers: 2, theirs: [release] })
  const { news, newest, asked: count, agree, message } = await run()
  t.alike(news, [{ id: toName(idOfStatement(release)), type: 'release' }])
  t.is(newest, toName(idOfStatement(release)))
  t.alike([count, agree], [2, 2])
  t.ok(message.startsWith('2 peers asked: 1 statement came, newest release '), message)
  t.alike(asked, [true, false], 'the search is ended that was begun for this')
})

test('nothing new is NOTHING_TO_DO, and no peer is NO_PEERS', async (t) => {
  t.is(await codeOf((await world({ peers: 1 })).run), 'NOTHING_TO_DO')
  const same = await world({ peers: 1, theirs: [release], running: { epoch: 1, seq: 1 } })
  t.is((await same.run()).newest, null, 'it came, and is what runs')
  t.is(await codeOf(same.run), 'NOTHING_TO_DO', 'and is no news again')
  const alone = await world({ peers: 0, theirs: [release] })
  t.is(await codeOf(alone.run), 'NO_PEERS')
  t.alike(alone.asked, [], 'nobody was asked')
})

test('a newer release that is known already is worth an answer', async (t) => {
  const { run } = await world({ peers: 1, theirs: [release], running: { epoch: 1, seq: 0 } })
  await run()
  const { news, newest } = await run()
  t.alike([news, newest], [[], toName(idOfStatement(release))])
})

test('it ends in bounded time when peers never agree, and stops no search of others', async (t) => {
  const { asked, clock, run } = await world({ peers: 1, rung: 3, theirs: [release] })
  await run()
  t.ok(clock.steadyMs() <= 7_000, `${clock.steadyMs()} ms`)
  t.alike(asked, [true], 'the search of a stale node goes on')
})
