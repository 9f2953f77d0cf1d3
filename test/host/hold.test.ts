import { once } from 'node:events'
import { Agent, createServer, request, type RequestListener } from 'node:http'
import * as net from 'node:net'
import test, { type TestContext } from 'brittle'
import { HoldProxy, usualBounds, type HoldBounds } from '../../lib/host/launcher/hold/proxy.ts'
import { startLoad } from './load.ts'
import { later, Rig } from './rig.ts'

function portOf(server: net.Server): number {
  const at = server.address()
  return typeof at === 'object' && at !== null ? at.port : 0
}

async function app(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return portOf(server)
}

async function proxy(
  t: TestContext,
  bounds: HoldBounds = usualBounds
): Promise<{ proxy: HoldProxy; port: number }> {
  const made = new HoldProxy(bounds)
  const server = made.serve('http').listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { proxy: made, port: portOf(server) }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly retryAfter: string | undefined
}

interface Sent {
  readonly method: string
  readonly body: string
  readonly agent: Agent | false
}

async function send(
  port: number,
  { method = 'GET', body = '', agent = false }: Partial<Sent> = {}
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const asked = request({ port, method, agent, host: '127.0.0.1' }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      const { statusCode: status = 0, headers } = response
      response.on('end', () => resolve({ status, body: text, retryAfter: headers['retry-after'] }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

test('requests wait while nobody serves, and go to the next one whole', async (t) => {
  const seen: string[] = []
  const next = await app(t, (asked, response) => {
    let text = ''
    asked.setEncoding('utf8').on('data', (part: string) => (text += part))
    asked.on('end', () => {
      seen.push(text)
      response.setHeader('x-own', 'kept').end(`next ${asked.method} ${text.length}`)
    })
  })
  const first = await app(t, (_, response) => response.end('first'))
  const { proxy: held, port } = await proxy(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  held.flow({ key: 'a', ports: { http: first } })
  t.is((await send(port, { agent })).body, 'first')
  await held.hold(1_000)
  const kept = send(port, { agent, method: 'POST', body: 'one' })
  const large = send(port, { method: 'POST', body: 'x'.repeat(300_000) })
  await later(100)
  t.is(held.counts.held, 2)
  held.flow({ key: 'b', ports: { http: next } })
  t.is((await kept).body, 'next POST 3')
  t.is((await large).body, 'next POST 300000')
  t.ok(seen.includes('one'))
  t.is(held.counts.lost, 0)
})

test('over a bound a request is turned away at once, or after its time, and counts', async (t) => {
  const { proxy: held, port } = await proxy(t, { requests: 2, bytes: 10_000, ms: 300 })
  const waiting = [send(port), send(port)]
  await later(50)
  const third = await send(port)
  t.is(third.status, 503)
  t.is(third.retryAfter, '1')
  for (const one of await Promise.all(waiting)) t.is(one.status, 503, 'its time is over')
  const big = await send(port, { method: 'POST', body: 'x'.repeat(20_000) })
  t.is(big.status, 503, 'bytes')
  t.alike(held.counts, { passed: 0, held: 2, lost: 4, turnedAway: 4 })
})

test('what was sent to a process that dies is not sent again', async (t) => {
  let asked = 0
  const dying = await app(t, (incoming) => {
    asked++
    incoming.socket.destroy()
  })
  const other = await app(t, (_, response) => response.end('other'))
  const { proxy: held, port } = await proxy(t)
  held.flow({ key: 'a', ports: { http: dying } })
  t.is((await send(port, { method: 'POST', body: 'pay' })).status, 502)
  t.is(asked, 1)
  t.is(held.counts.lost, 1)
  held.flow({ key: 'b', ports: { http: other } })
  t.is((await send(port)).body, 'other')
})

test('a process that cannot be reached got no byte: another one may have it', async (t) => {
  const closed = net.createServer().listen(0, '127.0.0.1')
  await once(closed, 'listening')
  const nobody = portOf(closed)
  closed.close()
  const next = await app(t, (_, response) => response.end('next'))
  const { proxy: held, port } = await proxy(t)
  held.flow({ key: 'a', ports: { http: nobody } })
  const asked = send(port)
  await later(100)
  held.flow({ key: 'b', ports: { http: next } })
  t.is((await asked).body, 'next')
  t.is(held.counts.lost, 0)
})

test('a WebSocket passes both ways, and waits for its beginning like a request', async (t) => {
  const server = createServer()
  server.on('upgrade', (_incoming, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { proxy: held, port } = await proxy(t)
  const client = net.connect(port, '127.0.0.1')
  const all: string[] = []
  client.setEncoding('latin1').on('data', (part: string) => all.push(part))
  client.write('GET / HTTP/1.1\r\nhost: x\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')
  await later(50)
  held.flow({ key: 'a', ports: { http: portOf(server) } })
  while (!all.join('').includes('101')) await later(10)
  client.write('echo')
  while (!all.join('').includes('echo')) await later(10)
  t.is(await held.drain('a', 100), 1, 'cut off at the end of a drain, and counted')
  await once(client, 'close')
})

test('an exclusive hand-over behind the holding process loses no request', async (t) => {
  const rig = await Rig.open(await t.tmp())
  t.teardown(async () => await rig.close())
  const [one, two] = ['1'.repeat(52), '2'.repeat(52)]
  const handover = { class: 'exclusive', proxy: 'hold' }
  for (const release of [one, two]) {
    await rig.install(release, 'good', {
      handover,
      start: ['node', 'server.js', '${PORT}', release.charAt(0)]
    })
  }
  await rig.serve('a', one)
  const load = startLoad(await rig.port(), 10)
  await later(200)
  await rig.do({ tag: 'route', slot: null })
  await rig.do({ tag: 'end', slot: 'a', drain: true })
  await rig.told('ended', 'a')
  await rig.serve('b', two)
  await later(200)
  await load.stop()
  t.comment(`${load.sent()} requests, ${[...load.answers].join(' ')}`)
  t.is(load.lost(), 0)
  t.ok((load.answers.get('1') ?? 0) > 0 && (load.answers.get('2') ?? 0) > 0)
  await later(300)
  const { hold } = await rig.view()
  t.ok((hold?.held ?? 0) > 0)
  t.is(hold?.lost, 0)
})
