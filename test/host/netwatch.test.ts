import { createServer, type Server } from 'node:net'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'brittle'
import { showDestination } from '../../lib/host/index.ts'
import { answerTo, readQuestion } from '../../lib/host/netwatch/dns.ts'
import { expects } from '../../lib/host/netwatch/expect.ts'
import { noRoutes } from '../../lib/host/netwatch/count.ts'
import { readPacket } from '../../lib/host/netwatch/packet.ts'
import { listeningSockets } from '../../lib/host/netwatch/sockets.ts'
import { judgeSeen } from '../../lib/host/netwatch/verdict.ts'
import { loadNative } from '../../lib/host/netwatch/native.ts'
import { ShadowRoom, skip } from './shadows.ts'

/** The package with the machine's own calls is optional: without it packets are only counted. */
const noFull = skip || (await loadNative()) === null
const hosts = { tcp: '192.0.2.7', udp: '192.0.2.8', ipv6: '[2001:db8::9]' }
const asked = 'telemetry.example.org'

const wanted: Readonly<Record<string, readonly string[]>> = {
  tcp: [`tcp ${hosts.tcp}:443`],
  udp: [`udp ${hosts.udp}:9000`],
  dns: [`dns ${asked}`],
  named: [`dns ${asked}`, `tcp ${asked}:443`],
  ipv6: [`tcp ${hosts.ipv6}:443`],
  loopback: []
}

async function phone(
  room: ShadowRoom,
  kind: string,
  { env = {}, network = {} }: { env?: Record<string, string>; network?: object } = {}
): Promise<ReturnType<ShadowRoom['shadow']>> {
  const release = `phoning-${kind}`
  const local = { env: { PHONE_KIND: kind, ...env } }
  await room.install(release, { from: 'phoning', ota: { network }, local })
  return await room.shadow(release)
}

test(
  'every way of phoning home is named, and loopback alone is none',
  { skip: noFull, timeout: 60_000 },
  async (t) => {
    const folder = await t.tmp()
    const looks = Object.entries(wanted).map(async ([kind, names]) => {
      const room = await ShadowRoom.open(join(folder, kind))
      const { event, report } = await phone(room, kind)
      t.alike(report?.unexpected.map(showDestination), names, kind)
      const passed = { tag: 'shadowed', op: 1, shadow: 'pass', phoneHome: 'pass' }
      const failed = { tag: 'failed', op: 1, reason: 'phone-home' }
      t.alike(event, names.length === 0 ? passed : failed)
      t.is(report?.phoneHome, names.length === 0 ? 'pass' : 'fail')
    })
    await Promise.all(looks)
  }
)

test(
  'a socket of the machine that is tried is named, by its path or abstract name',
  { skip: noFull, timeout: 30_000 },
  async (t) => {
    const room = await ShadowRoom.open(await t.tmp())
    // not below the temporary folder, which every jail has of its own
    const folder = mkdtempSync('/var/tmp/upswell-test-')
    chmodSync(folder, 0o755)
    const servers: Server[] = []
    const heard: string[] = []
    const listen = async (path: string): Promise<void> => {
      const server = createServer((socket) => {
        heard.push(path)
        socket.destroy()
      })
      await new Promise<void>((resolve) => server.listen(path, resolve))
      servers.push(server)
    }
    try {
      await listen(join(folder, 'machine.sock'))
      await listen('\0upswell-test')
      const path = await phone(room, 'unix', {
        env: { PHONE_TARGET: join(folder, 'machine.sock') }
      })
      t.alike(path.report?.unexpected.map(showDestination), [`unix ${folder}/machine.sock`])
      const abstract = await phone(room, 'abstract', { env: { PHONE_TARGET: 'upswell-test' } })
      t.alike(abstract.report?.unexpected.map(showDestination), ['unix @upswell-test'])
      t.alike(heard, [], 'none of the machine itself was reached')
    } finally {
      for (const server of servers) server.close()
      rmSync(folder, { recursive: true })
    }
  }
)

test(
  'who phones later than at once is named as well',
  { skip: noFull, timeout: 30_000 },
  async (t) => {
    const room = await ShadowRoom.open(await t.tmp())
    const { report } = await phone(room, 'tcp', { env: { PHONE_DELAY: '700' } })
    t.alike(report?.unexpected.map(showDestination), wanted['tcp'])
  }
)

test(
  'what a release declares may be tried, and what the version before tried',
  { skip: noFull, timeout: 60_000 },
  async (t) => {
    const room = await ShadowRoom.open(await t.tmp())
    const declared = { expect: ['tcp:*.example.org:443'] }
    const { report } = await phone(room, 'named', { network: declared })
    t.is(report?.phoneHome, 'pass')
    t.alike(report?.unexpected, [])
    t.alike(report?.seen?.destinations.map(showDestination), wanted['named'], 'it is listed')
    const other = await phone(room, 'named', { network: { expect: ['tcp:*.example.net:443'] } })
    t.is(other.report?.phoneHome, 'fail', 'another name')
    const from = await room.live('phoning-named', {})
    const next = { from: 'phoning', local: { env: { PHONE_KIND: 'dns' } } }
    await room.install('next', next)
    const again = await room.shadow('next', { from })
    t.is(again.report?.phoneHome, 'pass', 'the version before asked for that name too')
    t.is((await room.shadow('next')).report?.phoneHome, 'fail', 'nobody did at a first install')
  }
)

test(
  'where packets are only counted, a number stands for the names',
  { skip, timeout: 60_000 },
  async (t) => {
    const folder = await t.tmp()
    const count = { watches: async () => await Promise.resolve('count' as const) }
    const looks: readonly [string, object, string, string][] = [
      ['loopback', {}, 'pass', 'shadowed'],
      ['tcp', {}, 'fail', 'failed'],
      ['ipv6', {}, 'fail', 'failed'],
      ['udp', { expect: ['udp:dht'] }, 'unavailable', 'shadowed']
    ]
    const done = looks.map(async ([kind, network, answer, tag]) => {
      const room = await ShadowRoom.open(join(folder, kind))
      const local = { env: { PHONE_KIND: kind } }
      await room.install(kind, { from: 'phoning', ota: { network }, local })
      const { event, report } = await room.shadow(kind, {}, count)
      t.is(report?.phoneHome, answer, kind)
      t.is(event?.tag, tag)
    })
    await Promise.all(done)
  }
)

const tcp = (host: string, port: number) => ({ proto: 'tcp', host, port }) as const
const udp = (host: string, port: number) => ({ proto: 'udp', host, port }) as const
const dns = (host: string) => ({ proto: 'dns', host, port: 0 }) as const

test('a destination is matched by name, by address, by block, and by nothing else', (t) => {
  const is = expects([
    'tcp:*.example.org:443',
    'udp:10.0.0.0/8:*',
    'tcp:[2001:db8::]/32:80',
    'tcp:Exact.example.net:*'
  ])
  const yes = [
    tcp('a.example.org', 443),
    dns('a.example.org'),
    dns('exact.example.net'),
    udp('10.9.8.7', 1),
    tcp('2001:db8::1', 80),
    tcp('exact.example.net', 8080)
  ]
  const no = [
    tcp('a.example.org', 80),
    tcp('example.org', 443),
    tcp('badexample.org', 443),
    udp('a.example.org', 443),
    udp('11.0.0.1', 1),
    tcp('10.0.0.1', 1),
    tcp('2001:db9::1', 80),
    dns('example.org'),
    { proto: 'unix', host: '/run/x', port: 0 } as const
  ]
  for (const one of yes) t.ok(is(one), showDestination(one))
  for (const one of no) t.absent(is(one), showDestination(one))
  const dht = expects(['udp:dht'])
  t.ok(dht(udp('8.8.8.8', 53)))
  t.absent(dht(dns('anything.example')), 'a swarm declares the names it asks for')
  t.absent(dht(tcp('8.8.8.8', 53)))
})

test('what was not seen whole is never passed, and a long list is cut and still fails', (t) => {
  const many = Array.from({ length: 70 }, (_, index) => {
    return { proto: 'tcp', host: `192.0.2.${index}`, port: 443 } as const
  })
  const full = { how: 'full', destinations: [], more: 0, missed: 0 } as const
  t.is(judgeSeen(full, [], []).answer, 'pass')
  t.is(judgeSeen({ ...full, missed: 1 }, [], []).answer, 'unavailable')
  t.is(judgeSeen({ ...full, more: 1 }, ['tcp:*:443'], []).answer, 'fail')
  const long = judgeSeen({ ...full, destinations: many }, [], [])
  t.is(long.answer, 'fail')
  t.is(long.unexpected.length, 64)
  t.is(judgeSeen({ ...full, destinations: many }, ['tcp:192.0.2.0/24:443'], []).answer, 'pass')
  const count = { how: 'count', packets: 3, destinations: [] } as const
  t.is(judgeSeen(count, [], []).answer, 'fail')
  t.is(judgeSeen(count, ['udp:dht'], []).answer, 'unavailable')
  t.is(judgeSeen({ ...count, packets: 0 }, [], []).answer, 'pass')
})

test('packets are read to their destination, and broken ones are none', (t) => {
  const v4 = Uint8Array.from([
    0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, 0x9c, 0x40, 0x01, 0xbb,
    0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02, 0, 0, 0, 0, 0, 0
  ])
  const read = readPacket(v4)
  t.is(`${read?.target}:${read?.targetPort} ${read?.opens}`, '198.51.100.2:443 true')
  const answered = v4.slice()
  answered[33] = 0x12
  t.is(readPacket(answered)?.opens, false)
  const head = [0x60, 0, 0, 0, 0, 16, 0, 64]
  const address = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]
  const hop = [17, 0, 0, 0, 0, 0, 0, 0]
  const v6 = Uint8Array.from([...head, ...address, ...address, ...hop, 0, 1, 0, 53, 0, 8, 0, 0, 7])
  const six = readPacket(v6)
  t.is(`${six?.protocol} ${six?.target} ${six?.targetPort}`, '17 2001:db8::9 53', 'past a header')
  t.alike(six?.payload, Uint8Array.from([7]))
  for (let length = 0; length < 20; length++) t.is(readPacket(v4.subarray(0, length)), null)
  t.is(readPacket(Uint8Array.from([0x10, 1, 2])), null)
})

test('questions are read, answered, and nothing of a broken one is believed', (t) => {
  const name = [4, ...Buffer.from('Ab\n2'), 3, ...Buffer.from('org'), 0]
  const query = Uint8Array.from([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1])
  const question = readQuestion(query)
  t.is(question?.name, 'ab?2.org', 'lower case, and no control characters')
  t.is(question?.type, 1)
  if (question === null) return
  const answer = answerTo(query, question, [198, 18, 0, 1])
  t.alike([...answer.subarray(-4)], [198, 18, 0, 1])
  t.is(readQuestion(answer), null, 'an answer is no question')
  for (let length = 0; length < query.length; length++) {
    t.is(readQuestion(query.subarray(0, length)), null)
  }
})

test('packets without a way are read from the counters, or said to be unknown', (t) => {
  const snmp = 'Ip: Forwarding OutNoRoutes Frags\nIp: 2 7 0\nIcmp: a\nIcmp: 1\n'
  t.is(noRoutes(snmp, 'Ip6OutNoRoutes                  \t3\n'), 10)
  t.is(noRoutes(snmp, ''), 7)
  t.is(noRoutes('Ip: Forwarding\nIp: 2\n', ''), null)
  t.is(noRoutes('', ''), null)
})

const line = (flags: string, type: string, path: string): string =>
  `0000000000000000: 00000002 00000000 ${flags} ${type} 01 12345 ${path}`

test('the sockets that listen on a machine are found in its table', (t) => {
  const table = [
    'Num       RefCount Protocol Flags    Type St Inode Path',
    line('00010000', '0001', '/run/docker.sock'),
    line('00010000', '0001', '/run/docker.sock'),
    line('00010000', '0001', '@abstract@@'),
    line('00000000', '0001', '/run/connected'),
    line('00010000', '0002', '/dev/log'),
    line('00010000', '0001', '/run/nscd/socket'),
    line('00010000', '0001', '/run/../etc/x'),
    line('00010000', '0001', 'relative.sock'),
    '0000000000000000: 00000003 00000000 00000000 0001 03 999'
  ].join('\n')
  t.alike(listeningSockets(table), [
    { kind: 'path', name: '/run/docker.sock' },
    { kind: 'abstract', name: 'abstract@@' }
  ])
})
