import test from 'brittle'
import { alloc, HOUR, isOtaError, MINUTE, toHex, type Clock } from '../../lib/base/index.ts'
import { Bans } from '../../lib/gossip/bans.ts'
import { Bucket } from '../../lib/gossip/bucket.ts'
import { formatPeer, parseHostPort, parsePeer, topicOf } from '../../lib/gossip/index.ts'
import { subnetOf } from '../../lib/gossip/subnet.ts'

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
