import test from 'brittle'
import { alloc, HOUR, isOtaError, MINUTE, toHex, type Clock } from '../../lib/base/index.ts'
import { Bans } from '../../lib/gossip/bans.ts'
import { Bucket } from '../../lib/gossip/bucket.ts'
import { Claims } from '../../lib/gossip/search/claims.ts'
import { Exchange } from '../../lib/gossip/exchange.ts'
import type { AuthoritySource, Hub } from '../../lib/gossip/ports.ts'
import type { Peer } from '../../lib/gossip/peer.ts'
import { formatPeer, parseHostPort, parsePeer, topicOf } from '../../lib/gossip/index.ts'
import { subnetOf } from '../../lib/gossip/subnet.ts'
import { actNetwork, beaconBy } from '../net/acts.ts'

/** A clock that stands until it is moved. */
class StillClock implements Clock {
  atMs = 0
  wallMs(): number {
    return this.atMs
  }
  steadyMs(): number {
    return this.atMs
  }
  after(): () => void {
    return () => undefined
  }
}

test('an address is read in z-base-32 and in hex, and written in the first', (t) => {
  const key = alloc(32).fill(9)
  const text = formatPeer({ host: '127.0.0.1', port: 4_000, key })
  t.alike(parsePeer(text), { host: '127.0.0.1', port: 4_000, key })
  t.alike(parsePeer(`seed.example.org:65535#${toHex(key)}`).host, 'seed.example.org')
  t.alike(parseHostPort('h:1'), { host: 'h', port: 1 })
})

test('what is no address is refused before anything is dialled', (t) => {
  const key = toHex(alloc(32).fill(9))
  const bad = [
    '',
    'h',
    'h:1',
    `h#${key}`,
    `h:0#${key}`,
    `h:65536#${key}`,
    `:1#${key}`,
    'h:1#',
    'h:1#zz'
  ]
  for (const text of [...bad, `h:1#${key}00`, `h:-1#${key}`, `h h:1#${key}`, `h:1x#${key}`]) {
    try {
      parsePeer(text)
      t.fail(text)
    } catch (error) {
      t.ok(isOtaError(error, 'USAGE'), text)
    }
  }
})

test('the topic of a network is fixed, and another for each network', (t) => {
  const golden = 'f6fa63160656eb4d1d48a907fe27cc71de0e95970eefd02b6fe74832abe6f3f5'
  t.is(toHex(topicOf(alloc(32).fill(1))), golden)
  t.not(toHex(topicOf(alloc(32).fill(2))), golden)
})

test('a bucket gives its burst at once and then its rate', (t) => {
  const clock = new StillClock()
  const bucket = new Bucket(clock, { burst: 10, perSecond: () => 2 })
  t.ok(bucket.take(10))
  t.absent(bucket.take())
  t.is(bucket.waitMs(4), 2_000)
  clock.atMs = 1_500
  t.is(bucket.takeSome(10), 3)
  clock.atMs = HOUR
  t.is(bucket.takeSome(100), 10, 'never more than the burst')
})

test('three rejects within ten minutes ban for an hour, slower ones never', (t) => {
  const clock = new StillClock()
  const bans = new Bans(clock)
  const [quick, slow] = [alloc(32).fill(1), alloc(32).fill(2)]
  t.alike(
    [1, 2, 3].map(() => bans.reject(quick)),
    [false, false, true]
  )
  t.ok(bans.has(quick))
  for (let time = 0; time < 10; time++) {
    clock.atMs += 5 * MINUTE + 1
    t.absent(bans.reject(slow))
  }
  t.absent(bans.has(slow))
  clock.atMs += HOUR
  t.absent(bans.has(quick), 'the hour is over')
})

test('one bought range is one subnet, a house or a machine is none', (t) => {
  t.is(subnetOf('203.0.113.9'), subnetOf('203.0.113.200'))
  t.not(subnetOf('203.0.113.9'), subnetOf('203.0.114.9'))
  t.is(subnetOf('2001:db8:1:2::3'), subnetOf('2001:db8:1:ffff::1'))
  for (const host of ['127.0.0.1', '10.1.2.3', '192.168.0.9', '172.16.0.1', '100.64.0.1', '::1']) {
    t.is(subnetOf(host), null, host)
  }
  t.is(subnetOf(''), null, 'unknown')
})

test('S40 what a beacon names is news once, and never when this node believed it before', (t) => {
  const network = actNetwork()
  const [old, unknown, other] = [1, 2, 3].map((byte) => alloc(32).fill(byte))
  const authority = { hadDigest: (digest: Uint8Array) => digest[0] === 1 }
  // Cast: all that is asked of the authority here.
  const claims = new Claims(network.id, authority as unknown as AuthoritySource)
  const named = (digest: Uint8Array, seq: number): Uint8Array =>
    beaconBy(network, 5, { trustVersion: 1, trustId: network.id, digest }, { seq })
  const ref = { type: 51, subject: alloc(8), a: 0, b: 0, c: 0 }
  t.absent(claims.isNew(named(old!, 1), ref), 'the beacon is behind')
  t.ok(claims.isNew(named(unknown!, 2), ref))
  t.absent(claims.isNew(named(unknown!, 3), ref), 'said again ten minutes later')
  t.ok(claims.isNew(named(other!, 4), ref))
  t.absent(claims.isNew(named(alloc(32).fill(4), 5), { ...ref, type: 50 }), 'no beacon')
  t.absent(claims.isNew(Uint8Array.of(1, 2, 3), ref), 'what cannot be read')
  t.absent(claims.isNew(named(alloc(32).fill(5), 6), null))
})

test('S37 the search dials eight strangers of the view, however many peers there are', (t) => {
  const clock = new StillClock()
  const dialled: string[] = []
  const asked: number[] = []
  const dials = { dial: (key: Uint8Array) => dialled.push(toHex(key)), forget: () => undefined }
  const peers = Array.from({ length: 16 }, (_, number) => ({
    key: alloc(32).fill(200 + number),
    outbound: true,
    ready: true,
    send: (frame: number) => asked.push(frame)
  }))
  // Casts: of peers and hub no more is used here.
  const hub = { clock, dice: { next: () => 0.5 } } as unknown as Hub
  const list = peers as unknown as readonly Peer[]
  const exchange = new Exchange(hub, dials, { peers: () => list, dials: true })
  exchange.joined(list[0]!)
  const named = Array.from({ length: 16 }, (_, number) => alloc(32).fill(number))
  exchange.keys(list[0]!, named)
  t.is(dialled.length, 0, 'sixteen peers are enough')
  exchange.reachOut(8)
  t.is(new Set(dialled).size, 8)
  t.is(asked.length, 16, 'and every peer is asked for more')
  exchange.reachOut(8)
  t.is(new Set(dialled).size, 16, 'each is worth one try')
  const alone = new Exchange(hub, dials, { peers: () => list, dials: false })
  alone.joined(list[0]!)
  alone.keys(list[0]!, named)
  alone.reachOut(8)
  t.is(dialled.length, 16, 'without a DHT a key alone reaches nobody')
})
